package main

import (
	"time"
)

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
	s.w.Run(s.main(20 * time.Second))
	s.calm(h, s.hosts)
	s.calm(s.others(h), s.others(h))
}

func clockJump(s *scene) {
	s.start()
	for _, d := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
		s.pick(1)[0].Jump(d)
		s.w.Run(10 * time.Second)
	}
	s.calm(s.hosts, s.hosts)
	s.whole("after the jumps", s.hosts)
}
