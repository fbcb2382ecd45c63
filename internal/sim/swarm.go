package main

import (
	"fmt"
	"time"

	"github.com/gotribes/tribes/internal/world"
)

// runSwarm draws a schedule of faults from each seed. Once faults stop, all
// healthy nodes hold one equal view within 30 s, or when the hold-down of
// members that were dropped more than once has run out (60 s at most).
func runSwarm(from, to uint64, low, high int, trace func(string)) int {
	code, broken := 0, 0
	var slowest time.Duration
	start := time.Now()
	for seed := from; seed <= to; seed++ {
		n := low + int(seed%uint64(high-low+1))
		took, found := swarm(n, seed, trace)
		slowest = max(slowest, took)
		if len(found) > 0 {
			broken++
			code = 1
			report(found, fmt.Sprintf("go run ./internal/sim -swarm -n %d -seed %d", n, seed))
		}
	}
	fmt.Printf("swarm n=%d-%d seeds %d-%d: %d broken, one view at most %.1f s after the faults (%.1fs)\n",
		low, high, from, to, broken, slowest.Seconds(), time.Since(start).Seconds())
	return code
}

// swarm runs one schedule. The seed also chooses which faults there are. It
// returns how long after the faults there was one view, and what was found.
func swarm(n int, seed uint64, trace func(string)) (time.Duration, []string) {
	s := newScene(n, seed, trace)
	s.start()
	kinds := s.rng().Perm(len(faults))[:1+s.rng().IntN(4)]
	for range 3 + s.rng().IntN(8) {
		f := faults[kinds[s.rng().IntN(len(kinds))]]
		f(s)
		s.w.Run(time.Duration(s.rng().Int64N(int64(8 * time.Second))))
	}
	s.w.Heal()
	for _, h := range s.hosts {
		h.Resume()
		h.Refuse(false)
		if h.Proc() == nil {
			h.Start(s.config())
		}
	}
	took, ok := s.w.RunUntil(90*time.Second, 100*time.Millisecond, func() bool { return s.sees(s.hosts, s.hosts) })
	if !ok {
		s.disagreement("90 s after the faults stopped, not one view", s.hosts, s.hosts)
	}
	s.w.Run(10 * time.Second)
	s.whole("10 s later", s.hosts)
	return took, s.findings()
}

var faults = []func(s *scene){
	func(s *scene) { anyHost(s).Kill() },
	func(s *scene) { anyHost(s).PowerLoss() },
	func(s *scene) { restart(s, anyHost(s)) },
	func(s *scene) { anyHost(s).Pause() },
	func(s *scene) { anyHost(s).Resume() },
	func(s *scene) { s.w.Cut(anyHost(s), anyHost(s)) },
	func(s *scene) { s.w.CutOneWay(anyHost(s), anyHost(s)) },
	func(s *scene) { anyHost(s).ResetLinks() },
	func(s *scene) { s.w.Loss(anyHost(s), 0.8) },
	func(s *scene) { s.w.LossEverywhere(0.05) },
	func(s *scene) { s.w.Heal() },
	func(s *scene) {
		k := 1 + s.rng().IntN(s.n-1)
		perm := s.rng().Perm(s.n)
		var a, b []*world.Host
		for i, j := range perm {
			if i < k {
				a = append(a, s.hosts[j])
			} else {
				b = append(b, s.hosts[j])
			}
		}
		s.w.Partition(a, b)
	},
	func(s *scene) {
		if p := anyHost(s).Proc(); p != nil {
			h := p.Host()
			p.Leave()
			s.w.Run(time.Second)
			if h.Proc() == p {
				h.Kill()
			}
		}
	},
	func(s *scene) {
		h := anyHost(s)
		h.Refuse(true)
		s.w.After(10*time.Second, func() { h.Refuse(false) })
	},
}

func anyHost(s *scene) *world.Host { return s.hosts[s.rng().IntN(s.n)] }

func restart(s *scene, h *world.Host) {
	h.Kill()
	h.Start(s.config())
}
