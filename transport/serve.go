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
	pause, pace := time.Duration(0), pace{rate: e.cfg.AcceptRate}
	for {
		conn, err := ln.Accept()
		if err == nil {
			pause = 0
			if e.receive(quick(conn), accept) && !e.rest(pace.take(time.Now())) {
				return ErrClosed
			}
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
		if skipped, ok := e.limit.Allow("accept at "+ln.Addr().String(), time.Now()); ok {
			e.cfg.Logger.Error("accepting failed, trying again", "address", ln.Addr().String(),
				"reason", err.Error(), "not_logged_before", skipped)
		}
		if !e.rest(pause) {
			return ErrClosed
		}
	}
}

// rest waits; false: the endpoint was closed meanwhile.
func (e *Endpoint) rest(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.ctx.Done():
		return false
	}
}

// A pace spreads what is done over time: rate in a second, and as many at once
// after a pause. Negative: no bound.
type pace struct {
	rate   int
	tokens float64
	at     time.Time
}

// take counts one, and says how long to wait before the next.
func (p *pace) take(now time.Time) time.Duration {
	if p.rate < 0 {
		return 0
	}
	if p.at.IsZero() {
		p.tokens = float64(p.rate)
	} else {
		p.tokens = min(float64(p.rate), p.tokens+now.Sub(p.at).Seconds()*float64(p.rate))
	}
	p.at = now
	p.tokens--
	if p.tokens >= 0 {
		return 0
	}
	return time.Duration(-p.tokens / float64(p.rate) * float64(time.Second))
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
// Sending one away costs so little that it says false.
func (e *Endpoint) receive(conn net.Conn, accept func(*Link)) bool {
	from := sourceOf(conn.RemoteAddr())
	why := "too many handshakes at once"
	var src *source
	var wait time.Duration
	e.mu.Lock()
	closed := e.closed
	if !closed && e.pending < e.cfg.MaxPending {
		why = "too many handshakes at once from one host"
		src, wait = e.sources.enter(from, time.Now())
	}
	if src != nil {
		e.pending++
		e.wg.Add(1)
	}
	e.mu.Unlock()
	switch {
	case src != nil:
		go func() {
			defer e.wg.Done()
			switch l := e.answer(conn, src, wait); {
			case l == nil:
			case l.peer.Purpose == PurposeAsk:
				e.cfg.Asked(l)
			default:
				accept(l)
			}
		}()
	case closed:
		_ = conn.Close()
	default:
		e.crowded.Add(1)
		e.complain(conn.RemoteAddr(), why, FailureLocal.String())
		e.sendAway(conn)
	}
	return src != nil
}

// answer does the acceptor's side of a handshake. It returns the link, or nil
// with the connection closed.
func (e *Endpoint) answer(conn net.Conn, src *source, wait time.Duration) *Link {
	defer func() {
		e.mu.Lock()
		e.pending--
		src.leave()
		e.mu.Unlock()
	}()
	unwatch := context.AfterFunc(e.ctx, func() { _ = conn.Close() })
	e.rest(wait)
	_ = conn.SetDeadline(time.Now().Add(e.cfg.HandshakeTimeout))
	h, err := e.shake(conn)
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if !unwatch() {
		_ = conn.Close()
		return nil // this side has closed; no reason to complain, and no place to give back
	}
	if err == nil {
		l := newLink(h, false)
		if e.adopt(l) {
			return l
		}
	}
	if h != nil {
		e.mu.Lock()
		e.endAsk(&h.asks)
		e.mu.Unlock()
	}
	_ = conn.Close()
	// Nothing said is how load balancers and port checks look; it is no fault.
	if err != nil && !isAny(err, errLooked, errHeardNothing) && (h == nil || !h.heardNothing) {
		e.turnedAway.Add(1)
		// A node that is among its own well-known addresses meets itself.
		if r, ok := errors.AsType[*RefusedError](err); !ok || r.Code != CodeSelf {
			e.complain(conn.RemoteAddr(), reason(err), FailureOf(err).String())
		}
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
