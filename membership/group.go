package membership

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// A Group is what a node keeps of one domain: its own, or one that it manages.
type Group struct {
	node    *Node
	domain  string
	manages bool          // the domain is not the node's own
	serial  uint64        // the registry's
	dropped chan struct{} // closed when the group is not followed any more
	current atomic.Pointer[snapshot]
	told    uint64 // the loop's: the last view that the machine knows to be applied

	mu      sync.Mutex // guards what follows
	subs    map[*subscription]struct{}
	causes  causeMemory
	history history
}

func newGroup(n *Node, domain string) *Group {
	g := &Group{
		node: n, domain: domain, manages: domain != n.cfg.Domain,
		dropped: make(chan struct{}), subs: make(map[*subscription]struct{}),
	}
	g.current.Store(&snapshot{domain: domain, stale: make(chan struct{})})
	return g
}

// Domain returns the group's domain.
func (g *Group) Domain() string { return g.domain }

// View returns the current view. It takes no lock, waits for nobody and
// allocates nothing. After the node's end it stays as it was last.
func (g *Group) View() View { return View{g.current.Load()} }

// Changes returns the group as it is now and then every change, until ctx ends,
// the node leaves or closes (see Node.Err for why), or the group is not
// followed any more. A subscription begins when the loop over it does, and ends
// with it; each loop has one of its own.
//
// The first change brings a MemberAdded with CauseJoined for every member, the
// node itself included if it is one. While the body runs nothing is lost:
// whatever happens meanwhile comes with the next change, as the difference
// between the two views. So a later change may lead over several view numbers,
// and a member that came and went in between is not in it. A change that has
// begun to be told is told to its end, also by Events.
//
// When the body has returned, and what it held with Change.Hold is released,
// the change counts as applied. A member that leaves waits until every manager
// of its domain has applied that it is leaving: see Node.Leave and Node.Ready.
// A manager with several subscriptions has applied what all of them have, one
// without any applies at once.
func (g *Group) Changes(ctx context.Context) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		sub := g.subscribe()
		defer sub.end()
		var seen *snapshot
		for {
			now := g.current.Load()
			if ctx.Err() != nil || g.over() {
				return
			}
			if now != seen {
				change := Change{View: View{now}, Events: g.difference(seen, now), sub: sub}
				if !yield(change) {
					return
				}
				sub.applied(now.number)
				seen = now
				continue
			}
			select {
			case <-now.stale:
			case <-ctx.Done():
			case <-g.dropped:
			case <-g.node.ctx.Done():
			}
		}
	}
}

// over says that no further changes come.
func (g *Group) over() bool {
	select {
	case <-g.dropped:
		return true
	default:
		return g.node.ctx.Err() != nil
	}
}

// Events returns the events of Changes one at a time. A change counts as
// applied when the bodies for all its events have returned.
func (g *Group) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for c := range g.Changes(ctx) {
			for _, e := range c.Events {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// ReportFailure says that the application could not use a member: err is what
// it met, for the log. The node looks at the member, once a second at most; if
// the member does not answer, its watchers are asked to look as well. So a
// crash can be known before the next heartbeat is due. An ID that is not a
// member is ignored. It does not wait for the answer.
func (g *Group) ReportFailure(id ID, err error) {
	l := g.node.loop
	l.post(input{run: func(now machine.Time) {
		m, ok := g.View().Get(id)
		if !ok {
			return
		}
		l.limit.info("failure reported", m.Address, "domain", g.domain, "member", m.Address, "id", m.ID, "reason", errorText(err))
		l.m.ReportFailure(now, g.domain, wire.ID(id))
	}})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// publish makes a change the current view. It is called by the loop.
func (g *Group) publish(c *machine.Change) *snapshot {
	old := g.current.Load()
	next := old.next(c, ID(g.node.loop.m.Self()))
	g.mu.Lock()
	g.causes.note(next.events, len(next.byID))
	g.history.note(next.events, next.number, g.node.loop.wall(g.node.loop.now()))
	g.mu.Unlock()
	g.current.Store(next)
	close(old.stale)
	return next
}

// difference returns the events that lead from one snapshot to a later one.
func (g *Group) difference(old, now *snapshot) []Event {
	switch {
	case old == nil:
		return everybody(now)
	case old.number+1 == now.number:
		return append([]Event(nil), now.events...) // the caller may do with it as it likes
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return diff(old, now, &g.causes)
}
