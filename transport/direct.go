package transport

import (
	"fmt"
	"net"
	"syscall"
)

// A direct writes to a socket as far as that goes without waiting. It is used
// by one goroutine at a time. Its fields carry a call's arguments and results,
// so that a write allocates nothing.
type direct struct {
	raw     syscall.RawConn
	attempt func(fd uintptr)
	p       []byte
	n       int
	err     error
}

// newDirect returns nil if this kind of connection, or this system, has no
// write that does not wait.
func newDirect(conn net.Conn) *direct {
	socket, ok := conn.(syscall.Conn)
	if !ok || !canTry {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	d := &direct{raw: raw}
	d.attempt = func(fd uintptr) { d.n, d.err = tryWrite(fd, d.p) }
	return d
}

// write returns how much of p was taken; less than all, without an error: the
// connection is full.
func (d *direct) write(p []byte) (int, error) {
	d.p, d.n, d.err = p, 0, nil
	// Control, and not Write: it neither waits nor minds a deadline that has
	// passed since the last write that could wait.
	err := d.raw.Control(d.attempt)
	d.p = nil
	if err == nil {
		err = d.err
	}
	return d.n, err
}

// SendNow is Send for short payloads that are worth a system call on the
// caller's goroutine, such as heartbeats: if nothing waits to be sent, the
// payload goes to the operating system at once, as far as that can be done
// without waiting. Otherwise it is queued, so payloads stay in order.
func (l *Link) SendNow(payload []byte) error {
	l.mu.Lock()
	if l.direct == nil || !l.started || l.writing || len(l.out) > 0 || l.err != nil || l.flushing ||
		len(payload) == 0 || len(payload) > readChunk {
		l.mu.Unlock()
		return l.Send(payload)
	}
	frame := appendFrame(l.out, payload)
	n, err := l.direct.write(frame)
	l.bytesOut.Add(uint64(n))
	switch {
	case err != nil:
		l.mu.Unlock()
		return l.fail(fmt.Errorf("writing to %s: %w", l.RemoteAddr(), err))
	case n == len(frame):
		if l.out = frame[:0]; l.slack.over(len(frame), cap(frame)) {
			l.out = nil
		}
		l.mu.Unlock()
		l.framesOut.Add(1)
		return nil
	}
	l.out, l.outCount, l.queued = frame[n:], 1, len(frame)-n
	l.mu.Unlock()
	l.wake.Signal()
	return nil
}
