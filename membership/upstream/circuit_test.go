package upstream

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
)

// fail has one member fail a request.
func fail(t *testing.T, p *Pool, address string, o Outcome) {
	t.Helper()
	k, err := p.Pick(Want{Only: func(a string) bool { return a == address }})
	require.NoError(t, err)
	k.Done(o, errors.New("for the test"))
}

func share(p *Pool, address string) float64 {
	for _, m := range p.Stats().Members {
		if m.Address == address {
			return m.Share
		}
	}
	return -1
}

func TestWhoCannotBeReachedIsPassedOverAndReturnsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup("10.0.0.1:80", "10.0.0.2:80")
		p := newPool(t, g, Options{})
		fail(t, p, "10.0.0.1:80", Unreachable)
		require.Equal(t, map[string]int{"10.0.0.2:80": 50}, picks(t, p, 50, Want{}), "one failed connect is enough")
		require.Equal(t, 1, g.reported(), "the detector is told")
		time.Sleep(openFirst - time.Millisecond)
		require.Zero(t, share(p, "10.0.0.1:80"))
		time.Sleep(2*tickFast + time.Millisecond)
		require.InDelta(t, 0.05, share(p, "10.0.0.1:80"), 0.01)
		require.InDelta(t, 50, picks(t, p, 1000, Want{})["10.0.0.1:80"], 45)
		time.Sleep(2500 * time.Millisecond)
		require.InDelta(t, 0.5, share(p, "10.0.0.1:80"), 0.03)
		require.InDelta(t, 333, picks(t, p, 1000, Want{})["10.0.0.1:80"], 80)
		fail(t, p, "10.0.0.1:80", Unreachable)
		time.Sleep(2*openFirst - 2*tickFast)
		require.Zero(t, share(p, "10.0.0.1:80"), "twice as long the second time")
		time.Sleep(6 * time.Second)
		require.InDelta(t, 1, share(p, "10.0.0.1:80"), 0)
		require.Equal(t, 500, picks(t, p, 1000, Want{})["10.0.0.1:80"])
		require.Equal(t, 2, g.reported())
	})
}

func TestFailuresInARowCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup("10.0.0.1:80", "10.0.0.2:80")
		p := newPool(t, g, Options{})
		for range 5 {
			fail(t, p, "10.0.0.1:80", Failed)
			fail(t, p, "10.0.0.1:80", Broken)
			fail(t, p, "10.0.0.1:80", Succeeded)
		}
		require.InDelta(t, 1, share(p, "10.0.0.1:80"), 0, "two of three are not in a row")
		require.Equal(t, 1, g.reported(), "once a second at most")
		for range 3 {
			fail(t, p, "10.0.0.1:80", Broken)
		}
		require.Zero(t, share(p, "10.0.0.1:80"))
		fail(t, p, "10.0.0.2:80", Unreachable)
		require.Len(t, picks(t, p, 200, Want{}), 2, "where all are passed over, any is better than nobody")
		fail(t, p, "10.0.0.2:80", Abandoned)
		s := p.Stats().Members
		require.Equal(t, []uint64{5, 8}, []uint64{s[0].Failed, s[0].Broken})
		require.Equal(t, []uint64{1, 1}, []uint64{s[1].Unreachable, s[1].Abandoned})

		never := newPool(t, newGroup("10.0.0.1:80"), Options{Failures: -1})
		for range 10 {
			fail(t, never, "10.0.0.1:80", Unreachable)
		}
		require.InDelta(t, 1, share(never, "10.0.0.1:80"), 0)
	})
}

func TestNewcomersStartSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup("10.0.0.1:80", "10.0.0.2:80")
		p := newPool(t, g, Options{SlowStart: 10 * time.Second})
		require.Equal(t, 50, picks(t, p, 100, Want{})["10.0.0.1:80"], "who was there first is no newcomer")
		g.set("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
		require.InDelta(t, 25, picks(t, p, 1000, Want{})["10.0.0.3:80"], 25)
		time.Sleep(5 * time.Second)
		require.InDelta(t, 200, picks(t, p, 1000, Want{})["10.0.0.3:80"], 60, "half of its share")
		time.Sleep(5*time.Second + tickSlow)
		require.InDelta(t, 333, picks(t, p, 999, Want{})["10.0.0.3:80"], 1)

		load := newPool(t, newGroup("10.0.0.1:80"), Options{Policy: LeastInFlight, SlowStart: 10 * time.Second})
		load.group.(*group).set("10.0.0.1:80", "10.0.0.2:80")
		time.Sleep(5 * time.Second)
		held, count := hold(t, load, 30, Want{})
		require.InDelta(t, 10, count["10.0.0.2:80"], 2, "half the requests in flight at half the share")
		release(held)
	})
}

func TestRepeatsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Static("10.0.0.1:80"), Options{})
		p.budget.requests.Add(1000)
		repeats := func() (n int) {
			for p.budget.allow() {
				n++
			}
			return n
		}
		require.Equal(t, 300, repeats(), "the reserve of 100 and a fifth of 1000")
		time.Sleep(5 * time.Second)
		p.budget.requests.Add(100)
		require.Equal(t, 20, repeats())
		time.Sleep(6500 * time.Millisecond)
		require.Equal(t, 100, repeats(), "what was 10 s ago does not count any more: 100 + 20 - 20")
		require.Equal(t, uint64(420), p.Stats().Repeats)
		none := newPool(t, Static("10.0.0.1:80"), Options{RepeatReserve: -1, RepeatBudget: -1})
		none.budget.requests.Add(1000)
		require.False(t, none.budget.allow())
	})
}

func TestLastKnownMembersAreTriedWhenMostAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(many(4, "")...)
		p := newPool(t, g, Options{Panic: 0.5})
		g.set(many(3, "")...)
		g.set()
		count := picks(t, p, 400, Want{})
		require.Len(t, count, 4, "all that were lost within the window")
		g.set("10.0.0.0:80 id=restarted")
		require.Equal(t, map[string]int{"10.0.0.0:80": 20}, picks(t, p, 20, Want{}), "who is there comes first")
		g.set("10.0.0.0:80 id=restarted leaving")
		count = picks(t, p, 400, Want{})
		require.Len(t, count, 3)
		require.NotContains(t, count, "10.0.0.0:80", "another process has the address")
		g.set()
		time.Sleep(11 * time.Second)
		_, err := p.Pick(Want{})
		require.ErrorContains(t, err, "it has no members")

		off := newPool(t, newGroup("10.0.0.1:80"), Options{})
		off.group.(*group).set()
		_, err = off.Pick(Want{})
		require.ErrorContains(t, err, "it has no members", "0 is off")
		few := newPool(t, newGroup(many(4, "")...), Options{Panic: 0.5})
		few.group.(*group).set(many(3, "leaving")...)
		_, err = few.Pick(Want{})
		require.Error(t, err, "one of four is not most")
	})
}

// Who left by its own word is not lost, whatever else is.
func TestWhoHasLeftIsNotTriedAgain(t *testing.T) {
	g := newGroup("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
	p := newPool(t, g, Options{Panic: 0.1})
	var events []membership.Event
	for address, cause := range map[string]membership.Cause{"10.0.0.1:80": membership.CauseLeft,
		"10.0.0.2:80": membership.CauseReplaced, "10.0.0.3:80": membership.CauseCrashed} {
		events = append(events, membership.Event{Kind: membership.MemberRemoved, Cause: cause, Member: member(address)})
	}
	c := g.change(nil)
	c.Events = events
	p.apply(c, time.Now(), true)
	require.Equal(t, map[string]int{"10.0.0.3:80": 20}, picks(t, p, 20, Want{}))
}
