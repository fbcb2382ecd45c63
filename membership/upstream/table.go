package upstream

import (
	"fmt"
	"slices"
	"time"

	"github.com/gotribes/tribes/membership"
)

// The tiers of a table: a lower one is asked first.
const (
	preferred = iota // alive, in the pool's zone if it has one
	elsewhere        // alive, in another zone
	suspected        // may be down
	tiers
)

// A table is what a pool picks from. It is never changed once it is published.
type table struct {
	domain    string
	tier      [tiers]tier
	lost      tier // panic: members that were lost lately
	lostUntil time.Time
	stale     chan struct{}             // closed when there is a newer table
	ended     bool                      // the pool is closed
	byID      map[membership.ID]*target // all that serve, those too that get nothing new
	byCookie  map[string]*target        // those that may have what is sticky; nil without Options.Sticky

	// For words about why nobody can be picked.
	isolated                          bool
	members, portless, others, closed int
}

// A tier is a list of targets that are equally good.
type tier struct {
	list []*target
	sums []uint64 // for Weighted: of the weights, up to each target
	even bool     // all weights are the same
}

// elsewhere says that there is another target that is alive.
func (tb *table) elsewhere(t *target) bool {
	for i := range tb.tier[:suspected] {
		list := tb.tier[i].list
		if len(list) > 1 || len(list) == 1 && list[0] != t {
			return true
		}
	}
	return false
}

// A doubtful target has come under suspicion, or is gone.
type doubtful struct {
	t    *target
	gone bool
}

// vanished is a target whose member was lost lately.
type vanished struct {
	t  *target
	at time.Time
}

// build makes the table of a change. Members that are still there keep their
// targets, and so their counts.
func (p *Pool) build(old *table, c membership.Change, now time.Time, begun bool) (*table, []doubtful) {
	v := c.View
	next := &table{domain: v.Domain(), isolated: v.Isolated(), stale: make(chan struct{}), byID: make(map[membership.ID]*target, v.Len())}
	if p.o.Sticky != nil {
		next.byCookie = make(map[string]*target, v.Len())
	}
	var doubts []doubtful
	members := make([]membership.Member, 0, v.Len()) // one piece of memory for all
	for m := range v.All() {
		members = append(members, m)
		m := &members[len(members)-1]
		next.members++
		port, ok := p.server(m)
		if !ok {
			next.portless++
			continue
		}
		if !p.o.takes(*m) {
			next.others++
			continue
		}
		t := old.byID[m.ID]
		if t == nil || !t.serves(m, port) {
			if t = p.newcomer(m, port, now, begun); t == nil {
				next.portless++
				continue
			}
		} else if t.member.Load().State != membership.Suspect && m.State == membership.Suspect {
			doubts = append(doubts, doubtful{t: t})
		}
		t.member.Store(m)
		t.weight.Store(weightOf(m, p.o.WeightProperty))
		next.add(t, m, p)
	}
	doubts = append(doubts, p.gone(old, next, c, now)...)
	for i := range next.tier {
		next.tier[i].sum(p.o.Policy)
	}
	next.lost.sum(p.o.Policy)
	return next, doubts
}

// serves says that a target is still that of the member, at that port, and
// takes requests if the member does.
func (t *target) serves(m *membership.Member, port string) bool {
	return t.port == port && t.member.Load().Address == m.Address &&
		(t.load.Load()&shutBit == 0 || m.State == membership.Leaving)
}

// newcomer makes the target of a member; nil: its address has no host.
func (p *Pool) newcomer(m *membership.Member, port string, now time.Time, begun bool) *target {
	address := p.joined(m.Address, port)
	if address == "" {
		return nil
	}
	t := newTarget(m, port, address)
	if p.o.Sticky != nil {
		t.cookie = p.o.Sticky.value(*m)
	}
	if begun {
		t.grow(now, p.o.SlowStart)
	}
	return t
}

// add puts a target where it belongs.
func (tb *table) add(t *target, m *membership.Member, p *Pool) {
	tb.byID[t.id] = t
	if m.State == membership.Leaving {
		tb.closed++
		return
	}
	if tb.byCookie != nil {
		tb.byCookie[t.cookie] = t
	}
	if m.State == membership.Draining || t.weight.Load() == 0 {
		tb.closed++
		return
	}
	at := preferred
	switch {
	case m.State == membership.Suspect:
		at = suspected
	case p.o.Zone != "" && m.Property(p.o.ZoneProperty) != p.o.Zone:
		at = elsewhere
	}
	tb.tier[at].list = append(tb.tier[at].list, t)
}

// gone deals with targets whose members are not in view any more. While this
// process is isolated nothing is known of them, so they stay.
func (p *Pool) gone(old, next *table, c membership.Change, now time.Time) (doubts []doubtful) {
	v := c.View
	for id, t := range old.byID {
		if next.byID[id] != nil {
			continue
		}
		if _, there := v.Get(id); there {
			continue // but not for this pool
		}
		if v.Isolated() {
			next.add(t, t.member.Load(), p)
			next.members++
			continue
		}
		doubts = append(doubts, doubtful{t, true})
		if p.o.Panic > 0 && lostTo(c.Events, id) && t.load.Load()&shutBit == 0 {
			p.vanished = append(p.vanished, vanished{t, now})
		}
	}
	if p.o.Panic > 0 {
		p.panic(next, now)
	}
	if next.isolated {
		for i := range next.tier { // those that stay have no order
			slices.SortStableFunc(next.tier[i].list, func(a, b *target) int { return a.id.Compare(b.id) })
		}
	}
	return doubts
}

// lostTo says that a member went without a word, as far as the events tell.
func lostTo(events []membership.Event, id membership.ID) bool {
	for i := range events {
		if e := &events[i]; e.Member.ID == id && e.Kind == membership.MemberRemoved {
			return e.Cause != membership.CauseLeft && e.Cause != membership.CauseReplaced
		}
	}
	return true
}

// vanishedMost bounds the memory of lost members.
const vanishedMost = 10_000

// panic keeps lost members at hand if they are much of the pool.
func (p *Pool) panic(next *table, now time.Time) {
	taken := make(map[string]bool, len(next.byID))
	for _, t := range next.byID {
		taken[t.address] = true
	}
	p.vanished = slices.DeleteFunc(p.vanished, func(v vanished) bool {
		return now.Sub(v.at) >= p.o.PanicWindow || next.byID[v.t.id] != nil || taken[v.t.address]
	})
	if len(p.vanished) > vanishedMost {
		p.vanished = slices.Delete(p.vanished, 0, len(p.vanished)-vanishedMost)
	}
	if n := len(p.vanished); n == 0 || float64(n) < p.o.Panic*float64(n+len(next.byID)) {
		return
	}
	for _, v := range p.vanished {
		next.lost.list = append(next.lost.list, v.t)
		next.lostUntil = v.at.Add(p.o.PanicWindow)
	}
}

// sum prepares a tier for picking.
func (r *tier) sum(policy Policy) {
	r.even = true
	for _, t := range r.list {
		r.even = r.even && t.weight.Load() == r.list[0].weight.Load()
	}
	if policy != Weighted || r.even {
		return
	}
	r.sums = make([]uint64, len(r.list))
	var sum uint64
	for i, t := range r.list {
		sum += uint64(t.weight.Load())
		r.sums[i] = sum
	}
}

// empty says why nobody can be picked. tried is how many were.
func (tb *table) empty(p *Pool, tried int, last error) error {
	e := &EmptyError{Domain: tb.domain, Err: last}
	switch {
	case tb.ended:
		return ErrClosed
	case tried > 0:
		e.Reason = fmt.Sprintf("none of its %d members could be reached", tried)
	case tb.isolated && tb.members == 0:
		e.Reason = "this node hears nobody, so none of its members is known"
	case tb.members == 0:
		e.Reason = "it has no members"
	case tb.portless == tb.members:
		e.Reason = fmt.Sprintf("none of its %d members publishes the property %s", tb.members, p.o.Port)
	default:
		e.Reason = fmt.Sprintf("of its %d members %d are draining or leaving and %d publish no %s",
			tb.members, tb.closed, tb.portless, p.o.Port)
		if tb.others > 0 {
			e.Reason += fmt.Sprintf("; %d are not for this pool (sub-domain, properties or filter)", tb.others)
		}
	}
	return e
}
