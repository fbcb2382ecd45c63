package main

import (
	"time"

	"github.com/gotribes/tribes/internal/world"
)

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
	s.w.Run(s.main(20 * time.Second))
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
	if shown := a.Proc().View(domain).At(c); s.n <= 9 && !shown.Unreachable {
		s.fail("%s is not told that %s is unreachable from it", a, c)
	}
	s.w.Heal()
	s.w.Run(s.main(20 * time.Second))
	s.whole("after the heal", s.hosts)
}

func resets(s *scene) {
	s.start()
	for range 3 {
		s.pick(1)[0].ResetLinks()
		s.w.Run(s.main(20 * time.Second))
	}
	s.calm(s.hosts, s.hosts)
	s.whole("after the resets", s.hosts)
}

func oneWay(s *scene) {
	s.start()
	s.w.CutOneWay(s.hosts[1], s.hosts[2])
	s.w.Run(s.main(time.Minute))
	s.calm(s.hosts, s.hosts)
	s.w.Heal()
	s.w.Run(s.main(20 * time.Second))
	s.whole("after the heal", s.hosts)
}

func stalledLinks(s *scene) {
	s.start()
	for range 3 {
		s.pick(1)[0].StallLinks()
		s.w.Run(s.main(20 * time.Second))
	}
	s.calm(s.hosts, s.hosts)
	s.whole("after the stalls", s.hosts)
}
