package upstream

import (
	"context"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gotribes/tribes/membership"
)

// A Pool is the members of a group that requests may go to. It follows the
// group by itself until Close, or until the group ends: then it stays as it was
// last.
type Pool struct {
	group Group
	o     Options // with all defaults
	fixed bool    // the group's addresses are those of the servers
	began time.Time

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	ended   chan struct{} // closed when the group has no more changes
	first   chan struct{} // closed with the first table
	poked   chan struct{}
	budget  budget

	table    atomic.Pointer[table]
	vanished []vanished // the follower's alone: lost lately

	_     [64]byte // so that turns do not slow down who only reads what is above
	turns atomic.Uint32
	_     [64]byte
	steps atomic.Uint64
	_     [64]byte
}

// New makes a pool and waits for the group's first change. A bad option is an
// *OptionError. Close the pool when it is not needed any more.
func New(g Group, o Options) (*Pool, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	p := &Pool{group: g, o: o, began: time.Now(), ended: make(chan struct{}), first: make(chan struct{}), poked: make(chan struct{}, 1)}
	_, p.fixed = g.(static)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.budget.init(&p.o)
	p.table.Store(&table{stale: make(chan struct{})})
	p.running.Go(p.follow)
	p.running.Go(p.tick)
	select {
	case <-p.first:
	case <-p.ended:
	}
	return p, nil
}

// Close ends the pool: nothing more is picked, and no member that leaves waits
// for it. Requests under way go on. Further calls do nothing.
func (p *Pool) Close() {
	p.cancel()
	p.running.Wait()
	last := *p.table.Load()
	last.ended, last.tier, last.lost = true, [tiers]tier{}, tier{}
	last.byID, last.byCookie = nil, nil
	p.table.Store(&last)
}

// Done returns a channel that is closed when the group has no more changes: its
// node has ended, it is not followed any more, or the pool was closed.
func (p *Pool) Done() <-chan struct{} { return p.ended }

// Rewrite is for httputil.ReverseProxy.Rewrite: it leaves path and Host header
// as the client sent them, sets the X-Forwarded headers, and names the domain
// in the place of a host. Which member it will be is for Transport to pick.
func (p *Pool) Rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme = "http"
	r.Out.URL.Host = or(p.table.Load().domain, "upstream")
	r.SetXForwarded()
}

// follow takes in the group's changes until they end.
func (p *Pool) follow() {
	defer close(p.ended)
	begun := false
	for c := range p.group.Changes(p.ctx) {
		p.apply(c, time.Now(), begun)
		if !begun {
			begun = true
			close(p.first)
		}
	}
}

// apply makes a change the pool's table. The change does not count as applied
// before requests that leaving members have been given are answered.
func (p *Pool) apply(c membership.Change, now time.Time, begun bool) {
	old := p.table.Load()
	next, doubtful := p.build(old, c, now, begun)
	p.table.Store(next)
	close(old.stale)
	// From here on nobody can pick what only the old table has, but for those who
	// have read it before: shutting is what keeps them off.
	for _, t := range next.byID {
		if t.member.Load().State == membership.Leaving {
			t.shut(c.Hold)
		}
	}
	for id, t := range old.byID {
		if next.byID[id] == t {
			continue
		}
		if _, there := c.View.Get(id); there {
			t.shut(c.Hold) // it serves elsewhere now, or is not for this pool any more
		}
	}
	for _, d := range doubtful {
		if next.elsewhere(d.t) {
			d.t.doubt(d.gone)
		}
	}
	p.poke()
}
