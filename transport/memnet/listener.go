package memnet

import (
	"net"
	"sync"
)

// listener is what Listen returns. Its queue stands for the kernel's: a
// connection is up for the dialling side before anybody accepts it.
type listener struct {
	net   *Network
	host  *host
	at    Addr
	ready sync.Cond // on net.mu: the queue, closed or the host's stall has changed

	queue  []*Conn // at most Backlog
	closed bool
}

// Accept waits for a connection. It fails with net.ErrClosed once the listener
// is closed or its process has been killed.
func (l *listener) Accept() (net.Conn, error) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	for !l.closed && (l.host.stalled || len(l.queue) == 0) {
		l.ready.Wait()
	}
	if l.closed {
		return nil, l.opError("accept")
	}
	c := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	if len(l.queue) == Backlog-1 {
		l.net.announce() // a dial may wait for this place
	}
	return c, nil
}

// Close stops listening and resets the connections that nobody has accepted.
// A second Close fails with net.ErrClosed.
func (l *listener) Close() error {
	l.net.mu.Lock()
	if l.closed {
		l.net.mu.Unlock()
		return l.opError("close")
	}
	waiting := l.queue
	l.stop()
	l.net.mu.Unlock()

	for _, c := range waiting {
		c.abort()
	}
	return nil
}

// Addr returns the address that Listen was given, with its port filled in.
func (l *listener) Addr() net.Addr { return l.at }

// stop frees the address and wakes whoever accepts. Needs net.mu.
func (l *listener) stop() {
	l.closed = true
	l.queue = nil
	delete(l.net.listeners, l.at)
	l.ready.Broadcast()
	l.net.announce()
}

func (l *listener) opError(op string) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: l.at, Err: net.ErrClosed}
}
