package main

import (
	"time"

	"github.com/gotribes/tribes/internal/machine"
)

// quiet is what a group costs that nothing happens to.
func quiet(s *scene) {
	s.start()
	span := 10 * time.Minute
	if s.n > 1000 {
		span = 2 * time.Minute
	}
	s.w.Run(10 * time.Second) // links that are not needed are closed by now
	s.mark()
	s.w.Run(s.main(span))
	s.calm(s.hosts, s.hosts)
	s.whole("after a quiet time", s.hosts)
	c := s.w.Count.Since(s.base.counts)
	if c.Messages > 0 || c.Looks > 0 || c.Dials > 0 {
		s.fail("%d messages, %d looks and %d dials in a quiet time", c.Messages, c.Looks, c.Dials)
	}
	for _, h := range s.hosts {
		if n := h.Proc().Links(); n > 8 {
			s.fail("%s holds %d links", h, n)
			return
		}
	}
}

// bootstrap starts everybody at one moment, with two well-known members that
// need a millisecond for each handshake.
func bootstrap(s *scene) {
	s.known = append(s.known, machine.WellKnown{Text: "h1:4000", Address: "h1:4000"})
	for _, h := range s.hosts {
		h.Start(s.config())
	}
	s.agree("after the start", 10*time.Second, s.hosts)
	s.calm(s.hosts, s.hosts)
	for _, h := range s.hosts[:2] {
		s.note("%s served %d handshakes, one waited %s", h.Address(), h.Served, short(h.Waited))
		if h.Served > 3*s.n+50 {
			s.fail("%s served %d handshakes for %d members", h, h.Served, s.n)
		}
	}
	s.w.Run(10 * time.Second)
	s.whole("10 s later", s.hosts)
	s.calm(s.hosts, s.hosts)
}
