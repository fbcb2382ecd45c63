package main

import (
	"time"
)

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
