package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Bounds of the pause after an Accept that failed for a passing reason.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// Serve accepts connections from ln, shakes hands, and gives each link to
// accept, which runs on a goroutine of its own, several at once. Each link
// must be given to Start or closed. Looks are answered without accept.
//
// Serve returns when ln fails for good, with the error, or after Close, with
// ErrClosed. Errors that pass, such as a lack of file descriptors, are waited
// out with pauses of up to a second. Close closes ln; before, ln is the
// caller's to close.
func (e *Endpoint) Serve(ln net.Listener, accept func(*Link)) error {
	if !e.attach(ln) {
		_ = ln.Close()
		return ErrClosed
	}
	defer e.detach(ln)
	pause := time.Duration(0)
	for {
		conn, err := ln.Accept()
		if err == nil {
			pause = 0
			e.receive(conn, accept)
			continue
		}
		if e.ctx.Err() != nil {
			return ErrClosed
		}
		if errors.Is(err, net.ErrClosed) || !passing(err) {
			return fmt.Errorf("accepting at %s: %w", ln.Addr(), err)
		}
		pause = min(max(2*pause, minPause), maxPause)
		// Spaces keep this entry apart from those of hosts.
		if skipped, ok := e.limit.allow("accept at "+ln.Addr().String(), time.Now()); ok {
			e.cfg.Logger.Error("accepting failed, trying again", "address", ln.Addr().String(),
				"reason", err.Error(), "not_logged_before", skipped)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-e.ctx.Done():
			timer.Stop()
			return ErrClosed
		}
	}
}

// attach makes Close close ln and wait for its Serve; false after Close.
func (e *Endpoint) attach(ln net.Listener) bool {
	if !e.enter() {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		e.wg.Done()
		return false
	}
	e.listeners[ln] = struct{}{}
	return true
}

func (e *Endpoint) detach(ln net.Listener) {
	e.mu.Lock()
	delete(e.listeners, ln)
	e.mu.Unlock()
	e.wg.Done()
}

// receive starts the handshake of an accepted connection, if there is room.
func (e *Endpoint) receive(conn net.Conn, accept func(*Link)) {
	e.mu.Lock()
	closed := e.closed
	room := !closed && e.pending < e.cfg.MaxPending
	if room {
		e.pending++
		e.wg.Add(1)
	}
	e.mu.Unlock()
	if !room {
		_ = conn.Close()
		if !closed {
			e.crowded.Add(1)
			e.complain(conn.RemoteAddr(), "too many handshakes at once", FailureLocal.String())
		}
		return
	}
	go func() {
		defer e.wg.Done()
		if l := e.answer(conn); l != nil {
			accept(l)
		}
	}()
}

// answer does the acceptor's side of a handshake. It returns the link, or nil
// with the connection closed.
func (e *Endpoint) answer(conn net.Conn) *Link {
	defer func() {
		e.mu.Lock()
		e.pending--
		e.mu.Unlock()
	}()
	unwatch := context.AfterFunc(e.ctx, func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(e.cfg.HandshakeTimeout))
	h, err := e.shake(conn)
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if !unwatch() {
		_ = conn.Close()
		return nil // this side has closed; no reason to complain
	}
	if err == nil {
		if l := newLink(h, false); e.adopt(l) {
			return l
		}
	}
	_ = conn.Close()
	// Nothing said is how load balancers and port checks look; it is no fault.
	if err != nil && !errors.Is(err, errLooked) && !errors.Is(err, errHeardNothing) && (h == nil || !h.heardNothing) {
		e.turnedAway.Add(1)
		e.complain(conn.RemoteAddr(), reason(err), FailureOf(err).String())
	}
	return nil
}

// shake wraps an accepted connection and does the handshake.
func (e *Endpoint) shake(conn net.Conn) (*handshake, error) {
	from := conn.RemoteAddr().String()
	ch, err := e.wrap(conn, false, from)
	if err != nil {
		return nil, err
	}
	h := newHandshake(e, ch, from)
	return h, h.accept()
}
