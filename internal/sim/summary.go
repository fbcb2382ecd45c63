package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/gotribes/tribes/internal/world"
)

// A summary is what a run cost and what was seen in it, since all had started.
type summary struct {
	n           int
	virtual     time.Duration // of the whole run
	wall        time.Duration
	counts      world.Counts
	span        time.Duration // since all had started
	notes       []string      // of the case
	views       int           // that differ, among those that run, at the end
	transitions uint64        // members that came or went, at the observer that saw most
	links       int           // that the node with most holds at the end
	heap        uint64        // bytes in use at the end
}

func (s *scene) summary() summary {
	sum := summary{n: s.n, virtual: s.w.Now(), wall: time.Since(s.began), span: s.w.Now() - s.base.at}
	sum.notes = s.notes
	sum.counts = s.w.Count.Since(s.base.counts)
	views := map[uint64]bool{}
	for _, h := range s.hosts {
		p := h.Proc()
		if p == nil || p.View(domain) == nil {
			continue
		}
		v := p.View(domain)
		views[v.Sum()] = true
		if before, was := s.base.transitions[p]; was || s.base.transitions == nil {
			sum.transitions = max(sum.transitions, v.Transitions-before) // who starts later sees all come
		}
		sum.links = max(sum.links, p.Links())
	}
	sum.views = len(views)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	sum.heap = m.HeapAlloc
	return sum
}

// perMemberSecond is a figure for each member and second.
func (s summary) perMemberSecond(n uint64) float64 {
	if s.span <= 0 {
		return 0
	}
	return float64(n) / float64(s.n) / s.span.Seconds()
}

func (s summary) String() string {
	text := fmt.Sprintf("%d removals of healthy members, %d views, at most %d transitions an observer",
		s.counts.Removals, s.views, s.transitions)
	if s.counts.Noticed > 0 {
		text += fmt.Sprintf(", noticed after %s to %s", short(s.counts.FirstNotice), short(s.counts.LastNotice))
	}
	text += fmt.Sprintf(", %.1f heartbeats and %.3f other messages",
		s.perMemberSecond(s.counts.Beats), s.perMemberSecond(s.counts.Messages))
	if s.counts.Bytes > 0 {
		text += fmt.Sprintf(" (%.0f bytes)", s.perMemberSecond(s.counts.Bytes))
	}
	for _, n := range s.notes {
		text = n + "; " + text
	}
	return text + fmt.Sprintf(" a member and second, %d looks, %d dials, at most %d links; %s of virtual time in %s",
		s.counts.Looks, s.counts.Dials, s.links, s.virtual.Round(time.Millisecond), s.wall.Round(10*time.Millisecond))
}

func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
