package membership

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

const (
	leaveTime = 10 * time.Second        // for a context without a deadline
	flushTime = 1500 * time.Millisecond // in which the goodbyes go out and are taken
	askEvery  = time.Second             // a manager that has not confirmed is asked again
)

// A Report says which managers of the node's domain have applied what they
// were told, and which have not.
type Report struct {
	Confirmed []Member      // sorted by address
	Missing   []Member      // the same; those that went away meanwhile are in neither
	Took      time.Duration // until the answer was complete
}

// A LeaveReport is the Report of a Leave.
type LeaveReport = Report

// A departure is a Leave under way, shared by all its callers.
type departure struct {
	hurry    chan struct{} // closed when some caller waits no longer
	hurryErr error         // why; written before hurry is closed
	once     sync.Once
	done     chan struct{} // closed when what follows is there
	report   Report
	err      error
}

// Leave takes the node out of its group in good order. The node says that it
// is leaving, waits until every manager of its domain has applied that, says
// that it has left, and closes; then Err returns ErrLeft. A member that a
// manager has dropped meanwhile is not waited for, nor one that is gone.
//
// ctx bounds the waiting, to 10 s if it has no deadline; with a ctx that has
// ended there is none. The node has left in any case; the error wraps that of
// ctx if it ended while managers were missing. Saying goodbye takes up to 1.5 s
// more if others do not take it.
//
// Callers at the same time, and later ones, share one result; the first ctx
// that ends ends the waiting of all. After Close, or if Close comes between,
// the error is what Err returns.
func (n *Node) Leave(ctx context.Context) (LeaveReport, error) {
	n.mu.Lock()
	d := n.leaving
	if d == nil {
		if err := n.err; err != nil {
			n.mu.Unlock()
			return Report{}, err
		}
		d = &departure{hurry: make(chan struct{}), done: make(chan struct{})}
		n.leaving = d
		go n.depart(d)
	}
	n.mu.Unlock()
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, leaveTime)
		defer cancel()
	}
	select {
	case <-d.done:
	case <-ctx.Done():
		d.once.Do(func() {
			d.hurryErr = context.Cause(ctx)
			close(d.hurry)
		})
		<-d.done
	}
	return d.report, d.err
}

// depart does what Leave promises.
func (n *Node) depart(d *departure) {
	defer close(d.done)
	began := n.loop.now()
	var at version
	if n.loop.do(func(now machine.Time) {
		n.loop.m.SetState(now, wire.Leaving)
		at = n.loop.ownVersion()
	}) {
		d.report, d.err = n.awaitManagers(func() version { return at }, d.hurry, func() error { return d.hurryErr })
		d.report.Took = n.loop.now() - began
		n.say(wire.Left)
	}
	n.end(ErrLeft)
	<-n.done
	if err := n.Err(); err != ErrLeft {
		d.err = err
	}
}

// say publishes the last state and waits until it is on its way.
func (n *Node) say(last wire.State) {
	l := n.loop
	if !l.do(func(now machine.Time) {
		l.m.SetState(now, last)
		l.parted = true
		l.perform()
		if len(l.links) == 0 {
			l.flushedAll()
		}
	}) {
		return
	}
	patience, cancel := context.WithTimeout(n.ctx, flushTime)
	defer cancel()
	select {
	case <-l.flushed:
	case <-patience.Done():
	}
}

// awaitManagers waits until all managers of the own domain have confirmed a
// version of this node's record, or stop is closed, of which why tells. Who
// takes long is asked again.
func (n *Node) awaitManagers(at func() version, stop <-chan struct{}, why func() error) (Report, error) {
	ask := n.loop.now() + askEvery
	for {
		report, changed, stale := n.confirmed(at())
		if len(report.Missing) == 0 {
			return report, nil
		}
		stopped := n.awaitEither(changed, stale, stop, ask-n.loop.now())
		switch now := n.loop.now(); {
		case n.ctx.Err() != nil:
			return report, n.Err()
		case stopped:
			return report, &unconfirmedError{len(report.Missing), why()}
		case now >= ask:
			ask = now + askEvery
			n.loop.do(func(now machine.Time) {
				for _, m := range report.Missing {
					n.loop.m.AskConfirm(now, n.cfg.Domain, wire.ID(m.ID))
				}
			})
		}
	}
}

// awaitEither waits for news, for stop, of which it tells, for the node's end,
// or until d has passed.
func (n *Node) awaitEither(changed, stale, stop <-chan struct{}, d time.Duration) (stopped bool) {
	ctx, cancel := context.WithTimeout(n.ctx, d)
	defer cancel()
	select {
	case <-changed:
	case <-stale:
	case <-ctx.Done():
	case <-stop:
		return true
	}
	return false
}

// Ready waits until every manager of the node's domain has applied that the
// node is there: only then do all load balancers know it, and the next node of
// a rolling restart may be stopped. It waits for Joined first. When ctx ends,
// the report says who is missing, and the error wraps that of ctx. Without
// managers it returns at once. Managers that are met later are not waited for.
func (n *Node) Ready(ctx context.Context) (Report, error) {
	began := n.loop.now()
	if err := n.Joined(ctx); err != nil {
		return Report{}, err
	}
	at := func() version { return version{incarnation: n.Self().Incarnation} }
	report, err := n.awaitManagers(at, ctx.Done(), func() error { return context.Cause(ctx) })
	report.Took = n.loop.now() - began
	return report, err
}

// confirmed sorts the managers in view by whether they have confirmed a version
// of this node's record, and returns what to wait for until that may change.
func (n *Node) confirmed(at version) (r Report, changed, stale <-chan struct{}) {
	view := n.own.View()
	c := &n.confirms
	c.mu.Lock()
	defer c.mu.Unlock()
	for m := range view.Managers() {
		if got, ok := c.of[m.ID]; ok && !got.before(at) {
			r.Confirmed = append(r.Confirmed, m)
		} else {
			r.Missing = append(r.Missing, m)
		}
	}
	return r, c.changed, view.Stale()
}

// A version orders what a node says of itself.
type version struct{ incarnation, version uint32 }

func (v version) before(o version) bool {
	if v.incarnation != o.incarnation {
		return v.incarnation < o.incarnation
	}
	return v.version < o.version
}

// confirms holds what each manager has last confirmed. The loop writes.
type confirms struct {
	mu      sync.Mutex
	of      map[ID]version
	changed chan struct{} // closed and renewed with each
}

func (c *confirms) init() {
	c.of, c.changed = make(map[ID]version), make(chan struct{})
}

// note takes in a confirmation. It comes from a manager, or from somebody who is
// not in view yet; only managers in view are asked for.
func (c *confirms) note(manager ID, incarnation, v uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := version{incarnation, v}
	if old, ok := c.of[manager]; ok && got.before(old) {
		return
	}
	c.of[manager] = got
	close(c.changed)
	c.changed = make(chan struct{})
}

// confirmsMost bounds what is kept of managers that are not in view (yet).
const confirmsMost = 1024

// keep forgets managers that are gone, once there are many.
func (c *confirms) keep(s *snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.of) > confirmsMost {
		maps.DeleteFunc(c.of, func(id ID, _ version) bool { return s.manager(id) == nil })
	}
}
