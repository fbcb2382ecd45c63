package transport

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gotribes/tribes/internal/loglimit"
)

// An Endpoint makes the links of one node. All methods may be called by many
// goroutines at once.
type Endpoint struct {
	cfg                    Config // complete; never changed
	id                     ID
	minVersion, maxVersion uint16
	limit                  loglimit.Lines
	ring                   atomic.Pointer[keyring] // nil: no cluster keys
	certificates           *tls.Config             // nil: no certificates of the caller's; never changed

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // all goroutines, and calls of Serve

	mu        sync.Mutex // guards what follows; held for moments only
	closed    bool
	pending   int // accepted connections in their handshake
	asking    int // accepted connections that only ask, in their handshake and after it
	sources   sources
	away      map[net.Conn]*time.Timer // connections that were told to come again
	listeners map[net.Listener]struct{}
	links     map[*Link]struct{}

	looks chan struct{} // holds one for each look that is being served

	crowded, turnedAway atomic.Uint64
}

// EndpointStats are counts of one Endpoint.
type EndpointStats struct {
	Links      int    // not yet down
	Pending    int    // accepted connections now in their handshake
	Crowded    uint64 // connections sent away as they came: too many at once, or of one host
	TurnedAway uint64 // connections closed for what they said or failed to say
}

// New returns an Endpoint, or an error that names the Config's field to
// change. Close must be called in the end.
func New(cfg Config) (*Endpoint, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	e := &Endpoint{
		cfg: cfg, id: IDOf(cfg.Key.Public().(ed25519.PublicKey), cfg.Birth),
		minVersion: minVersion, maxVersion: maxVersion,
		listeners: make(map[net.Listener]struct{}),
		links:     make(map[*Link]struct{}),
		sources:   sources{most: cfg.MaxPendingPerHost, rate: cfg.HostRate},
		looks:     make(chan struct{}, looksServed),
	}
	if err := e.secure(); err != nil {
		return nil, err
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e, nil
}

// secure prepares keys or certificates, if there are some.
func (e *Endpoint) secure() error {
	if len(e.cfg.Keys) > 0 {
		r, err := newKeyring(e.cfg.Keys)
		if err != nil {
			return err
		}
		e.ring.Store(r)
	}
	if e.cfg.TLS != nil {
		config, err := ownCertificates(e.cfg.TLS)
		if err != nil {
			return fmt.Errorf("Config.TLS: %w", err)
		}
		e.certificates = config
	}
	return nil
}

// ID returns the node's own ID.
func (e *Endpoint) ID() ID { return e.id }

// Stats returns the counts as they are now.
func (e *Endpoint) Stats() EndpointStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return EndpointStats{
		Links: len(e.links), Pending: e.pending,
		Crowded: e.crowded.Load(), TurnedAway: e.turnedAway.Load(),
	}
}

// Dial connects to address and shakes hands. Connect and handshake together
// take at most Config.HandshakeTimeout, or as long as ctx lives if that is
// less. Who answers may be another than expect, which is zero for anyone:
// compare Peer().ID.
//
// The link must be given to Start or closed. FailureOf sorts the errors; a
// clear no of either side is a *RefusedError.
func (e *Endpoint) Dial(ctx context.Context, address string, expect ID) (*Link, error) {
	return e.link(ctx, address, expect, PurposeLink)
}

// link dials a connection that lasts.
func (e *Endpoint) link(ctx context.Context, address string, expect ID, purpose Purpose) (*Link, error) {
	h, err := e.dial(ctx, address, expect, purpose)
	if err != nil {
		return nil, err
	}
	l := newLink(h, true)
	if !e.adopt(l) {
		_ = h.conn.Close()
		return nil, ErrClosed
	}
	return l, nil
}

// Look asks who answers at address: a finished handshake, in which it has
// proved to hold its key, without a link. It takes no longer than Dial.
func (e *Endpoint) Look(ctx context.Context, address string, expect ID) (Hello, error) {
	h, err := e.dial(ctx, address, expect, PurposeLook)
	if err != nil {
		return Hello{}, err
	}
	_ = h.conn.Close()
	return h.peer, nil
}

// dial connects and does the dialer's side of the handshake. On success the
// connection is open and without deadline.
func (e *Endpoint) dial(ctx context.Context, address string, expect ID, purpose Purpose) (*handshake, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.HandshakeTimeout)
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()

	conn, err := e.cfg.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, e.interrupted(ctx, err, "address "+address+": no connection in time")
	}
	conn = quick(conn)
	// Closing is what interrupts reads and writes on any net.Conn.
	unwatch := context.AfterFunc(ctx, func() { _ = conn.Close() })
	ch, err := e.wrap(conn, true, address)
	var h *handshake
	if err == nil {
		h = newHandshake(e, ch, address)
		err = h.dial(purpose, expect)
	}
	if !unwatch() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, e.interrupted(ctx, err, "address "+address+": connected, but no complete handshake in time")
	}
	return h, nil
}

// interrupted gives an error its true reason when this side gave up: an
// interrupted call sees a closed connection, or whatever Config.Dial makes of
// it. Errors that say more than that are left as they are.
func (e *Endpoint) interrupted(ctx context.Context, err error, what string) error {
	switch FailureOf(err) {
	case FailureRefused, FailureRejected, FailureMalformed:
		return err
	case FailureLocal:
		if _, ok := errors.AsType[*net.DNSError](err); ok {
			return err
		}
	}
	switch {
	case e.ctx.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	return err
}

// Close ends all that the Endpoint has begun: it closes the listeners given to
// Serve and all links, interrupts Dial and Look, and waits until every
// goroutine is gone and every link has said that it is down. It must not be
// called by accept, frame or down. Further calls wait as well.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	e.closed = true
	listeners, links, away := e.listeners, e.links, e.away
	e.listeners, e.links, e.away = nil, nil, nil
	e.mu.Unlock()

	e.cancel()
	var errs []error
	for ln := range listeners {
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for l := range links {
		_ = l.Close()
	}
	for conn, timer := range away {
		timer.Stop()
		_ = conn.Close()
	}
	e.wg.Wait()
	return errors.Join(errs...)
}

// enter counts a goroutine or call that Close waits for; false after Close.
// Whoever has entered calls wg.Done.
func (e *Endpoint) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.wg.Add(1)
	return true
}

// adopt makes Close close l; false after Close, and if the peer's key has been
// taken out while it was shaking hands.
func (e *Endpoint) adopt(l *Link) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	if r := e.ring.Load(); r != nil && !r.accepts(l.identity) {
		return false
	}
	e.links[l] = struct{}{}
	return true
}

// release undoes adopt. The map is nil after Close, which delete allows.
func (e *Endpoint) release(l *Link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.links, l)
	e.endAsk(&l.asks)
}

// complain logs about a peer that was turned away, seldom enough that nobody
// can fill a disk by knocking.
func (e *Endpoint) complain(peer net.Addr, reason, failure string) {
	host := peer.String()
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if skipped, ok := e.limit.Allow(host, time.Now()); ok {
		e.cfg.Logger.Warn("connection turned away", "peer", peer.String(),
			"reason", reason, "failure", failure, "not_logged_before", skipped)
	}
}

// reason is an error's text for the log; of a foreign protocol it quotes the
// beginning.
func reason(err error) string {
	if f, ok := errors.AsType[*frameError](err); ok {
		return fmt.Sprintf("does not speak tribes: sent %s", describe(f.head))
	}
	return err.Error()
}
