package memnet

import (
	"sync"
	"time"
)

// lane is one direction of a pipe: the sender's and the receiver's buffer, and
// what is on its way between them. Positions count bytes from the start of the
// connection; the end of the stream counts as one byte more:
//
//	acked ≤ read ≤ arrived ≤ departed ≤ sent
//
// The writer may run Window bytes ahead of acked.
type lane struct {
	path path

	buf  []byte // bytes from read to sent; its first skip bytes have been read
	skip int

	acked    uint64 // what the writer knows to have been read
	read     uint64
	arrived  uint64 // what can be read
	departed uint64 // what is on its way or has arrived; the rest is held back
	sent     uint64 // what has been written
	fin      bool   // the last position of sent is the end of the stream

	flights []flight // in order, of positions between arrived and departed
	timer   *time.Timer

	readable sync.Cond // on pipe.mu: there may be something for Read to return
	writable sync.Cond // on pipe.mu: the same for Write
	writing  bool      // a Write has its turn; others wait, so that they do not mix
}

// flight is a segment on its way.
type flight struct {
	end   uint64 // the position after its last byte
	due   time.Time
	reset bool
}

// room is how many bytes can be written now.
func (l *lane) room() int { return Window - int(l.sent-l.acked) }

// unread is how many bytes have arrived that nobody has read.
func (l *lane) unread() int {
	if l.ended() {
		return int(l.arrived - l.read - 1)
	}
	return int(l.arrived - l.read)
}

// ended tells whether the end of the stream has arrived.
func (l *lane) ended() bool { return l.fin && l.arrived == l.sent }

// push appends bytes.
func (l *lane) push(b []byte) {
	if l.skip > 0 && len(l.buf)+len(b) > cap(l.buf) {
		// Make room at the front before growing. Window bounds what is left.
		l.buf = l.buf[:copy(l.buf, l.buf[l.skip:])]
		l.skip = 0
	}
	l.buf = append(l.buf, b...)
	l.sent += uint64(len(b))
}

// pull takes bytes that have arrived.
func (l *lane) pull(b []byte) int {
	n := copy(b, l.buf[l.skip:l.skip+l.unread()])
	l.skip += n
	l.read += uint64(n)
	if l.skip == len(l.buf) {
		l.buf, l.skip = l.buf[:0], 0
	}
	return n
}

// setPath notes what the direction is like now. A new cut loses what is on its
// way: it is held back with the rest, to be sent again, but for a reset, which
// nobody repeats.
func (l *lane) setPath(now path) {
	if now.cut && !l.path.cut {
		l.flights = nil
		l.departed = l.arrived
		if l.timer != nil {
			l.timer.Stop()
		}
	}
	l.path = now
}

// fly adds a segment behind those on their way. It never overtakes them, even if
// it is due earlier, because arrive takes them from the front.
func (l *lane) fly(f flight) {
	if k := len(l.flights); k > 0 {
		last := &l.flights[k-1]
		if f.due.Equal(last.due) && !last.reset && !f.reset {
			last.end = f.end
			return
		}
	}
	l.flights = append(l.flights, f)
}

// schedule sets the timer for the next segment, if there is one.
func (l *lane) schedule(p *pipe, side int, now time.Time) {
	if len(l.flights) == 0 {
		return
	}
	wait := l.flights[0].due.Sub(now)
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.arrive(side)
		})
		return
	}
	l.timer.Reset(wait)
}

// discard throws away what has arrived, as if it had been read.
func (l *lane) discard() {
	l.skip += l.unread()
	l.read = l.arrived
	if l.skip == len(l.buf) {
		l.buf, l.skip = nil, 0
	}
}

// truncate throws away what has not departed.
func (l *lane) truncate() {
	if l.departed == l.sent {
		return
	}
	held := int(l.sent - l.departed)
	if l.fin {
		l.fin = false // it was the last to be sent, so it is held back too
		held--
	}
	l.buf = l.buf[:len(l.buf)-held]
	l.sent = l.departed
}
