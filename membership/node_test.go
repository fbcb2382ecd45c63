package membership

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

func TestNodesFindEachOther(t *testing.T) {
	inBubble(t, func(b *bubble) {
		a := b.join(1)
		c := b.join(2)
		require.Equal(b, []string{addr(1), addr(2)}, addresses(c.Own().View()), "the view is there when Joined returns")
		b.pass(time.Second)
		require.Equal(b, []string{addr(1), addr(2)}, addresses(a.Own().View()))
		m, ok := a.Own().View().At(addr(2))
		require.True(b, ok)
		require.Equal(b, c.Self().ID, m.ID)
		require.Equal(b, Alive, m.State)
		require.Len(b, b.log.having("member added", "member="+addr(2), "cause=joined"), 2)
	})
}

func TestLateWellKnownMember(t *testing.T) {
	inBubble(t, func(b *bubble) {
		c, d := b.start(2), b.start(3)
		b.pass(20 * time.Second)
		require.Equal(b, 1, c.Own().View().Len(), "a group of one until it meets others")
		a := b.start(1)
		b.pass(3 * time.Second)
		for _, n := range []*Node{a, c, d} {
			require.Equal(b, []string{addr(1), addr(2), addr(3)}, addresses(n.Own().View()))
			require.NoError(b, n.Joined(b.Context()))
		}
	})
}

func TestCrashedMemberIsRemoved(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(3)
		f := b.follow(all[0].Own(), nil)
		b.crash(all[2])
		b.pass(time.Second)
		require.Contains(b, f.events(), "removed "+addr(3)+" (crashed)")
		last := f.news()
		e := last[len(last)-1].Events[0]
		require.Equal(b, Failed, e.Member.State)
		require.Equal(b, []string{addr(1), addr(2)}, addresses(all[1].Own().View()))
		f.sound(b)
	})
}

func TestSilentMemberIsRemoved(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(3)
		f := b.follow(all[0].Own(), nil)
		b.net.PowerLoss(ip(3))
		_ = all[2].Close()
		b.pass(5 * time.Second)
		require.Contains(b, f.events(), "removed "+addr(3)+" (silent)")
		f.sound(b)
	})
}

func TestLeaveIsSeenAsLeft(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(3)
		f := b.follow(all[0].Own(), nil)
		report, err := all[2].Leave(b.Context())
		require.NoError(b, err)
		require.Empty(b, report.Missing)
		require.Less(b, report.Took, time.Second, "there is no manager to wait for")
		b.pass(100 * time.Millisecond)
		require.Contains(b, f.events(), "removed "+addr(3)+" (left)")
		require.ErrorIs(b, all[2].Err(), ErrLeft)
		<-all[2].Done()
		again, err := all[2].Leave(b.Context())
		require.NoError(b, err)
		require.Equal(b, report, again, "further calls have the same result")
		require.ErrorIs(b, all[2].SetProperties(b.Context(), nil), ErrLeft)
		f.sound(b)
	})
}

func TestCloseTellsNobody(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(2)
		f := b.follow(all[0].Own(), nil)
		require.NoError(b, all[1].Close())
		require.ErrorIs(b, all[1].Err(), ErrClosed)
		require.NoError(b, all[1].Close())
		_, err := all[1].Leave(b.Context())
		require.ErrorIs(b, err, ErrClosed)
		require.ErrorIs(b, all[1].Joined(b.Context()), ErrClosed)
		require.ErrorIs(b, all[1].SetState(b.Context(), Draining), ErrClosed)
		_, err = all[1].Ready(b.Context())
		require.ErrorIs(b, err, ErrClosed)
		b.pass(2 * time.Second)
		require.Contains(b, f.events(), "removed "+addr(2)+" (crashed)")
	})
}

func TestPropertiesAndStateReachOthers(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(3)
		f := b.follow(all[0].Own(), nil)
		p := map[string]string{"httpPort": "9763", "weight": "2"}
		require.NoError(b, all[1].SetProperties(b.Context(), p))
		require.Equal(b, "9763", all[1].Self().Property("httpPort"), "shown here when it returns")
		p["httpPort"] = "changed later"
		require.NoError(b, all[1].SetState(b.Context(), Draining))
		b.pass(time.Second)
		m, _ := all[0].Own().View().At(addr(2))
		require.Equal(b, "9763", m.Property("httpPort"))
		require.Equal(b, Draining, m.State)
		require.NoError(b, all[1].SetState(b.Context(), Alive))
		require.NoError(b, all[1].SetProperties(b.Context(), map[string]string{"weight": "3"}))
		b.pass(time.Second)
		m, _ = all[0].Own().View().At(addr(2))
		_, ok := m.LookupProperty("httpPort")
		require.False(b, ok, "SetProperties replaces")
		require.Equal(b, Alive, m.State)
		require.Contains(b, f.events(), "draining "+addr(2))
		f.sound(b)

		var bad *ConfigError
		require.ErrorAs(b, all[1].SetState(b.Context(), Left), &bad)
		require.ErrorAs(b, all[1].SetProperties(b.Context(), map[string]string{"k": string(make([]byte, 17<<10))}), &bad)
		require.Contains(b, bad.Error(), "16 KiB")
		ended, cancel := context.WithCancel(b.Context())
		cancel()
		require.ErrorIs(b, all[1].SetProperties(ended, nil), context.Canceled)
		b.pass(time.Second)
		m, _ = all[0].Own().View().At(addr(2))
		require.Empty(b, m.Property("weight"), "published all the same")
	})
}

func TestFailedListenerEndsTheNode(t *testing.T) {
	inBubble(t, func(b *bubble) {
		n := b.join(1)
		require.NoError(b, n.cfg.Listener.Close())
		<-n.Done()
		require.ErrorContains(b, n.Err(), "listener")
	})
}

func TestSuccessorAtTheSameAddress(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(3)
		f := b.follow(all[0].Own(), nil)
		b.crash(all[2])
		next := b.join(3)
		b.pass(time.Second)
		m, ok := all[0].Own().View().At(addr(3))
		require.True(b, ok)
		require.Equal(b, next.Self().ID, m.ID)
		require.Equal(b, 3, all[0].Own().View().Len())
		f.sound(b)
	})
}

func TestIsolatedNodeSaysSo(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(4)
		f := b.follow(all[3].Own(), nil)
		b.net.Partition([]string{ip(4)}, []string{ip(1), ip(2), ip(3)})
		b.pass(30 * time.Second)
		require.True(b, all[3].Own().View().Isolated())
		require.Equal(b, []string{addr(4)}, addresses(all[3].Own().View()))
		require.Contains(b, f.events(), "removed "+addr(1)+" (isolated)")
		require.Contains(b, f.events(), "isolated "+addr(4)+" (isolated)")
		b.net.HealAll()
		b.pass(30 * time.Second)
		require.False(b, all[3].Own().View().Isolated())
		require.Equal(b, 4, all[3].Own().View().Len())
		require.Contains(b, f.events(), "rejoined "+addr(4)+" (returned)")
		f.sound(b)
	})
}

func TestTenCrashTogetherAreOneStep(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(20)
		var fs []*follower
		for _, n := range all[:10] {
			fs = append(fs, b.follow(n.Own(), nil))
		}
		for _, n := range all[10:] {
			b.net.Crash(n.Self().Address)
		}
		for _, n := range all[10:] {
			_ = n.Close()
		}
		b.pass(3 * time.Second)
		most := 0
		for i, f := range fs {
			require.Equal(b, 10, all[i].Own().View().Len())
			steps := 0
			for _, c := range f.news()[1:] {
				gone := 0
				for _, e := range c.Events {
					if e.Kind == MemberRemoved {
						gone++
						require.Equal(b, CauseCrashed, e.Cause)
					}
				}
				steps += min(gone, 1)
			}
			most = max(most, steps)
			f.sound(b)
		}
		require.LessOrEqual(b, most, 2, "ten members that crash together go in one or two changes")
	})
}

func TestReportFailureIsFasterThanWaiting(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(3)
		all[0].Own().ReportFailure(ID{1}, errors.New("nobody")) // ignored
		all[0].Own().ReportFailure(all[2].Self().ID, errors.New("connection reset"))
		b.pass(time.Second)
		require.Equal(b, 3, all[0].Own().View().Len(), "it answers, so it stays")
		require.NotEmpty(b, b.log.having("failure reported", "connection reset"))
	})
}

func TestNamesAreResolvedByTheGivenFunction(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.start(1)
		n := b.join(2, func(c *Config) {
			c.WellKnown = wka.List{"lb.example:4000"}
			c.Resolve = resolveTo("lb.example", ip(1))
		})
		require.Equal(b, 2, n.Own().View().Len())
		m := b.join(3, func(c *Config) {
			c.WellKnown = nil
			c.Discover = func(context.Context) ([]string, error) { return []string{addr(2)}, nil }
		})
		require.Equal(b, 3, m.Own().View().Len())
	})
}
