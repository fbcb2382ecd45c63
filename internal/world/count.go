package world

import (
	"math/bits"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// Counts is what happened in a world, for costs and summaries.
type Counts struct {
	Messages, Beats uint64 // sent
	Bytes           uint64 // sent, frame headers included, if Options.Bytes
	Looks, Dials    uint64
	Removals        uint64 // of members whose process was running and not paused

	// How long after a process had stopped answering others dropped it.
	Noticed                 uint64
	FirstNotice, LastNotice time.Duration
}

// Since returns what was counted after an earlier moment.
func (c Counts) Since(o Counts) Counts {
	c.Messages -= o.Messages
	c.Beats -= o.Beats
	c.Bytes -= o.Bytes
	c.Looks -= o.Looks
	c.Dials -= o.Dials
	c.Removals -= o.Removals
	return c
}

// removed counts the removal of whoever ran at a host.
func (c *Counts) removed(w *World, h *Host, id wire.ID) {
	switch {
	case h.proc != nil && h.proc.m.Self() == id && !h.proc.paused && !h.proc.out:
		c.Removals++
	case h.downAt >= 0:
		d := w.now - h.downAt
		if c.Noticed++; c.Noticed == 1 || d < c.FirstNotice {
			c.FirstNotice = d
		}
		c.LastNotice = max(c.LastNotice, d)
	}
}

// meter measures messages. One that is sent to several is measured once.
type meter struct {
	encoder wire.Encoder
	last    wire.Message
	size    uint64
	beats   *[lengths][lengths][lengths]uint64
}

const (
	frameHeader = 4
	lengths     = 65 // of a number, in bits
)

func (k *meter) sent(c *Counts, e *machine.Effect) {
	if e.Kind == machine.DoBeat {
		if k.beats == nil {
			k.beats = new([lengths][lengths][lengths]uint64)
		}
		// Two heartbeats whose numbers are as long are as long themselves.
		size := &k.beats[bits.Len64(e.Beat.Seq)][bits.Len64(e.Beat.Echo)][bits.Len64(e.Beat.Digest)]
		if *size == 0 {
			k.encoder.Reset()
			e.Beat.Encode(&k.encoder)
			*size = uint64(len(k.encoder.Bytes())) + frameHeader
		}
		c.Bytes += *size
		return
	}
	if k.last != e.Message {
		k.encoder.Reset()
		wire.Encode(&k.encoder, e.Message)
		k.last, k.size = e.Message, uint64(len(k.encoder.Bytes()))+frameHeader
	}
	c.Bytes += k.size
}
