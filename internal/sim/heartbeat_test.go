package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/world"
)

// Of two nodes each sends a heartbeat an interval, whoever answers whom. From a
// round trip of half an interval on, answers are answered as well, which at most
// doubles them.
func TestALinkHasOneHeartbeatAnIntervalInEachDirection(t *testing.T) {
	const watched = 10 * time.Minute
	const each = uint64(watched / (500 * time.Millisecond))
	for _, x := range []struct {
		roundTrip time.Duration
		most      uint64 // of both, in percent of one an interval
	}{{2 * time.Millisecond, 101}, {100 * time.Millisecond, 103}, {200 * time.Millisecond, 110}, {400 * time.Millisecond, 202}} {
		for seed := range uint64(10) {
			s := newScene(2, world.Options{Seed: seed, Delay: x.roundTrip / 2})
			for _, h := range s.hosts {
				h.Start(s.config())
			}
			s.w.Run(time.Minute)
			s.mark()
			s.w.Run(watched)
			sent := s.w.Count.Beats - s.base.counts.Beats
			require.GreaterOrEqual(t, sent, 2*each*99/100, "round trip %v, seed %d", x.roundTrip, seed)
			require.LessOrEqual(t, sent, 2*each*x.most/100, "round trip %v, seed %d", x.roundTrip, seed)
		}
	}
}

// Members that stop for a while now and then, but for less than a drop time less
// one and a half intervals, stay, also where that is as short as it may be. Few
// are dialled to see whether they are still there.
func TestShortStopsDropNobody(t *testing.T) {
	for _, x := range []struct{ drop, most time.Duration }{
		{2 * time.Second, 1200 * time.Millisecond}, {3 * time.Second, 2200 * time.Millisecond},
	} {
		stops, dials := 0, 0
		for seed := range uint64(20) {
			s := newScene(10, world.Options{Seed: seed + 1})
			for _, h := range s.hosts {
				c := s.config()
				c.DropTime = x.drop
				h.Start(c)
			}
			s.w.Run(time.Minute)
			s.mark()
			for end := s.w.Now() + 5*time.Minute; s.w.Now() < end; stops++ {
				s.w.Run(time.Duration(s.rng().Int64N(int64(time.Second))))
				h := s.hosts[s.rng().IntN(10)]
				h.Pause()
				s.w.Run(time.Duration(s.rng().Int64N(int64(x.most))))
				h.Resume()
			}
			for p, before := range s.base.transitions {
				require.Zero(t, p.View(domain).Transitions-before, "drop time %v, seed %d: somebody was dropped", x.drop, seed+1)
			}
			dials += int(s.w.Count.Dials - s.base.counts.Dials)
		}
		require.Less(t, dials, 2*stops, "drop time %v", x.drop)
	}
}
