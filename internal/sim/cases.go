package main

import (
	"fmt"
	"time"

	"github.com/gotribes/tribes/internal/world"
)

// A testCase is a row of the table in docs/protocol.md.
type testCase struct {
	name  string
	rule  string
	sizes [2]int // of groups that the row is claimed for
	run   func(s *scene)
}

const dropTime = 3 * time.Second

var cases = []testCase{
	{"crash", "1 % (at least 1) killed: dropped by all within 10 round trips + 50 ms; nobody else", [2]int{2, 5000}, crash},
	{"ten-killed", "10 (at most half) killed within 20 ms: dropped by all within 1 s, in at most 2 changes", [2]int{4, 1000}, tenKilled},
	{"power-loss", "1 % (at least 1) lose power: dropped by all within drop time + 1 s (2 or 3: + 2 s)", [2]int{2, 5000}, powerLoss},
	{"most-lose-power", "60 % lose power at once: survivors agree within 12 s, none dropped", [2]int{5, 5000},
		mostLosePower},
	{"all-but-two", "all but two lose power: the two agree within 30 s", [2]int{4, 50}, allButTwo},
	{"all-but-one", "all but one lose power: the one is isolated", [2]int{3, 50}, allButOne},
	{"all-but-one-killed", "all but one killed: it drops the others as crashed within 1 s, not isolated", [2]int{2, 50}, allButOneKilled},
	{"five-percent", "everybody loses 5 %: nobody dropped in 1 h", [2]int{2, 1000}, fivePercent},
	{"lossy", "1 % lose 80 % of what comes in for 10 min: nobody healthy dropped; at most 3 transitions of each", [2]int{50, 1000}, lossy},
	{"flip-flop", "1 % hear nothing, 20 s on and 20 s off, for 10 min: the same; at most 16 transitions", [2]int{50, 1000}, flipFlop},
	{"half", "half/half for 100 s: nobody dropped inside an island; one view 5 s after the heal", [2]int{2, 1000}, half},
	{"ninety-ten", "partition 90/10 for 100 s: the same", [2]int{10, 1000}, ninetyTen},
	{"three-ways", "partition three ways for 100 s: the same", [2]int{6, 1000}, threeWays},
	{"one-link", "one link broken: nobody dropped; A is told that C is unreachable from A", [2]int{3, 50}, oneLink},
	{"short-pause", "pause of one node for 1 s, then 2 s: nobody dropped", [2]int{2, 1000}, shortPause},
	{"long-pause", "pause of 10 s: dropped, back within 1 s of the resume, and drops nobody", [2]int{2, 1000}, longPause},
	{"rolling-restart", "rolling restart at the same addresses, no pause: no stale member 1 s after each", [2]int{3, 200}, rollingRestart},
	{"new-addresses", "all restart at new addresses behind one name: one view within one resolve + 1 s", [2]int{3, 50}, newAddresses},
	{"known-last", "the well-known member starts last: all join within 2 s", [2]int{3, 50}, knownLast},
	{"known-restarts", "the well-known member restarts: members keep their view, it has all back within 2 s", [2]int{3, 50}, knownRestarts},
	{"known-down", "all well-known members down while others run: members keep their view", [2]int{3, 50}, knownDown},
	{"resets", "a firewall forgets a node's connections: nobody dropped", [2]int{2, 50}, resets},
	{"leave", "a member leaves: removed as left at once, by all", [2]int{2, 1000}, leave},
}

func onePercent(s *scene) []*world.Host { return s.pick(max(1, s.n/100)) }

func crash(s *scene) {
	s.start()
	dead := onePercent(s)
	for _, h := range dead {
		h.Kill()
	}
	s.agree("after a kill", 20*time.Millisecond+50*time.Millisecond, s.others(dead))
	s.w.Run(20 * time.Second)
	s.calm(s.others(dead), s.others(dead))
}

func tenKilled(s *scene) {
	s.start()
	dead := s.pick(min(10, s.n/2))
	for _, h := range dead {
		h.Kill()
		s.w.Run(time.Duration(s.rng().Int64N(int64(2 * time.Millisecond))))
	}
	rest := s.others(dead)
	before := map[string]uint64{}
	for _, h := range rest {
		before[h.Address()] = h.Proc().View(domain).Number
	}
	s.agree("after ten were killed", time.Second, rest)
	s.w.Run(20 * time.Second)
	s.calm(rest, rest)
	for _, h := range rest {
		if n := h.Proc().View(domain).Number - before[h.Address()]; n > 2 {
			s.fail("%s was shown %d changes: %v", h, n, h.Proc().View(domain).Log)
			return
		}
	}
}

func powerLoss(s *scene) {
	s.start()
	dead := onePercent(s)
	for _, h := range dead {
		h.PowerLoss()
	}
	within := dropTime + time.Second
	if s.n <= 3 {
		within += time.Second
	}
	s.agree("after a power loss", within, s.others(dead))
	s.w.Run(20 * time.Second)
	s.calm(s.others(dead), s.others(dead))
}

func mostLosePower(s *scene) {
	s.start()
	dead := s.pick(s.n * 6 / 10)
	for _, h := range dead {
		h.PowerLoss()
	}
	s.agree("after most lost power", 12*time.Second, s.others(dead))
	s.w.Run(20 * time.Second)
	s.whole("later", s.others(dead))
	s.calm(s.others(dead), s.others(dead))
}

func allButTwo(s *scene) {
	s.start()
	dead := s.pick(s.n - 2)
	for _, h := range dead {
		h.PowerLoss()
	}
	left := s.others(dead)
	s.agree("after all but two lost power", 30*time.Second, left)
	s.w.Run(20 * time.Second)
	s.whole("later", left)
}

func allButOne(s *scene) {
	s.start()
	dead := s.pick(s.n - 1)
	for _, h := range dead {
		h.PowerLoss()
	}
	left := s.others(dead)
	s.agree("after all but one lost power", 30*time.Second, left)
	if !left[0].Proc().View(domain).Isolated {
		s.fail("%s is alone but not isolated", left[0])
	}
}

func allButOneKilled(s *scene) {
	s.start()
	dead := s.pick(s.n - 1)
	for _, h := range dead {
		h.Kill()
	}
	left := s.others(dead)
	s.agree("after all but one were killed", time.Second, left)
	if left[0].Proc().View(domain).Isolated {
		s.fail("%s is isolated", left[0])
	}
	s.w.Run(20 * time.Second)
	if left[0].Proc().View(domain).Isolated {
		s.fail("%s is isolated later", left[0])
	}
}

func fivePercent(s *scene) {
	s.start()
	s.w.LossEverywhere(0.05)
	s.w.Run(time.Hour)
	s.calm(s.hosts, s.hosts)
}

func lossy(s *scene) {
	s.start()
	bad := onePercent(s)
	for _, h := range bad {
		s.w.Loss(h, 0.8)
	}
	s.w.Run(10 * time.Minute)
	s.faulty(bad, 3)
}

func flipFlop(s *scene) {
	s.start()
	bad := onePercent(s)
	for range 15 {
		for _, h := range bad {
			for _, o := range s.hosts {
				if o != h {
					s.w.CutOneWay(o, h)
				}
			}
		}
		s.w.Run(20 * time.Second)
		s.w.Heal()
		s.w.Run(20 * time.Second)
	}
	s.faulty(bad, 16)
}

// faulty fails if a healthy member was removed by a healthy one, or a faulty
// one came and went more often than most in anybody's view.
func (s *scene) faulty(bad []*world.Host, most int) {
	good := s.others(bad)
	s.calm(good, good)
	for _, o := range good {
		v := o.Proc().View(domain)
		for _, h := range bad {
			if n := v.Added[h.Address()] - 1 + v.Removed[h.Address()]; n > most {
				s.fail("%s saw %d transitions of %s", o, n, h)
				return
			}
		}
	}
}

func islands(s *scene, parts ...[]*world.Host) {
	s.w.Partition(parts...)
	s.w.Run(100 * time.Second)
	for _, p := range parts {
		s.calm(p, p)
		if len(p) > 1 {
			s.whole("in an island", p)
		}
	}
	s.w.Heal()
	s.agree("after the heal", 5*time.Second, s.hosts)
	s.w.Run(20 * time.Second)
	s.whole("later", s.hosts)
	for _, p := range parts {
		s.calm(p, p)
	}
}

func half(s *scene) {
	s.start()
	islands(s, s.hosts[:s.n/2], s.hosts[s.n/2:])
}

func ninetyTen(s *scene) {
	s.start()
	islands(s, s.hosts[:s.n*9/10], s.hosts[s.n*9/10:])
}

func threeWays(s *scene) {
	s.start()
	islands(s, s.hosts[:s.n/3], s.hosts[s.n/3:2*s.n/3], s.hosts[2*s.n/3:])
}

func oneLink(s *scene) {
	s.start()
	a, c := s.hosts[1], s.hosts[2]
	s.w.Cut(a, c)
	s.w.Run(time.Minute)
	s.calm(s.hosts, s.hosts)
	if shown := a.Proc().View(domain).Members[c.Proc().ID()]; s.n <= 9 && (shown == nil || !shown.Unreachable) {
		s.fail("%s is not told that %s is unreachable from it", a, c)
	}
	s.w.Heal()
	s.w.Run(20 * time.Second)
	s.whole("after the heal", s.hosts)
}

func shortPause(s *scene) {
	s.start()
	for _, d := range []time.Duration{time.Second, 2 * time.Second} {
		h := s.pick(1)[0]
		h.Pause()
		s.w.Run(d)
		h.Resume()
		s.w.Run(10 * time.Second)
	}
	s.calm(s.hosts, s.hosts)
}

func longPause(s *scene) {
	s.start()
	h := s.pick(1)
	h[0].Pause()
	s.w.Run(10 * time.Second)
	if rest := s.others(h); !s.sees(rest, rest) {
		s.disagreement("during the pause", rest, rest)
	}
	h[0].Resume()
	s.agree("after the resume", time.Second, s.hosts)
	s.w.Run(20 * time.Second)
	s.calm(h, s.hosts)
	s.calm(s.others(h), s.others(h))
}

func rollingRestart(s *scene) {
	s.start()
	for _, h := range s.hosts {
		h.Kill()
		h.Start(s.config())
		s.agree("after a restart of "+h.Address(), time.Second, s.hosts)
	}
	s.w.Run(20 * time.Second)
	s.whole("after a rolling restart", s.hosts)
}

func newAddresses(s *scene) {
	s.known[0].Text, s.known[0].Address = "all.test:4000", ""
	s.w.Name("all.test:4000", addresses(s.hosts)...)
	s.start()
	for _, h := range s.hosts {
		h.Kill()
	}
	s.w.Run(time.Second)
	var fresh []*world.Host
	for i := range s.n {
		fresh = append(fresh, s.w.Host(fmt.Sprintf("f%d:4000", i)))
	}
	// The name still says the old addresses as the first ones start.
	for _, h := range fresh {
		h.Start(s.config())
	}
	s.w.Run(500 * time.Millisecond)
	s.w.Name("all.test:4000", addresses(fresh)...)
	s.hosts = fresh
	s.agree("at new addresses", 1250*time.Millisecond+time.Second, s.hosts)
}

func knownLast(s *scene) {
	for _, h := range s.hosts[1:] {
		h.Start(s.config())
	}
	s.w.Run(30 * time.Second)
	s.hosts[0].Start(s.config())
	s.agree("after the well-known member started", 2*time.Second, s.hosts)
}

func knownRestarts(s *scene) {
	s.start()
	s.hosts[0].Kill()
	s.w.Run(10 * time.Second)
	rest := s.hosts[1:]
	s.whole("without the well-known member", rest)
	s.hosts[0].Start(s.config())
	s.agree("after the well-known member restarted", 2*time.Second, s.hosts)
	s.calm(rest, rest)
}

func knownDown(s *scene) {
	s.start()
	s.hosts[0].PowerLoss()
	rest := s.hosts[1:]
	s.w.Run(10 * time.Minute)
	s.whole("without the well-known member", rest)
	s.calm(rest, rest)
	s.hosts[0].Start(s.config())
	s.agree("after the well-known member came back", 2*time.Second, s.hosts)
}

func resets(s *scene) {
	s.start()
	for range 3 {
		s.pick(1)[0].ResetLinks()
		s.w.Run(20 * time.Second)
	}
	s.calm(s.hosts, s.hosts)
	s.whole("after the resets", s.hosts)
}

func leave(s *scene) {
	s.start()
	h := s.pick(1)
	h[0].Proc().Leave()
	s.agree("after a leave", 60*time.Millisecond, s.others(h))
	h[0].Kill()
	s.w.Run(20 * time.Second)
	s.calm(s.others(h), s.others(h))
	s.whole("later", s.others(h))
}
