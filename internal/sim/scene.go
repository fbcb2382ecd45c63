package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/world"
)

const (
	domain   = "d"
	dropTime = 3 * time.Second
)

// A scene is a group in a world: hosts of which the first is well known.
type scene struct {
	w     *world.World
	n     int
	span  time.Duration // of the case's main part; 0: the case's own
	timed bool          // the case has one
	hosts []*world.Host
	known []machine.WellKnown
	fails []string
	notes []string      // figures of the case's own
	took  time.Duration // until there was one view, when it was last waited for
	began time.Time     // by the wall clock
	base  base          // once all have started
}

// base is what was counted before the faults began.
type base struct {
	at          time.Duration
	counts      world.Counts
	transitions map[*world.Proc]uint64
}

func newScene(n int, o world.Options) *scene {
	if n > 100 {
		o.AuditEvery = 5 * time.Minute
	}
	if n > 1000 {
		o.AuditEvery = time.Hour
	}
	s := &scene{w: world.New(o), n: n, began: time.Now()}
	for i := range n {
		s.hosts = append(s.hosts, s.w.Host(fmt.Sprintf("h%d:4000", i)))
	}
	s.known = []machine.WellKnown{{Text: "h0:4000", Address: "h0:4000"}}
	return s
}

func (s *scene) config() machine.Config { return machine.Config{Domain: domain, WellKnown: s.known} }

func (s *scene) rng() *rand.Rand { return s.w.Rand() }

// main is how long a case's main part takes, or how long it watches what comes
// of its faults: what the caller wants, or d.
func (s *scene) main(d time.Duration) time.Duration {
	s.timed = true
	if s.span > 0 {
		return s.span
	}
	return d
}

// start starts all hosts and waits until they agree. Thousands are handed
// their table by a stranger who leaves at once, as a node that restarts is by
// a well-known member: to have each hear of each over eight links would take
// longer than all that the case is about.
func (s *scene) start() {
	for _, h := range s.hosts {
		if h.Proc() == nil {
			h.Start(s.config())
		}
	}
	if s.n > 1000 {
		s.w.Introduce(domain, s.hosts)
	}
	s.agree("after the start", 10*time.Second, s.hosts)
	s.w.Run(5 * time.Second)
	s.whole("5 s after the start", s.hosts)
	s.mark()
}

// mark says that all have started: what follows counts.
func (s *scene) mark() {
	s.base = base{at: s.w.Now(), counts: s.w.Count, transitions: map[*world.Proc]uint64{}}
	for _, h := range s.hosts {
		if p := h.Proc(); p != nil && p.View(domain) != nil {
			s.base.transitions[p] = p.View(domain).Transitions
		}
	}
}

// pick returns k hosts drawn at random, never the first unless all.
func (s *scene) pick(k int) []*world.Host {
	if k >= len(s.hosts) {
		return slices.Clone(s.hosts)
	}
	var out []*world.Host
	for _, i := range s.rng().Perm(len(s.hosts) - 1)[:min(k, len(s.hosts)-1)] {
		out = append(out, s.hosts[i+1])
	}
	return out
}

func (s *scene) others(but []*world.Host) []*world.Host {
	not := map[*world.Host]bool{}
	for _, h := range but {
		not[h] = true
	}
	return slices.DeleteFunc(slices.Clone(s.hosts), func(h *world.Host) bool { return not[h] })
}

func (s *scene) fail(format string, args ...any) {
	s.fails = append(s.fails, fmt.Sprintf("%12s ", s.w.Now())+fmt.Sprintf(format, args...))
}

func (s *scene) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func addresses(hosts []*world.Host) []string {
	var out []string
	for _, h := range hosts {
		out = append(out, h.Address())
	}
	slices.Sort(out)
	return out
}

// sees says that every one of these hosts has just these members in view.
func (s *scene) sees(hosts, members []*world.Host) bool {
	sum := world.SumOf(members)
	for _, h := range hosts {
		p := h.Proc()
		if p == nil {
			return false
		}
		if v := p.View(domain); v == nil || v.Len() != len(members) || v.Sum() != sum {
			return false
		}
	}
	return true
}

// agree waits until these hosts have one view of just themselves.
func (s *scene) agree(when string, within time.Duration, hosts []*world.Host) time.Duration {
	took, ok := s.w.RunUntil(within, 10*time.Millisecond, func() bool { return s.sees(hosts, hosts) })
	s.took = took
	if !ok {
		s.disagreement(when+fmt.Sprintf(", not one view within %s", within), hosts, hosts)
	}
	return took
}

// whole fails unless these hosts have one view of just themselves now.
func (s *scene) whole(when string, hosts []*world.Host) {
	if !s.sees(hosts, hosts) {
		s.disagreement(when+", not one view", hosts, hosts)
	}
}

func (s *scene) disagreement(when string, hosts, members []*world.Host) {
	want := addresses(members)
	shown := 0
	for _, h := range hosts {
		if h.Proc() == nil {
			s.fail("%s: nothing runs at %s", when, h.Address())
			continue
		}
		v := h.Proc().View(domain)
		got := v.Addresses()
		if slices.Equal(got, want) {
			continue
		}
		if shown++; shown > 3 {
			continue
		}
		if extra := minus(got, want); len(extra) > 0 {
			if x := v.At(s.w.Host(extra[0])); x.Record != nil {
				s.fail("%s on %s: %s", h.Address(), extra[0], h.Proc().Machine().Explain(domain, x.Record.ID))
			}
		}
		s.fail("%s: %s misses %v and has %v too many", when, h.Address(), minus(want, got), minus(got, want))
	}
	if shown > 3 {
		s.fail("%s: … %d hosts in all", when, shown)
	}
}

// minus returns up to six of a that are not in b, both sorted.
func minus(a, b []string) []string {
	var out []string
	for _, x := range a {
		if _, found := slices.BinarySearch(b, x); !found && len(out) < 6 {
			out = append(out, x)
		}
	}
	return out
}

// calm fails if any of the observers has removed any of the members.
func (s *scene) calm(observers, members []*world.Host) {
	for _, o := range observers {
		p := o.Proc()
		if p == nil {
			continue
		}
		v := p.View(domain)
		for _, m := range members {
			if v.Removed(m) > 0 {
				s.fail("%s removed %s, which was healthy: %v", o.Address(), m.Address(), v.Log())
				return
			}
		}
	}
}

// findings are all that was found, the world's own included.
func (s *scene) findings() []string { return append(s.w.Findings(), s.fails...) }
