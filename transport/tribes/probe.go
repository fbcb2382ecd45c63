package tribes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"
)

// Probe looks whether a peer is there: it connects, sends a frame unless that
// is empty, and closes. If wait is not 0 it waits that long, at most, for the
// acknowledgement, for which the frame must ask. ctx bounds it all, beside
// DialTimeout for connecting.
func (e *Endpoint) Probe(ctx context.Context, to netip.AddrPort, frame []byte, wait time.Duration) error {
	conn, err := e.dial(ctx, to)
	if err != nil {
		return e.wrapClosed(err)
	}
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		conn.Close()
		return ErrClosed
	}
	e.probes[conn] = struct{}{}
	e.mu.Unlock()
	defer func() {
		conn.Close()
		e.mu.Lock()
		delete(e.probes, conn)
		e.mu.Unlock()
	}()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if len(frame) == 0 {
		return nil
	}
	if _, err := conn.Write(frame); err != nil || wait == 0 {
		return e.wrapClosed(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(wait))
	f, err := NewReader(conn, ackBody).Next()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrNoAnswer, ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %v", ErrNoAnswer, wait)
	case err != nil:
		return e.wrapClosed(err)
	case f.Answer != Accepted:
		return fmt.Errorf("%w: answered %s", ErrFailed, f.Answer)
	}
	return nil
}
