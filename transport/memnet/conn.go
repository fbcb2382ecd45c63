package memnet

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// Conn is one end of a connection, as DialContext and Accept return it. It is a
// net.Conn with CloseWrite, like *net.TCPConn. Reads may run beside writes, and
// several writes beside each other: each goes out in one piece.
type Conn struct {
	pipe   *pipe
	side   int // which end of the pipe
	host   *host
	local  Addr
	remote Addr

	// The rest needs pipe.mu.
	closed  bool  // Close was called
	shut    bool  // and has taken effect: that of a stalled process waits
	err     error // why the connection failed: errReset or net.ErrClosed
	gone    bool  // this host does not know the connection any more; it answers with resets
	stalled bool  // the process is stopped

	readDeadline  deadline
	writeDeadline deadline
}

// Read reads up to len(b) bytes, waiting for the first. It returns io.EOF after
// the peer's last byte, and else a *net.OpError around ECONNRESET,
// os.ErrDeadlineExceeded, or net.ErrClosed after Close or when the process was
// killed. Once the deadline has passed, Read fails even if there are bytes.
func (c *Conn) Read(b []byte) (int, error) {
	p := c.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	in := &p.lane[1-c.side]
	for {
		switch {
		case c.closed:
			return 0, c.opError("read", net.ErrClosed)
		case len(b) == 0:
			return 0, nil
		case c.readDeadline.expired():
			return 0, c.opError("read", os.ErrDeadlineExceeded)
		case c.stalled:
		case c.err != nil:
			return 0, c.opError("read", c.err)
		case in.unread() > 0:
			n := in.pull(b)
			p.acknowledge(1 - c.side)
			return n, nil
		case in.ended():
			return 0, io.EOF
		}
		c.readDeadline.wait(&in.readable)
	}
}

// Write writes b, waiting for room in the [Window]. If it fails after a part,
// it returns the length of that part, which will arrive. Errors are those of
// Read without io.EOF, and EPIPE after CloseWrite.
func (c *Conn) Write(b []byte) (int, error) {
	p := c.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	out := &p.lane[c.side]
	for {
		if err := c.writeError(); err != nil {
			return 0, err
		}
		if !out.writing {
			break
		}
		c.writeDeadline.wait(&out.writable)
	}
	out.writing = true
	defer func() {
		out.writing = false
		out.writable.Broadcast()
	}()

	if tap := p.net.tap.Load(); tap != nil && len(b) > 0 {
		c.tap(*tap, b)
	}
	for n := 0; ; {
		if err := c.writeError(); err != nil {
			return n, err
		}
		if k := min(out.room(), len(b)-n); k > 0 {
			out.push(b[n : n+k])
			n += k
			p.send(c.side)
		}
		if n == len(b) {
			return n, nil
		}
		c.writeDeadline.wait(&out.writable)
	}
}

// tap shows b to f, without the lock.
func (c *Conn) tap(f func(from, to string, b []byte), b []byte) {
	c.pipe.mu.Unlock()
	defer c.pipe.mu.Lock()
	f(c.local.String(), c.remote.String(), b)
}

// writeError says why nothing can be written, waiting or not. Needs pipe.mu.
func (c *Conn) writeError() error {
	switch {
	case c.closed:
		return c.opError("write", net.ErrClosed)
	case c.writeDeadline.expired():
		return c.opError("write", os.ErrDeadlineExceeded)
	case c.err != nil:
		return c.opError("write", c.err)
	case c.pipe.lane[c.side].fin:
		return c.opError("write", syscall.EPIPE)
	}
	return nil
}

// CloseWrite ends the stream to the peer, who reads io.EOF after the last byte;
// reading goes on. It does not wait. A Write that waits fails with EPIPE.
func (c *Conn) CloseWrite() error {
	p := c.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case c.closed:
		return c.opError("close", net.ErrClosed)
	case c.err != nil:
		return c.opError("close", c.err)
	}
	p.finish(c.side)
	return nil
}

// Close closes the connection without waiting; what has been written is still
// delivered. If input has arrived that was not read, or arrives later, the peer
// is reset instead, and loses what it has not read: to be sure that the last
// words are heard, CloseWrite, then read until io.EOF, then Close. Waiting
// Reads and Writes fail with net.ErrClosed, as does a second Close.
func (c *Conn) Close() error {
	p := c.pipe
	p.mu.Lock()
	if c.closed {
		p.mu.Unlock()
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	c.readDeadline.stop()
	c.writeDeadline.stop()
	p.lane[c.side].writable.Broadcast()
	p.lane[1-c.side].readable.Broadcast()
	if !c.gone && !c.stalled {
		p.shut(c.side)
	}
	over := p.over()
	p.mu.Unlock()

	if over {
		p.net.forget(p)
	}
	return nil
}

// LocalAddr returns this end's address, an [Addr].
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the peer's address, an [Addr].
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, true, true) }

// SetReadDeadline sets when Read, waiting or yet to come, fails with
// os.ErrDeadlineExceeded; the zero time means never.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, true, false) }

// SetWriteDeadline is as SetReadDeadline, for Write.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, false, true) }

func (c *Conn) setDeadlines(t time.Time, read, write bool) error {
	p := c.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	// Whoever waits is woken, to wait for the new deadline.
	if read {
		c.readDeadline.at = t
		p.lane[1-c.side].readable.Broadcast()
	}
	if write {
		c.writeDeadline.at = t
		p.lane[c.side].writable.Broadcast()
	}
	return nil
}

// done tells whether no change of the network can matter to this end any more.
// Who is stalled has yet to be told that it may go on. Needs pipe.mu.
func (c *Conn) done() bool { return c.closed || c.gone && !c.stalled }

// fail ends the connection at this end for the given reason, and tells nobody
// else. Needs pipe.mu.
func (c *Conn) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.gone = true
	c.pipe.lane[c.side].truncate()
	c.pipe.lane[1-c.side].discard()
	c.pipe.lane[c.side].writable.Broadcast()
	c.pipe.lane[1-c.side].readable.Broadcast()
}

// kill ends the connection because the process ended. Needs pipe.mu.
func (c *Conn) kill() {
	if c.err == nil {
		c.err = net.ErrClosed
	}
	c.stalled = false
	c.pipe.lane[c.side].writable.Broadcast()
	c.pipe.lane[1-c.side].readable.Broadcast()
	if !c.gone {
		c.pipe.abort(c.side)
	}
}

// abort closes an end that nobody has accepted.
func (c *Conn) abort() {
	p := c.pipe
	p.mu.Lock()
	c.closed = true
	if !c.gone {
		p.abort(c.side)
	}
	over := p.over()
	p.mu.Unlock()
	if over {
		p.net.forget(p)
	}
}

// opError dresses err as package net does.
func (c *Conn) opError(op string, err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = syscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}
