package main

import (
	"fmt"
	"time"

	"github.com/gotribes/tribes/internal/world"
)

func rollingRestart(s *scene) {
	s.start()
	for _, h := range s.hosts {
		h.Kill()
		h.Start(s.config())
		s.agree("after a restart of "+h.Address(), time.Second, s.hosts)
	}
	s.w.Run(s.main(20 * time.Second))
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
	fresh := s.fresh()
	// The name still says the old addresses as the first ones start.
	for _, h := range fresh {
		h.Start(s.config())
	}
	s.w.Run(500 * time.Millisecond)
	s.w.Name("all.test:4000", addresses(fresh)...)
	s.hosts = fresh
	s.agree("at new addresses", 1250*time.Millisecond+time.Second, s.hosts)
}

func leave(s *scene) {
	s.start()
	h := s.pick(1)
	h[0].Proc().Leave()
	s.agree("after a leave", 60*time.Millisecond, s.others(h))
	h[0].Kill()
	s.w.Run(s.main(20 * time.Second))
	s.calm(s.others(h), s.others(h))
	s.whole("later", s.others(h))
}

// oldAddresses: a name server that is slow to forget. Nothing answers at the
// old addresses any more.
func oldAddresses(s *scene) {
	s.known[0].Text, s.known[0].Address = "all.test:4000", ""
	s.w.Name("all.test:4000", addresses(s.hosts)...)
	s.start()
	old := s.hosts
	for _, h := range old {
		h.PowerLoss()
	}
	s.hosts = s.fresh()
	s.w.Name("all.test:4000", append(addresses(old), addresses(s.hosts)...)...)
	for _, h := range s.hosts {
		h.Start(s.config())
	}
	s.agree("among old addresses", 1250*time.Millisecond+time.Second, s.hosts)
	s.w.Run(s.main(20 * time.Second))
	s.whole("later", s.hosts)
}

// fresh makes as many hosts again, at new addresses.
func (s *scene) fresh() []*world.Host {
	var out []*world.Host
	for i := range s.n {
		out = append(out, s.w.Host(fmt.Sprintf("f%d:4000", i)))
	}
	return out
}

func moves(s *scene) {
	for i, h := range s.hosts {
		cfg := s.config()
		cfg.Name = fmt.Sprint("n", i)
		h.Start(cfg)
	}
	s.start()
	for i, k := range s.rng().Perm(s.n - 1)[:max(1, s.n/10)] {
		old := s.hosts[1+k]
		name := old.Proc().Machine().Own(domain).Name
		old.Kill()
		h := s.w.Host(fmt.Sprintf("f%d:4000", i))
		cfg := s.config()
		cfg.Name = name
		h.Start(cfg)
		s.hosts[1+k] = h
		s.agree("after a move", time.Second, s.hosts)
	}
	s.w.Run(s.main(20 * time.Second))
	s.whole("later", s.hosts)
	for _, x := range s.hosts[0].Proc().View(domain).All() {
		if x.NameConflict {
			s.fail("%s is shown as in conflict over its name", x.Record)
		}
	}
}
