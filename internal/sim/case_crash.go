package main

import (
	"time"

	"github.com/gotribes/tribes/internal/world"
)

func crash(s *scene) {
	s.start()
	dead := onePercent(s)
	for _, h := range dead {
		h.Kill()
	}
	s.agree("after a kill", 20*time.Millisecond+50*time.Millisecond, s.others(dead))
	s.w.Run(s.main(20 * time.Second))
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
	s.w.Run(s.main(20 * time.Second))
	s.calm(rest, rest)
	for _, h := range rest {
		if n := h.Proc().View(domain).Number - before[h.Address()]; n > 2 {
			s.fail("%s was shown %d changes: %v", h, n, h.Proc().View(domain).Log())
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
	s.w.Run(s.main(20 * time.Second))
	s.calm(s.others(dead), s.others(dead))
}

func mostLosePower(s *scene) {
	s.start()
	dead := s.pick(s.n * 6 / 10)
	for _, h := range dead {
		h.PowerLoss()
	}
	s.agree("after most lost power", 12*time.Second, s.others(dead))
	s.w.Run(s.main(20 * time.Second))
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
	s.w.Run(s.main(20 * time.Second))
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
	s.w.Run(s.main(20 * time.Second))
	if left[0].Proc().View(domain).Isolated {
		s.fail("%s is isolated later", left[0])
	}
}

// halfOpen: the connections of the old process are still open at the others
// when a new one starts at its address; its host resets what they send.
func halfOpen(s *scene) {
	s.start()
	h := s.pick(1)[0]
	h.PowerLoss()
	s.w.Run(time.Second)
	h.Start(s.config())
	s.agree("after it came back", 3*time.Second, s.hosts)
	s.w.Run(s.main(20 * time.Second))
	s.whole("later", s.hosts)
	rest := s.others([]*world.Host{h})
	s.calm(rest, rest)
}

func nearlyAll(s *scene) {
	s.start()
	dead := s.pick(s.n * 8 / 10)
	for _, h := range dead {
		h.PowerLoss()
	}
	rest := s.others(dead)
	s.agree("after nearly all lost power", 20*time.Second, rest)
	s.w.Run(s.main(20 * time.Second))
	s.whole("later", rest)
}

// onePercent draws 1 % of the hosts, at least one.
func onePercent(s *scene) []*world.Host { return s.pick(max(1, s.n/100)) }
