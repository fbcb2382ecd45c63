package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/world"
)

// runSwarm draws a schedule of faults from each seed. Once faults stop, all
// healthy nodes hold one equal view within 30 s, or when the hold-down of
// members that were dropped more than once has run out (60 s at most).
func runSwarm(from, to uint64, low, high int, o options) int {
	code, broken := 0, 0
	var slowest time.Duration
	start := time.Now()
	for seed := from; seed <= to; seed++ {
		n := low + int(seed%uint64(high-low+1))
		steps := draw(n, seed)
		if o.steps != "" {
			steps = chosen(steps, o.steps)
		}
		trace, end := o.tracer()
		replay := fmt.Sprintf("go run ./internal/sim -swarm -n %d -seed %d", n, seed)
		took, found := replayable(replay, func() (time.Duration, []string) { return swarm(n, seed, steps, trace) })
		end()
		slowest = max(slowest, took)
		if len(found) == 0 {
			continue
		}
		broken++
		code = 1
		if o.shrink {
			steps = shrink(steps, func(fewer []step) bool {
				_, found := swarm(n, seed, fewer, nil)
				return len(found) > 0
			})
			_, found = swarm(n, seed, steps, nil)
		}
		if o.steps != "" || o.shrink {
			replay += " -steps " + numbers(steps)
		}
		report(found, replay)
	}
	fmt.Printf("swarm n=%d-%d seeds %d-%d: %d broken, one view at most %.1f s after the faults (%.1fs)\n",
		low, high, from, to, broken, slowest.Seconds(), time.Since(start).Seconds())
	return code
}

// replayable says how to repeat a run that panics.
func replayable(replay string, run func() (time.Duration, []string)) (took time.Duration, found []string) {
	done := false
	defer func() {
		if !done {
			fmt.Println("  panic; replay: " + replay)
		}
	}()
	took, found = run()
	done = true
	return took, found
}

// A step is one fault of a schedule, and how long the next one waits. What it
// hits is drawn from its own seed, so that a step does the same whichever
// others there are.
type step struct {
	number int
	kind   int
	seed   uint64
	wait   time.Duration
}

// draw makes the schedule of a seed. The seed also chooses which faults there
// are.
func draw(n int, seed uint64) []step {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	kinds := r.Perm(len(faults))[:1+r.IntN(4)]
	var out []step
	for i := range 3 + r.IntN(8) {
		wait := time.Duration(r.Int64N(int64(8 * time.Second)))
		if r.IntN(3) == 0 {
			wait /= 20 // before the others have noticed
		}
		out = append(out, step{number: i + 1, kind: kinds[r.IntN(len(kinds))], seed: r.Uint64(), wait: wait})
	}
	return out
}

// swarm runs a schedule. It returns how long after the faults there was one
// view, and what was found.
func swarm(n int, seed uint64, steps []step, trace func(string)) (time.Duration, []string) {
	s := newScene(n, world.Options{Seed: seed, Trace: trace})
	s.start()
	for _, st := range steps {
		f := faults[st.kind]
		if trace != nil {
			trace(fmt.Sprintf("%12s step %d: %s", s.w.Now(), st.number, f.name))
		}
		f.run(s, rand.New(rand.NewPCG(st.seed, 0)))
		s.w.Run(st.wait)
	}
	s.w.Heal()
	for _, h := range s.hosts {
		h.Resume()
		h.Refuse(false)
		if h.Proc() == nil {
			h.Start(s.config())
		}
	}
	took := s.lasting()
	s.w.Audit()
	return took, s.findings()
}

// lasting waits for one view that stays for 10 s, and returns how long it took
// to come. What was said during the faults may drop somebody after them.
func (s *scene) lasting() time.Duration {
	began, whole := s.w.Now(), time.Duration(-1)
	for {
		switch now := s.w.Now() - began; {
		case !s.sees(s.hosts, s.hosts):
			whole = -1
			if now > 30*time.Second && (now > 90*time.Second || !s.repeated()) {
				s.disagreement(fmt.Sprintf("%s after the faults stopped, not one view", now), s.hosts, s.hosts)
				return now
			}
		case whole < 0:
			whole = now
		case now-whole >= 10*time.Second:
			return whole
		}
		s.w.Run(100 * time.Millisecond)
	}
}

// repeated says that somebody was dropped more than once: its hold-down may
// still run.
func (s *scene) repeated() bool {
	for _, o := range s.hosts {
		for _, h := range s.hosts {
			if p := o.Proc(); p != nil && p.View(domain).Removed(h) > 1 {
				return true
			}
		}
	}
	return false
}

// A fault is one kind of trouble in a swarm.
type fault struct {
	name string
	run  func(s *scene, r *rand.Rand)
}

func onOne(f func(h *world.Host)) func(s *scene, r *rand.Rand) {
	return func(s *scene, r *rand.Rand) { f(s.any(r)) }
}

var faults = []fault{
	{"kill", onOne((*world.Host).Kill)},
	{"power loss", onOne((*world.Host).PowerLoss)},
	{"restart", func(s *scene, r *rand.Rand) { restart(s, s.any(r)) }},
	{"pause", onOne((*world.Host).Pause)},
	{"resume", onOne((*world.Host).Resume)},
	{"cut", func(s *scene, r *rand.Rand) { s.w.Cut(s.any(r), s.any(r)) }},
	{"one-way cut", func(s *scene, r *rand.Rand) { s.w.CutOneWay(s.any(r), s.any(r)) }},
	{"reset links", onOne((*world.Host).ResetLinks)},
	{"stall links", onOne((*world.Host).StallLinks)},
	{"80 % loss", func(s *scene, r *rand.Rand) { s.w.Loss(s.any(r), 0.8) }},
	{"5 % loss everywhere", func(s *scene, _ *rand.Rand) { s.w.LossEverywhere(0.05) }},
	{"heal", func(s *scene, _ *rand.Rand) { s.w.Heal() }},
	{"partition", partition},
	{"leave", func(s *scene, r *rand.Rand) {
		h := s.any(r)
		if p := h.Proc(); p != nil {
			p.Leave()
			s.w.Run(time.Second)
			if h.Proc() == p {
				h.Kill()
			}
		}
	}},
	{"refuse for 10 s", func(s *scene, r *rand.Rand) {
		h := s.any(r)
		h.Refuse(true)
		s.w.After(10*time.Second, func() { h.Refuse(false) })
	}},
	{"clock jump", func(s *scene, r *rand.Rand) { s.any(r).Jump(time.Duration(r.Int64N(int64(30 * time.Second)))) }},
	{"move", func(s *scene, r *rand.Rand) {
		i := 1 + r.IntN(s.n-1) // the first is well known
		s.hosts[i].Kill()
		s.hosts[i] = s.w.Host(fmt.Sprintf("m%d:4000", len(s.w.Hosts())))
		s.hosts[i].Start(s.config())
	}},
	{"deaf for 5 s", func(s *scene, r *rand.Rand) {
		h := s.any(r)
		s.w.Loss(h, 1)
		s.w.After(5*time.Second, func() { s.w.Loss(h, 0) })
	}},
}

func partition(s *scene, r *rand.Rand) {
	k := 1 + r.IntN(s.n-1)
	var a, b []*world.Host
	for i, j := range r.Perm(s.n) {
		if i < k {
			a = append(a, s.hosts[j])
		} else {
			b = append(b, s.hosts[j])
		}
	}
	s.w.Partition(a, b)
}

func (s *scene) any(r *rand.Rand) *world.Host { return s.hosts[r.IntN(s.n)] }

func restart(s *scene, h *world.Host) {
	h.Kill()
	h.Start(s.config())
}

// chosen returns the steps with these numbers.
func chosen(steps []step, list string) []step {
	var out []step
	for text := range strings.SplitSeq(list, ",") {
		k, err := strconv.Atoi(text)
		if err != nil || k < 1 || k > len(steps) {
			fmt.Fprintf(os.Stderr, "sim: -steps: %q is not the number of one of %d steps\n", text, len(steps))
			os.Exit(2)
		}
		out = append(out, steps[k-1])
	}
	return out
}

func numbers(steps []step) string {
	var out []string
	for _, st := range steps {
		out = append(out, strconv.Itoa(st.number))
	}
	return strings.Join(out, ",")
}

// shrink takes steps away for as long as the schedule still fails.
func shrink(steps []step, fails func([]step) bool) []step {
	for width := len(steps) / 2; width >= 1; width /= 2 {
		for i := 0; i+width <= len(steps); {
			fewer := append(append([]step(nil), steps[:i]...), steps[i+width:]...)
			if len(fewer) > 0 && fails(fewer) {
				steps = fewer
			} else {
				i += width
			}
		}
	}
	return steps
}
