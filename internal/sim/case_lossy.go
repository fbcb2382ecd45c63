package main

import (
	"time"

	"github.com/gotribes/tribes/internal/world"
)

func fivePercent(s *scene) {
	s.start()
	s.w.LossEverywhere(0.05)
	s.w.Run(s.main(time.Hour))
	s.calm(s.hosts, s.hosts)
}

func lossy(s *scene) {
	s.start()
	bad := onePercent(s)
	for _, h := range bad {
		s.w.Loss(h, 0.8)
	}
	s.w.Run(s.main(10 * time.Minute))
	s.faulty(bad, 3)
}

func flipFlop(s *scene) {
	s.start()
	bad := onePercent(s)
	for range s.main(10*time.Minute) / (40 * time.Second) {
		for _, h := range bad {
			for _, o := range s.hosts {
				if o != h {
					s.w.CutOneWay(o, h)
				}
			}
		}
		s.w.Run(s.main(20 * time.Second))
		s.w.Heal()
		s.w.Run(s.main(20 * time.Second))
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
			if n := v.Added(h) - 1 + v.Removed(h); n > most {
				s.fail("%s saw %d transitions of %s", o, n, h)
				return
			}
		}
	}
}
