// Package members has the members of a domain, or of a part of it, answer the
// requests of a gateway. Picking, repeating and knowing who is down is that of a
// pool of package upstream; what the originals have besides is here: ports by
// scheme and by the port that clients come to, and tokens that name a member.
package members

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
)

// A Group is what a pool needs to know of a domain. A *membership.Group is one,
// a *tribes.Group too.
type Group interface {
	upstream.Group
	// View is who is there now. It is called for every request.
	View() membership.View
}

// Find gives the group of a domain; nil if nobody has heard of it. Groups can be
// compared: a domain that was forgotten and comes back is another one.
type Find func(domain string) Group

// FromNode finds the groups that a node belongs to or follows.
func FromNode[G interface {
	comparable
	Group
}](node interface{ Group(domain string) (G, bool) }) Find {
	return func(domain string) Group {
		if g, ok := node.Group(domain); ok {
			return g
		}
		return nil // and not a nil G, which would not be nil as a Group
	}
}

// Options say how a Pool works. The zero value is ready.
type Options struct {
	// SlowStart is how long a member that came anew gets fewer requests than the
	// others. 0 is not at all.
	SlowStart time.Duration
	// Tokens gives the tokens of a member, the first of which names it in
	// cookies. Nil: there are none.
	Tokens func(domain string, id membership.ID) []string
	// Failed is told of members that did not answer a request, each once a second
	// at most. Nil: nobody is.
	Failed func(domain string, m *gateway.Member, err error)
}

// A Pool is a gateway.Pool over a domain.
type Pool struct {
	domain, subDomain string // subDomain "" is every member
	find              Find
	options           Options
	current           atomic.Pointer[followed]

	mu     sync.Mutex // for changes of current, and closed; held for nothing that can block
	closed bool
}

// New makes the pool of a domain, or of a part of it. Close it in the end.
func New(domain, subDomain string, find Find, options Options) *Pool {
	p := &Pool{domain: domain, subDomain: subDomain, find: find, options: options}
	p.now() // so that members that leave wait for it from the first moment on
	return p
}

// Close is that of gateway.Pool.
func (p *Pool) Close() {
	p.mu.Lock()
	old := p.current.Swap(nil)
	p.closed = true
	p.mu.Unlock()
	old.close()
}

// A followed is a group that is followed.
type followed struct {
	group  Group
	pool   func() *upstream.Pool // waits for the first change, once
	view   atomic.Pointer[snapshot]
	sender atomic.Pointer[sender]
}

// A sender sends by way of a transport.
type sender struct {
	base http.RoundTripper
	http.RoundTripper
}

// now returns the group of the domain; nil if nobody has heard of it, or the
// pool is closed.
func (p *Pool) now() *followed {
	group := p.find(p.domain)
	if group == nil {
		return nil
	}
	if f := p.current.Load(); f != nil && f.group == group {
		return f
	}
	f, old := p.follow(group)
	old.close()
	if f != nil {
		f.pool()
	}
	return f
}

// follow has a group be followed. The one before is to be closed.
func (p *Pool) follow(group Group) (f, old *followed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old = p.current.Load()
	if p.closed || old != nil && old.group == group {
		return old, nil
	}
	f = &followed{group: group}
	f.pool = sync.OnceValue(func() *upstream.Pool {
		pool, err := upstream.New(failures{group, p, f}, upstream.Options{
			SubDomain: p.subDomain,
			SlowStart: p.options.SlowStart,
			Address:   func(m membership.Member) string { return new(entryOf(&m)).somewhere() },
			Want:      func(req *http.Request) upstream.Want { return p.want(f, gateway.WantOf(req)) },
			Aim:       func(req *http.Request, m membership.Member) { p.aim(f, req, &m) },
		})
		if err != nil {
			panic(err) // none of these options can be a bad one
		}
		return pool
	})
	p.current.Store(f)
	return f, old
}

// close ends following; f may be nil.
func (f *followed) close() {
	if f != nil {
		f.pool().Close()
	}
}

// failures is a group whose failures are told to others as well.
type failures struct {
	Group
	pool     *Pool
	followed *followed
}

// ReportFailure is that of upstream.Group.
func (f failures) ReportFailure(id membership.ID, err error) {
	f.Group.ReportFailure(id, err)
	if tell := f.pool.options.Failed; tell != nil {
		if e := f.pool.snapshot(f.followed).byID[id]; e != nil {
			tell(f.pool.domain, &e.Member, err)
		}
	}
}

// A snapshot is what is known of the members of one view. It is not changed.
type snapshot struct {
	view    membership.View
	all     []*entry
	byID    map[membership.ID]*entry
	byToken map[string]membership.ID
	mapped  bool // some have port mappings
	others  int  // members of the domain that are not of the sub-domain
	// Who does not serve HTTP, and HTTPS, unless by a mapping.
	without [2][]membership.ID
}

// snapshot returns that of the newest view.
func (p *Pool) snapshot(f *followed) *snapshot {
	view, old := f.group.View(), f.view.Load()
	if old != nil && old.view == view {
		return old
	}
	next := p.make(view) // several may do so at the same time: all are right
	f.view.Store(next)
	return next
}

// Refresh forgets what was made of the newest view: tokens are made anew.
func (p *Pool) Refresh() {
	if f := p.current.Load(); f != nil {
		f.view.Store(nil)
	}
}

// make makes a snapshot.
func (p *Pool) make(view membership.View) *snapshot {
	s := &snapshot{view: view, byID: map[membership.ID]*entry{}, byToken: map[string]membership.ID{}}
	for m := range view.All() {
		if p.subDomain != "" && m.SubDomain != p.subDomain {
			s.others++
			continue
		}
		e := new(entryOf(&m))
		if p.options.Tokens != nil {
			tokens := p.options.Tokens(p.domain, m.ID)
			for _, token := range tokens {
				s.byToken[token] = m.ID
			}
			if len(tokens) > 0 {
				e.Token = tokens[0]
			}
		}
		s.all = append(s.all, e)
		s.byID[m.ID] = e
		s.mapped = s.mapped || len(e.mappings) > 0
		if e.http == "" {
			s.without[0] = append(s.without[0], m.ID)
		}
		if e.https == "" {
			s.without[1] = append(s.without[1], m.ID)
		}
	}
	return s
}

// lack gives those who have no address for a request.
func (s *snapshot) lack(want *gateway.Want) []membership.ID {
	list := s.without[0]
	if want.HTTPS {
		list = s.without[1]
	}
	if len(list) == 0 || !s.mapped {
		return list
	}
	var out []membership.ID
	for _, id := range list {
		if s.byID[id].address(want) == "" {
			out = append(out, id)
		}
	}
	return out
}

// want is what a request needs, in the words of upstream.
func (p *Pool) want(f *followed, want *gateway.Want) upstream.Want {
	return upstream.Want{Member: want.Prefer, Avoid: p.snapshot(f).lack(want)}
}

// aim says where at its member a request goes.
func (p *Pool) aim(f *followed, req *http.Request, m *membership.Member) {
	e := p.snapshot(f).byID[m.ID]
	if e == nil { // it is gone since it was picked
		e = new(entryOf(m))
	}
	want := gateway.WantOf(req)
	want.Member, want.Address, want.Tries = &e.Member, e.address(want), want.Tries+1
	if want.Address == "" { // since it was picked
		want.Address = e.somewhere()
	}
	req.URL.Host = want.Address
}

// Send is that of gateway.Pool.
func (p *Pool) Send(base http.RoundTripper, req *http.Request) (*http.Response, error) {
	f := p.now()
	if f == nil {
		return nil, &upstream.EmptyError{Domain: p.domain, Reason: unheard}
	}
	s := f.sender.Load()
	if s == nil || s.base != base {
		s = &sender{base, f.pool().Transport(base)}
		f.sender.Store(s)
	}
	return s.RoundTrip(req)
}

// Has is that of gateway.Pool.
func (p *Pool) Has(want *gateway.Want) bool {
	f := p.now()
	if f == nil {
		return false
	}
	s := p.snapshot(f)
	servers, _ := f.pool().Servers() // and not s.all, as the pool may not have taken that in yet
	return slices.ContainsFunc(servers, func(server upstream.Server) bool {
		e := s.byID[server.Member.ID]
		return e != nil && server.Member.State <= membership.Suspect && e.address(want) != ""
	})
}

// Named is that of gateway.Pool.
func (p *Pool) Named(token string) (membership.ID, bool) {
	f := p.now()
	if f == nil {
		return membership.ID{}, false
	}
	id, ok := p.snapshot(f).byToken[token]
	return id, ok
}

// Changed is that of gateway.Pool.
func (p *Pool) Changed() <-chan struct{} {
	if f := p.now(); f != nil {
		_, changed := f.pool().Servers() // and not those of the view, which upstream may not have yet
		return changed
	}
	return nil
}

// Stats are the counts of the pool below; false if nobody has heard of the domain.
func (p *Pool) Stats() (upstream.Stats, bool) {
	f := p.now()
	if f == nil {
		return upstream.Stats{}, false
	}
	s := f.pool().Stats()
	s.Domain = p.domain // also before the first change
	return s, true
}

// unheard is why nobody can be picked in a domain without a group.
const unheard = "no member of it has been heard of"

// Why is that of gateway.Pool.
func (p *Pool) Why(want *gateway.Want) string {
	f := p.now()
	if f == nil {
		return unheard
	}
	s := p.snapshot(f)
	property := HTTPPort
	if want.HTTPS {
		property = HTTPSPort
	}
	busy, portless := 0, 0
	for _, e := range s.all {
		switch {
		case e.state > membership.Suspect:
			busy++
		case e.address(want) == "":
			portless++
		}
	}
	switch {
	case len(s.all) == 0 && s.others > 0:
		return fmt.Sprintf("none of the %d members of the domain is of this sub-domain", s.others)
	case len(s.all) == 0:
		return "it has no members"
	case busy+portless == 0:
		return "its members have only just come"
	case portless == len(s.all):
		return fmt.Sprintf("none of its %d members publishes the property %s", portless, property)
	}
	return fmt.Sprintf("of its %d members %d are draining or leaving and %d publish no %s", len(s.all), busy, portless, property)
}
