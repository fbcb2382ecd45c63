package admin

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gotribes/tribes/examples/internal/traffic"
	"github.com/gotribes/tribes/membership"
)

// snapTime is how old a snapshot may be: however many look, it is made once in
// that time.
const snapTime = 900 * time.Millisecond

// A snapshot is everything at one time. It is not changed once it was made.
type snapshot struct {
	at      time.Time
	self    membership.Member
	domains []*domain
	ready   error // why it is not; nil is ready

	mu       sync.Mutex // for rendered; held for nothing that can block
	rendered map[query]*rendering
}

// A domain is one group at that time.
type domain struct {
	followed *followed
	name     string
	view     membership.View
	own      bool // that of the balancers
	rows     []*row
	managers []membership.Member
	states   map[membership.State]int
	traffic  traffic.Figures
	history  []traffic.Second
}

// A row is one member at that time.
type row struct {
	membership.Member
	last    Happening
	traffic traffic.Figures
}

// now returns a snapshot that is fresh enough.
func (s *Site) now() *snapshot {
	s.shot.Lock()
	defer s.shot.Unlock()
	if s.fresh == nil || time.Since(s.fresh.at) > snapTime {
		s.fresh = s.make()
	}
	return s.fresh
}

// make makes one. The balancers' own domain is the last.
func (s *Site) make() *snapshot {
	out := &snapshot{at: time.Now(), self: s.options.Self(), rendered: map[query]*rendering{}}
	if s.options.Ready != nil {
		out.ready = s.options.Ready()
	}
	for _, f := range s.followed() {
		out.domains = append(out.domains, s.domain(f, out.self.Domain))
	}
	slices.SortStableFunc(out.domains, func(a, b *domain) int {
		switch {
		case a.own == b.own:
			return cmp.Compare(a.name, b.name)
		case a.own:
			return 1
		}
		return -1
	})
	return out
}

// domain makes that of a group. Those in trouble come first, then by address.
func (s *Site) domain(f *followed, own string) *domain {
	d := &domain{followed: f, name: f.group.Domain(), view: f.group.View(), states: map[membership.State]int{}}
	d.own = d.name == own
	here := map[membership.ID]bool{}
	for m := range d.view.All() {
		r := &row{Member: m, last: f.of(m.ID)}
		if s.options.Traffic != nil {
			r.traffic = s.options.Traffic.Member(d.name, m.ID)
		}
		here[m.ID] = true
		d.states[m.State]++
		d.rows = append(d.rows, r)
	}
	for m := range d.view.Managers() {
		d.managers = append(d.managers, m)
	}
	slices.SortFunc(d.rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), compareAddresses(a.Address, b.Address), a.ID.Compare(b.ID))
	})
	if s.options.Traffic != nil {
		s.options.Traffic.Keep(d.name, func(id membership.ID) bool { return here[id] })
		d.traffic, d.history = s.options.Traffic.Domain(d.name), s.options.Traffic.History(d.name)
	}
	return d
}

// rank puts those in trouble first.
func rank(r *row) int {
	switch {
	case r.State == membership.Suspect:
		return 0
	case r.Unreachable || r.NameConflict:
		return 1
	case r.State == membership.Leaving || r.State == membership.Draining:
		return 2
	}
	return 3
}

// compareAddresses puts 10.0.0.9 before 10.0.0.10: numbers go by their length
// first.
func compareAddresses(a, b string) int {
	for a != "" && b != "" {
		x, y := chunk(a), chunk(b)
		a, b = a[len(x):], b[len(y):]
		if isDigit(x[0]) && isDigit(y[0]) {
			if c := cmp.Compare(len(x), len(y)); c != 0 {
				return c
			}
		}
		if c := cmp.Compare(x, y); c != 0 {
			return c
		}
	}
	return cmp.Compare(a, b)
}

// chunk is the number, or what is no number, that a text begins with.
func chunk(s string) string {
	digit := isDigit(s[0])
	if i := strings.IndexFunc(s, func(r rune) bool { return isDigit(byte(min(r, 0x7f))) != digit }); i > 0 {
		return s[:i]
	}
	return s
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// get finds a domain.
func (s *snapshot) get(name string) *domain {
	for _, d := range s.domains {
		if d.name == name {
			return d
		}
	}
	return nil
}

// search gives the rows in which a text stands: in the name, the address, the
// state, the sub-domain or the properties.
func (d *domain) search(text string) []*row {
	if text == "" {
		return d.rows
	}
	text = strings.ToLower(text)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	var out []*row
	for _, r := range d.rows {
		found := has(r.Name) || has(r.Address) || has(r.State.String()) || has(r.SubDomain) || has(r.ID.String())
		if !found {
			for k, v := range r.Properties() {
				found = found || has(k) || has(v)
			}
		}
		if found {
			out = append(out, r)
		}
	}
	return out
}

// properties are all that a member has published.
func (r *row) properties() map[string]string { return maps.Collect(r.Properties()) }
