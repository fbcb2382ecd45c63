package tribes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/gotribes/tribes/internal/loglimit"
)

// ErrClosed is the error of whatever an endpoint's Close has ended.
var ErrClosed = errors.New("tribes endpoint closed")

// bodiesAtOnce bounds the long bodies that may be on their way in, as a multiple
// of MaxBody.
const bodiesAtOnce = 4

// acceptPause is the wait after an Accept that failed for a passing reason.
const acceptPause = 50 * time.Millisecond

// An Endpoint is one process's end of all connections: those that peers open to
// it, and those that it opens. Its methods may be called from many goroutines.
type Endpoint struct {
	cfg    Config
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	bodies *semaphore.Weighted // bytes of long bodies that are being read or delivered
	known  window
	lines  loglimit.Lines

	mu      sync.Mutex // guards what follows; held for nothing that blocks
	closed  bool
	inbound map[*inbound]struct{}
	serial  uint64 // of inbound connections
	senders map[lane]*sender
	probes  map[net.Conn]struct{}
}

// New starts an Endpoint. The only error is a Config without a Listener.
func New(cfg Config) (*Endpoint, error) {
	if cfg.Listener == nil {
		return nil, errors.New("tribes endpoint: Config.Listener is not set")
	}
	e := &Endpoint{
		cfg:     cfg.withDefaults(),
		inbound: map[*inbound]struct{}{},
		senders: map[lane]*sender{},
		probes:  map[net.Conn]struct{}{},
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.bodies = semaphore.NewWeighted(bodiesAtOnce * int64(e.cfg.MaxBody))
	e.wg.Go(e.accept)
	return e, nil
}

// Addr returns the listener's address.
func (e *Endpoint) Addr() net.Addr { return e.cfg.Listener.Addr() }

// Close ends all connections and waits for all goroutines of the endpoint. A
// delivery under way has its context ended. Further calls do nothing.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	first := !e.closed
	e.closed = true
	var conns []net.Conn
	if first {
		for c := range e.inbound {
			conns = append(conns, c.conn)
		}
		for c := range e.probes {
			conns = append(conns, c)
		}
		for _, s := range e.senders {
			if s.conn != nil {
				conns = append(conns, s.conn)
			}
		}
	}
	e.mu.Unlock()
	e.cancel()
	err := e.cfg.Listener.Close()
	for _, c := range conns {
		c.Close()
	}
	e.wg.Wait()
	if !first {
		return nil
	}
	return err
}

// accept takes connections until the listener closes.
func (e *Endpoint) accept() {
	for {
		conn, err := e.cfg.Listener.Accept()
		if err != nil {
			if e.ctx.Err() != nil {
				return
			}
			e.complain("listener", "accepting failed", "reason", err.Error())
			if errors.Is(err, net.ErrClosed) || !e.pause(acceptPause) {
				return
			}
			continue
		}
		e.admit(conn)
	}
}

// pause waits, and says whether the endpoint is still open.
func (e *Endpoint) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.ctx.Done():
		return false
	}
}

// admit starts reading a connection, unless there are too many.
func (e *Endpoint) admit(conn net.Conn) {
	c := &inbound{e: e, conn: conn, from: addrPort(conn.RemoteAddr())}
	var drop net.Conn
	e.mu.Lock()
	if len(e.inbound) >= e.cfg.MaxConnections {
		drop = e.oldestSilent(conn)
	}
	if !e.closed && drop != conn {
		e.serial++
		c.serial = e.serial
		e.inbound[c] = struct{}{}
		e.wg.Go(c.read)
	} else {
		drop = conn
	}
	e.mu.Unlock()
	if drop != nil {
		e.complain(hostOf(conn), "too many connections", "bound", e.cfg.MaxConnections, "closed", drop.RemoteAddr())
		drop.Close()
	}
}

// oldestSilent returns the longest connection that has never sent a whole
// message, and forgets it; if there is none, the new one.
func (e *Endpoint) oldestSilent(fresh net.Conn) net.Conn {
	var oldest *inbound
	for c := range e.inbound {
		if !c.heard.Load() && (oldest == nil || c.serial < oldest.serial) {
			oldest = c
		}
	}
	if oldest == nil {
		return fresh
	}
	delete(e.inbound, oldest)
	return oldest.conn
}

// complain writes a line about a host, if it has not had one lately.
func (e *Endpoint) complain(host, text string, attrs ...any) {
	if skipped, ok := e.lines.Allow(host, time.Now()); ok {
		if skipped > 0 {
			attrs = append(attrs, "skipped", skipped)
		}
		e.cfg.Logger.Warn(text, attrs...)
	}
}

func hostOf(c net.Conn) string {
	a := addrPort(c.RemoteAddr())
	return a.Addr().String()
}

// addrPort returns the address of a connection's end; the zero value for what
// is not TCP.
func addrPort(a net.Addr) netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return ap
}

// wrapClosed turns an error that Close has caused into ErrClosed.
func (e *Endpoint) wrapClosed(err error) error {
	if err != nil && e.ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return err
}
