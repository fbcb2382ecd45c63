package world

import (
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
}

const frameHeader = 4

func (k *meter) sent(c *Counts, e *machine.Effect) {
	if e.Kind == machine.DoBeat {
		k.encoder.Reset()
		e.Beat.Encode(&k.encoder)
		c.Bytes += uint64(len(k.encoder.Bytes())) + frameHeader
		return
	}
	if k.last != e.Message {
		k.encoder.Reset()
		wire.Encode(&k.encoder, e.Message)
		k.last, k.size = e.Message, uint64(len(k.encoder.Bytes()))+frameHeader
	}
	c.Bytes += k.size
}
