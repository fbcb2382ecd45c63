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
	w       *World
	ends    [2]*Proc
	ids     [2]machine.LinkID
	dirs    [2]direction // dirs[i]: what ends[i] sends
	closed  [2]bool      // this end has closed
	stalled bool         // something between has forgotten it, and drops what comes
}

// direction is one way of a connection. What is under way arrives in the order
// in which it was sent.
type direction struct {
	c       *conn
	i       int
	last    time.Duration // when the last segment arrives
	flight  []segment     // under way
	landed  int           // how many of flight have arrived
	held    []segment     // what a cut holds back
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

func newConn(w *World, from, to *Proc) *conn {
	c := &conn{w: w, ends: [2]*Proc{from, to}}
	for i := range c.dirs {
		c.dirs[i].c, c.dirs[i].i = c, i
	}
	return c
}

// blocked says that nothing that end i sends arrives.
func (c *conn) blocked(i int) bool {
	return c.stalled || c.w.blocked(c.ends[i].host, c.ends[1-i].host)
}

// send puts a segment on its way from end i.
func (c *conn) send(i int, s segment) {
	w := c.w
	d := &c.dirs[i]
	if len(d.held) > 0 || c.blocked(i) {
		d.hold(w, s)
		return
	}
	if c.blocked(1 - i) {
		if d.unacked += 64; d.unacked > window {
			d.hold(w, s)
			return
		}
	} else {
		d.unacked = 0
	}
	d.fly(max(d.last, w.now+w.segment(c.ends[1-i].host)), s)
}

// fly has a segment arrive at a moment, after all that were sent before.
func (d *direction) fly(at time.Duration, s segment) {
	d.last = at
	d.flight = append(d.flight, s)
	d.c.w.at(at, d)
}

// happen is the arrival of the segment that has been under way for longest.
func (d *direction) happen() {
	s := d.flight[d.landed]
	d.flight[d.landed] = segment{}
	if d.landed++; d.landed == len(d.flight) {
		d.flight, d.landed = d.flight[:0], 0
	}
	d.c.arrive(d.i, s)
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
func (d *direction) release() {
	w := d.c.w
	if len(d.held) == 0 || d.c.blocked(d.i) {
		return
	}
	held := d.held
	outage := min(w.now-d.heldBy, 30*time.Second)
	d.held, d.unacked = nil, 0
	at := max(d.last, w.now+time.Duration(w.rng.Int64N(int64(outage)+1)))
	for _, s := range held {
		at += w.delay() / 100
		d.fly(at, s)
	}
}

// arrive hands a segment from end i to the other.
func (c *conn) arrive(i int, s segment) {
	p := c.ends[1-i]
	h := p.host
	if c.blocked(i) {
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
	if p.paused {
		p.waiting = append(p.waiting, func() { c.take(1-i, s) })
		return
	}
	c.take(1-i, s)
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
	p.links--
	c.w.ends[c.ids[i]] = linkEnd{}
	if c.closed[0] && c.closed[1] || c.ends[1-i].dead {
		p.host.forget(c)
		c.ends[1-i].host.forget(c)
	}
}
