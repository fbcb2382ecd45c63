package world

import (
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// window is how much a sender may have under way without acknowledgement.
const window = 64 << 10

// conn is a TCP connection between two processes. Each end has its own LinkID.
type conn struct {
	w      *World
	ends   [2]*Proc
	ids    [2]machine.LinkID
	dirs   [2]direction // dirs[i]: what ends[i] sends
	closed [2]bool      // this end has closed
}

// direction is one way of a connection.
type direction struct {
	last    time.Duration // when the last segment arrives
	held    []segment
	heldBy  time.Duration // since when
	unacked int           // bytes sent while acknowledgements are lost
}

// segment is one message, or the end of the stream.
type segment struct {
	beat  wire.Beat
	msg   wire.Message
	fin   bool
	reset bool
}

// send puts a segment on its way from end i.
func (c *conn) send(i int, s segment) {
	w := c.w
	from, to := c.ends[i].host, c.ends[1-i].host
	d := &c.dirs[i]
	if len(d.held) > 0 || w.blocked(from.address, to.address) {
		d.hold(w, s)
		return
	}
	if w.blocked(to.address, from.address) {
		if d.unacked += 64; d.unacked > window {
			d.hold(w, s)
			return
		}
	} else {
		d.unacked = 0
	}
	d.last = max(d.last, w.now+w.segment(to.address))
	w.At(d.last, func() { c.arrive(i, s) })
}

func (d *direction) hold(w *World, s segment) {
	if len(d.held) == 0 {
		d.heldBy = w.now
	}
	if len(d.held) < window/32 {
		d.held = append(d.held, s)
	}
}

// release sends what was held back once the way is free: at the sender's next
// retransmission, which after an outage of d comes within d.
func (d *direction) release(c *conn, i int) {
	w := c.w
	if len(d.held) == 0 || w.blocked(c.ends[i].host.address, c.ends[1-i].host.address) {
		return
	}
	held := d.held
	outage := min(w.now-d.heldBy, 30*time.Second)
	d.held, d.unacked = nil, 0
	d.last = max(d.last, w.now+time.Duration(w.rng.Int64N(int64(outage)+1)))
	for _, s := range held {
		d.last += w.delay() / 100
		w.At(d.last, func() { c.arrive(i, s) })
	}
}

// arrive hands a segment from end i to the other.
func (c *conn) arrive(i int, s segment) {
	p := c.ends[1-i]
	h := p.host
	if c.w.blocked(c.ends[i].host.address, h.address) {
		// The cut came while it was under way.
		c.dirs[i].hold(c.w, s)
		return
	}
	if !h.powered {
		return
	}
	if p.dead {
		// Nobody holds this connection any more: the host answers with a reset.
		if !s.reset && !s.fin {
			c.send(1-i, segment{reset: true})
		}
		return
	}
	if c.closed[1-i] {
		return
	}
	p.input(func() { c.take(1-i, s) })
}

// take is the process at end i reading a segment.
func (c *conn) take(i int, s segment) {
	p := c.ends[i]
	if c.closed[i] || p.dead {
		return
	}
	now := p.clock()
	switch {
	case s.fin, s.reset:
		c.drop(i)
		p.m.LinkDown(now, c.ids[i])
	case s.msg != nil:
		p.m.Receive(now, c.ids[i], s.msg)
	default:
		p.m.Beat(now, c.ids[i], s.beat)
	}
	p.perform()
}

// close is end i closing in good order.
func (c *conn) close(i int) {
	if c.closed[i] {
		return
	}
	c.drop(i)
	c.send(i, segment{fin: true})
}

// drop forgets the connection at end i.
func (c *conn) drop(i int) {
	c.closed[i] = true
	p := c.ends[i]
	delete(p.links, c.ids[i])
	if c.closed[0] && c.closed[1] || c.ends[1-i].dead {
		p.host.forget(c)
		c.ends[1-i].host.forget(c)
	}
}
