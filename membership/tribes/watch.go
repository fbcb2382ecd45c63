package tribes

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
	"time"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// How soon a process is looked at again when its connection was lost: from
// leastPause on, doubling up to the interval between probes.
const leastPause = 5 * time.Millisecond

// stallTime is how much later than its bound a look may end. Beyond it this
// process itself was stopped, and the look proves nothing.
const stallTime = time.Second

// A watch looks at one process again and again, in a goroutine of its own, so
// that one that is cut off delays no other.
type watch struct {
	cancel context.CancelFunc
	kicked chan struct{}
}

func (w *watch) kick() {
	select {
	case w.kicked <- struct{}{}:
	default: // it is to look anyway
	}
}

// A sight is what a look has found.
type sight uint8

const (
	nothing sight = iota // no evidence: this host's trouble, or the end of the node
	there                // it accepts connections, and answers if that is asked
	refused              // its host says that nobody listens
	silent               // no answer in time
	broken               // a reset, or no route: no more than a hint
)

// watchOver starts looking at a process.
func (n *Node) watchOver(a netip.AddrPort) *watch {
	ctx, cancel := context.WithCancel(n.ctx)
	w := &watch{cancel: cancel, kicked: make(chan struct{}, 1)}
	n.wg.Go(func() {
		defer cancel()
		pause := leastPause
		for {
			s := n.look(ctx, a)
			if ctx.Err() != nil || !n.post(func() { n.lookedAt(a, s) }) {
				return
			}
			timer := time.NewTimer(n.cfg.ProbeInterval)
			select {
			case <-timer.C:
				pause = leastPause
				continue
			case <-w.kicked:
				timer.Reset(min(pause-leastPause, n.cfg.ProbeInterval)) // the first at once
				pause = min(2*pause, n.cfg.ProbeInterval+leastPause)
			case <-ctx.Done():
			}
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
		}
	})
	return w
}

// look probes a process, and holds a connection to it open.
func (n *Node) look(ctx context.Context, a netip.AddrPort) sight {
	begun := time.Now()
	options, wait := wire.Probe.Options(), time.Duration(0)
	if n.cfg.ReadTest {
		options, wait = options|wire.Ack, n.cfg.ReadTimeout
	}
	bound := 2*n.cfg.ProbeTimeout + wait // to connect twice, see below
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	frame, err := n.frame(a, options, wire.Probe.Content())
	if err != nil {
		return nothing
	}
	err = n.ep.Probe(ctx, a, frame, wait)
	if err == nil {
		err = n.ep.Hold(ctx, a)
	}
	if time.Since(begun) > bound+stallTime {
		return nothing
	}
	return sightOf(err)
}

// sightOf sorts the errors of a look by what they prove.
func sightOf(err error) sight {
	switch {
	case err == nil, errors.Is(err, wire.ErrFailed):
		return there
	case errors.Is(err, wire.ErrNoAnswer):
		return silent
	case errors.Is(err, wire.ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, wire.ErrTooManyPeers):
		return nothing
	}
	for _, own := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, own) {
			return nothing
		}
	}
	switch transport.FailureOf(err) {
	case transport.FailureRefused:
		return refused
	case transport.FailureSilent:
		return silent
	}
	return broken
}

// lookedAt takes in what a look has found.
func (n *Node) lookedAt(a netip.AddrPort, s sight) {
	e := n.state.entries[a]
	if e == nil {
		return
	}
	now := time.Now()
	switch s {
	case there:
		e.failing = time.Time{}
		if e.reached.IsZero() {
			e.reached = now
		}
		n.reached(e, now)
	case refused:
		n.unreached(e, membership.CauseCrashed)
	case silent:
		n.unreached(e, membership.CauseSilent)
	case broken:
		if e.failing.IsZero() {
			e.failing = now
		}
		if now.Sub(e.failing) >= n.cfg.ProbeTimeout {
			n.unreached(e, membership.CauseSilent)
		}
		e.kick()
	}
	if !e.seen {
		e.seen = true
		if e.peer != nil {
			if n.state.unlooked--; n.state.unlooked == 0 {
				n.publishAll()
				close(n.state.looked)
			}
		}
	}
}

// reached: the process is there.
func (n *Node) reached(e *entry, now time.Time) {
	if now.Before(e.quiet) {
		return
	}
	switch n.cfg.Mode {
	case Static:
		n.rise(e, n.known(e).Domain)
	case Service:
		n.serviceDue(e, now)
	case Axis2:
		n.joinReached(e, now)
	}
}

// unreached: it is not.
func (n *Node) unreached(e *entry, cause membership.Cause) {
	e.reached, e.failing = time.Time{}, time.Time{}
	e.service, e.joining = serviceEntry{}, joinEntry{}
	n.fall(e, cause)
}

// lost is told by the endpoint that a process has ended a connection.
func (n *Node) lost(to netip.AddrPort, _ error) {
	n.post(func() {
		if e := n.state.entries[to]; e != nil {
			e.kick()
		}
	})
}
