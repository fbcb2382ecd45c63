package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/world"
)

const domain = "d"

// A scene is a group in a world: hosts of which the first is well known.
type scene struct {
	w     *world.World
	n     int
	hosts []*world.Host
	known []machine.WellKnown
	fails []string
}

func newScene(n int, seed uint64, trace func(string)) *scene {
	s := &scene{w: world.New(world.Options{Seed: seed, Trace: trace}), n: n}
	for i := range n {
		s.hosts = append(s.hosts, s.w.Host(fmt.Sprintf("h%d:4000", i)))
	}
	s.known = []machine.WellKnown{{Text: "h0:4000", Address: "h0:4000"}}
	return s
}

func (s *scene) config() machine.Config { return machine.Config{Domain: domain, WellKnown: s.known} }

func (s *scene) rng() *rand.Rand { return s.w.Rand() }

// start starts all hosts and waits until they agree.
func (s *scene) start() {
	for _, h := range s.hosts {
		if h.Proc() == nil {
			h.Start(s.config())
		}
	}
	s.agree("after the start", 10*time.Second, s.hosts)
	s.w.Run(5 * time.Second)
	s.whole("5 s after the start", s.hosts)
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
	var out []*world.Host
	for _, h := range s.hosts {
		if !slices.Contains(but, h) {
			out = append(out, h)
		}
	}
	return out
}

func (s *scene) fail(format string, args ...any) {
	s.fails = append(s.fails, fmt.Sprintf("%12s ", s.w.Now())+fmt.Sprintf(format, args...))
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
	want := addresses(members)
	for _, h := range hosts {
		if p := h.Proc(); p == nil || !slices.Equal(p.View(domain).Addresses(), want) {
			return false
		}
	}
	return true
}

// agree waits until these hosts have one view of just themselves.
func (s *scene) agree(when string, within time.Duration, hosts []*world.Host) time.Duration {
	took, ok := s.w.RunUntil(within, 10*time.Millisecond, func() bool { return s.sees(hosts, hosts) })
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
		got := h.Proc().View(domain).Addresses()
		if slices.Equal(got, want) {
			continue
		}
		if shown++; shown <= 3 {
			for _, x := range minus(got, want)[:min(1, len(minus(got, want)))] {
				for id, r := range h.Proc().View(domain).Members {
					if r.Record.Address == x {
						s.fail("%s on %s: %s", h.Address(), x, h.Proc().Machine().Explain(domain, id))
					}
				}
			}
			s.fail("%s: %s misses %v and has %v too many", when, h.Address(), minus(want, got), minus(got, want))
		}
	}
	if shown > 3 {
		s.fail("%s: … %d hosts in all", when, shown)
	}
}

func minus(a, b []string) []string {
	var out []string
	for _, x := range a {
		if !slices.Contains(b, x) && len(out) < 6 {
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
			if v.Removed[m.Address()] > 0 {
				s.fail("%s removed %s, which was healthy: %v", o.Address(), m.Address(), v.Log)
				return
			}
		}
	}
}

// findings are all that was found, the world's own included.
func (s *scene) findings() []string { return append(s.w.Findings(), s.fails...) }
