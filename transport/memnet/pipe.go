package memnet

import (
	"sync"
	"syscall"
	"time"
)

// pipe is one TCP connection: two ends, and a lane in each direction. lane[i]
// carries what end[i] writes. One lock guards it all; whoever waits does so on
// a sync.Cond of it, so that nobody ever waits for the lock itself for long.
type pipe struct {
	net    *Network
	serial uint64

	mu   sync.Mutex
	end  [2]Conn // the dialling end, the accepting end
	lane [2]lane
}

// path is what the network is like in one direction.
type path struct {
	cut     bool          // nothing arrives
	stalled bool          // the sending process is stopped
	delay   time.Duration // how long a segment takes
}

func newPipe(n *Network, serial uint64, dialer *host, from Addr, acceptor *host, to Addr) *pipe {
	p := &pipe{net: n, serial: serial}
	for i, h := range []*host{dialer, acceptor} {
		p.end[i].pipe, p.end[i].side, p.end[i].host = p, i, h
		p.lane[i].readable.L, p.lane[i].writable.L = &p.mu, &p.mu
	}
	p.end[0].local, p.end[0].remote = from, to
	p.end[1].local, p.end[1].remote = to, from
	return p
}

// joins tells whether the pipe is between hosts a and b; with b empty, whether
// it has an end at a. It reads only what never changes.
func (p *pipe) joins(a, b string) bool {
	x, y := p.end[0].host.name, p.end[1].host.name
	if b == "" {
		return x == a || y == a
	}
	return x == a && y == b || x == b && y == a
}

// All methods below need mu.

// over tells whether no end can notice anything any more.
func (p *pipe) over() bool { return p.end[0].done() && p.end[1].done() }

// apply sets what the network is like now, and does what has become possible.
func (p *pipe) apply(now [2]path) {
	for i := range p.lane {
		p.lane[i].setPath(now[i])
		if p.end[i].gone {
			p.lane[i].truncate() // what a new cut has taken, nobody sends again
		}
	}
	for i := range p.lane {
		p.acknowledge(i)
		p.send(i)
	}
	for i := range p.end {
		e := &p.end[i]
		if resumed := e.stalled && !now[i].stalled; !resumed {
			e.stalled = now[i].stalled
			continue
		}
		e.stalled = false
		p.lane[1-i].readable.Broadcast()
		if e.closed && !e.shut && !e.gone {
			p.shut(i)
		}
	}
	for i := range p.end {
		if in := &p.lane[1-i]; p.end[i].gone && in.arrived > in.acked {
			p.reply(i) // sent again to a kernel that no longer knows what it is
		}
	}
}

// acknowledge lets the writer of a lane know what has been read, unless the way
// back is cut or nobody is left to tell.
func (p *pipe) acknowledge(i int) {
	l := &p.lane[i]
	if p.lane[1-i].path.cut || p.end[1-i].gone || l.acked == l.read {
		return
	}
	l.acked = l.read
	l.writable.Broadcast()
}

// send puts on their way all bytes of a lane that wait, if they may go.
func (p *pipe) send(i int) {
	l := &p.lane[i]
	if l.path.cut || l.path.stalled || l.departed == l.sent {
		return
	}
	l.departed = l.sent
	if l.path.delay == 0 && len(l.flights) == 0 {
		l.arrived = l.sent
		p.land(i)
		return
	}
	now := time.Now()
	l.fly(flight{end: l.sent, due: now.Add(l.path.delay)})
	l.schedule(p, i, now)
}

// arrive takes in what is due on a lane. A timer calls it.
func (p *pipe) arrive(i int) {
	l := &p.lane[i]
	now := time.Now()
	before, reset := l.arrived, false
	for len(l.flights) > 0 && !l.flights[0].due.After(now) {
		l.arrived, reset = max(l.arrived, l.flights[0].end), reset || l.flights[0].reset
		l.flights = l.flights[1:]
	}
	if l.arrived > before {
		p.land(i)
	}
	if reset {
		p.end[1-i].fail(errReset)
	}
	l.schedule(p, i, now)
}

// land is called when something new has arrived on a lane.
func (p *pipe) land(i int) {
	l, to := &p.lane[i], &p.end[1-i]
	switch {
	case to.gone:
		p.reply(1 - i)
	case to.shut && l.unread() > 0:
		p.abort(1 - i)
	default:
		l.readable.Broadcast()
	}
}

// shut does for the network what Close asks for: it ends the lane after the
// bytes that are in it, or, if input has been left unread, resets the peer.
func (p *pipe) shut(i int) {
	p.end[i].shut = true
	if p.lane[1-i].unread() > 0 {
		p.abort(i)
		return
	}
	p.finish(i)
}

// finish ends a lane after the bytes that are in it.
func (p *pipe) finish(i int) {
	l := &p.lane[i]
	if l.fin || p.end[i].gone {
		return
	}
	l.fin = true
	l.sent++ // the end takes a sequence number, and is held back like a byte
	l.writable.Broadcast()
	p.send(i)
}

// abort makes an end forget the connection and tell the peer, if it can. Input
// that has arrived is thrown away, output that has not departed never will.
func (p *pipe) abort(i int) {
	p.lane[1-i].discard()
	p.acknowledge(1 - i)
	p.lane[i].truncate()
	p.end[i].gone = true
	p.reply(i)
}

// reply sends a reset from an end that does not know the connection any more.
// It is not repeated: if the path is cut, it is lost.
func (p *pipe) reply(i int) {
	l := &p.lane[i]
	switch {
	case l.path.cut || p.end[1-i].gone:
	case len(l.flights) > 0 && l.flights[len(l.flights)-1].reset: // one is on its way
	case l.path.delay == 0 && len(l.flights) == 0:
		p.end[1-i].fail(errReset)
	default:
		now := time.Now()
		l.fly(flight{end: l.departed, due: now.Add(l.path.delay), reset: true})
		l.schedule(p, i, now)
	}
}

// errReset marks an end that has been reset. Operations wrap it with their own
// name.
const errReset = syscall.ECONNRESET
