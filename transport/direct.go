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

// SendLater is Send for a caller that goes on with other payloads and then
// calls Flush; without that call a payload may wait for ever. More than one
// write holds is begun with at once.
func (l *Link) SendLater(payload []byte) error {
	waiting, err := l.queue(payload)
	if waiting > readChunk {
		l.wake.Signal()
	}
	return err
}

// Flush sets off what SendLater has queued: in one write on the caller's
// goroutine, as far as the operating system takes it without waiting, and as
// far as nothing else is being written. The rest is left to the link's writer,
// so payloads stay in order. That saves waking the writer for a few short
// payloads. The error is why the link is down.
func (l *Link) Flush() error {
	l.mu.Lock()
	if len(l.out) == 0 {
		defer l.mu.Unlock()
		return l.err
	}
	if l.direct == nil || !l.started || l.writing || l.flushing || len(l.out) > readChunk {
		l.mu.Unlock()
		l.wake.Signal()
		return nil
	}
	n, err := l.direct.write(l.out)
	l.bytesOut.Add(uint64(n))
	l.queued -= n
	if err != nil {
		l.mu.Unlock()
		return l.fail(fmt.Errorf("writing to %s: %w", l.RemoteAddr(), err))
	}
	if n < len(l.out) {
		l.out = l.out[n:]
		l.mu.Unlock()
		l.wake.Signal()
		return nil
	}
	l.framesOut.Add(l.outCount)
	l.outCount = 0
	if l.out = l.out[:0]; l.slack.Over(n, cap(l.out), bufferTimes) {
		l.out = nil
	}
	l.mu.Unlock()
	return nil
}
