// Package members picks members of a domain, or of a part of it, for the
// requests of a gateway: who is there is read from the newest view, those that
// are alive take turns, those under suspicion are the last resort.
package members

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/membership"
)

// A Group is what a pool needs to know of a domain. A *membership.Group is one.
type Group interface {
	// View is who is there now. It is called for every request.
	View() membership.View
	// ReportFailure says that a request did not reach a member.
	ReportFailure(id membership.ID, err error)
}

// Find gives the group of a domain; nil if nobody has heard of it.
type Find func(domain string) Group

// FromNode finds the groups that a node belongs to or follows.
func FromNode(node *membership.Node) Find {
	return func(domain string) Group {
		if g, ok := node.Group(domain); ok {
			return g
		}
		return nil // and not a nil *Group, which would not be nil as a Group
	}
}

// Options say how a Pool picks. The zero value is ready.
type Options struct {
	// SlowStart is how long a member that came anew gets fewer requests than the
	// others: first a tenth, then ever more. 0 is not at all.
	SlowStart time.Duration
	// Tokens gives the tokens of a member, the first of which names it in
	// cookies. Nil: there are none.
	Tokens func(domain string, id membership.ID) []string
}

// A Pool is a gateway.Pool over the newest view of a domain.
type Pool struct {
	domain, subDomain string // subDomain "" is every member
	find              Find
	options           Options
	turn              atomic.Uint64
	current           atomic.Pointer[snapshot]
	making            sync.Mutex // who holds it makes the next snapshot; nothing can block under it
}

// New makes the pool of a domain, or of a part of it.
func New(domain, subDomain string, find Find, options Options) *Pool {
	return &Pool{domain: domain, subDomain: subDomain, find: find, options: options}
}

// A snapshot is what picking needs of one view. It is not changed.
type snapshot struct {
	view    membership.View
	group   Group
	alive   []*entry // in the order of their addresses, as in the view
	suspect []*entry
	sticky  []*entry // draining: they take nothing new
	byID    map[membership.ID]*entry
	byToken map[string]membership.ID
	others  int       // members of the domain that are not of the sub-domain
	young   time.Time // until then some are new
}

// now returns the snapshot of the newest view; nil if nobody has heard of the
// domain.
func (p *Pool) now() *snapshot {
	group := p.find(p.domain)
	if group == nil {
		return nil
	}
	view, old := group.View(), p.current.Load()
	if old != nil && old.view == view {
		return old
	}
	p.making.Lock()
	defer p.making.Unlock()
	if old = p.current.Load(); old != nil && old.view == view {
		return old
	}
	next := p.make(group, view, old)
	p.current.Store(next)
	return next
}

// Refresh forgets what was made of the newest view: tokens are made anew.
func (p *Pool) Refresh() { p.current.Store(nil) }

// make makes a snapshot. Whoever is in the old one as well keeps its age and
// tokens.
func (p *Pool) make(group Group, view membership.View, old *snapshot) *snapshot {
	s := &snapshot{view: view, group: group, byID: map[membership.ID]*entry{}, byToken: map[string]membership.ID{}}
	now := time.Now()
	for m := range view.All() {
		if p.subDomain != "" && m.SubDomain != p.subDomain {
			s.others++
			continue
		}
		e := new(entryOf(&m))
		e.since = now
		if old == nil {
			e.since = time.Time{} // they were there before this program
		} else if before := old.byID[m.ID]; before != nil {
			e.since = before.since
		}
		if p.options.Tokens != nil {
			tokens := p.options.Tokens(p.domain, m.ID)
			for _, token := range tokens {
				s.byToken[token] = m.ID
			}
			if len(tokens) > 0 {
				e.Token = tokens[0]
			}
		}
		s.byID[m.ID] = e
		switch m.State {
		case membership.Alive:
			s.alive = append(s.alive, e)
		case membership.Suspect:
			s.suspect = append(s.suspect, e)
		case membership.Draining:
			s.sticky = append(s.sticky, e)
		}
		if until := e.since.Add(p.options.SlowStart); until.After(s.young) {
			s.young = until
		}
	}
	return s
}

// Pick is that of gateway.Pool.
func (p *Pool) Pick(want *gateway.Want, prefer membership.ID, tried []membership.ID) (*gateway.Member, string, bool) {
	s := p.now()
	if s == nil {
		return nil, "", false
	}
	if prefer != (membership.ID{}) && !slices.Contains(tried, prefer) {
		if e := s.byID[prefer]; e != nil && e.state <= membership.Draining {
			if address := e.address(want); address != "" {
				return &e.Member, address, true
			}
		}
	}
	turn := p.turn.Add(1)
	var now time.Time // zero: nobody is new
	if p.options.SlowStart > 0 {
		if t := time.Now(); t.Before(s.young) {
			now = t
		}
	}
	if !now.IsZero() {
		if e, address := p.next(s.alive, turn, want, tried, now); e != nil {
			return &e.Member, address, true
		}
	}
	for _, list := range [...][]*entry{s.alive, s.suspect} {
		if e, address := p.next(list, turn, want, tried, time.Time{}); e != nil {
			return &e.Member, address, true
		}
	}
	return nil, "", false
}

// next gives the one whose turn it is, or the next one that will do. At a time
// that is not zero, members that are new let some requests pass.
func (p *Pool) next(list []*entry, turn uint64, want *gateway.Want, tried []membership.ID, now time.Time) (*entry, string) {
	if len(list) == 0 {
		return nil, ""
	}
	at := int(turn % uint64(len(list)))
	for range list {
		e := list[at]
		if at++; at == len(list) {
			at = 0
		}
		if slices.Contains(tried, e.ID) || !now.IsZero() && p.passes(now.Sub(e.since)) {
			continue
		}
		if address := e.address(want); address != "" {
			return e, address
		}
	}
	return nil, ""
}

// passes tells whether a member of an age lets a request pass to others.
func (p *Pool) passes(age time.Duration) bool {
	if age >= p.options.SlowStart {
		return false
	}
	share := max(float64(age)/float64(p.options.SlowStart), 0.1)
	return rand.Float64() >= share
}

// Named is that of gateway.Pool.
func (p *Pool) Named(token string) (membership.ID, bool) {
	s := p.now()
	if s == nil {
		return membership.ID{}, false
	}
	id, ok := s.byToken[token]
	return id, ok
}

// Failed is that of gateway.Pool.
func (p *Pool) Failed(id membership.ID, err error) {
	if group := p.find(p.domain); group != nil {
		group.ReportFailure(id, err)
	}
}

// Changed is that of gateway.Pool.
func (p *Pool) Changed() <-chan struct{} {
	if s := p.now(); s != nil {
		return s.view.Stale()
	}
	return nil
}

// Why is that of gateway.Pool.
func (p *Pool) Why(want *gateway.Want) string {
	s := p.now()
	if s == nil {
		return "no member of it has been heard of"
	}
	property := HTTPPort
	if want.HTTPS {
		property = HTTPSPort
	}
	busy, portless := len(s.byID)-len(s.alive)-len(s.suspect), 0
	for _, list := range [...][]*entry{s.alive, s.suspect} {
		for _, e := range list {
			if e.address(want) == "" {
				portless++
			}
		}
	}
	switch {
	case len(s.byID) == 0 && s.others > 0:
		return fmt.Sprintf("none of the %d members of the domain is of this sub-domain", s.others)
	case len(s.byID) == 0:
		return "it has no members"
	case portless == len(s.byID):
		return fmt.Sprintf("none of its %d members publishes the property %s", portless, property)
	}
	return fmt.Sprintf("of its %d members %d are draining or leaving and %d publish no %s", len(s.byID), busy, portless, property)
}
