package membership

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

// balancer makes a config that of a load balancer for some domains.
func balancer(manage ...string) func(c *Config) {
	return func(c *Config) { c.Domain, c.Manage = "lb", manage }
}

func domain(d string) func(c *Config) { return func(c *Config) { c.Domain = d } }

func groupOf(t testing.TB, n *Node, domain string) *Group {
	t.Helper()
	g, ok := n.Group(domain)
	require.True(t, ok)
	return g
}

func TestManagerFollowsWithoutBeingAMember(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("d"))
		f := b.follow(groupOf(b, lb, "d"), nil)
		x, y := b.join(2), b.join(3)
		b.pass(time.Second)
		require.Equal(b, []string{addr(2), addr(3)}, addresses(groupOf(b, lb, "d").View()))
		require.Equal(b, []string{addr(1)}, addresses(lb.Own().View()))
		for _, n := range []*Node{x, y} {
			require.Equal(b, []string{addr(2), addr(3)}, addresses(n.Own().View()))
			var managers []string
			for m := range n.Own().View().Managers() {
				managers = append(managers, m.Address)
				require.True(b, m.Manager)
			}
			require.Equal(b, []string{addr(1)}, managers)
		}
		g := b.follow(x.Own(), nil)
		b.crash(lb)
		b.pass(2 * time.Second)
		for m := range x.Own().View().Managers() {
			b.Fatal("still a manager: ", m)
		}
		require.NotContains(b, g.events(), "removed "+addr(1)+" (crashed)", "managers are no events")
		g.sound(b)
		f.sound(b)
		_, ok := lb.Group("unknown")
		require.False(b, ok)
	})
}

func TestAnyDomainIsFollowedAsMembersBringIt(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("*"))
		var mu sync.Mutex
		var seen []string
		go func() {
			for g := range lb.Groups(b.Context()) {
				mu.Lock()
				seen = append(seen, g.Domain())
				mu.Unlock()
			}
		}()
		b.join(2, domain("x"))
		b.join(3, domain("y"))
		b.join(4, domain("x"))
		b.pass(time.Second)
		mu.Lock()
		require.Equal(b, []string{"lb", "x", "y"}, seen)
		mu.Unlock()
		require.Equal(b, []string{addr(2), addr(4)}, addresses(groupOf(b, lb, "x").View()))
		require.Equal(b, []string{addr(3)}, addresses(groupOf(b, lb, "y").View()))
		require.Equal(b, 3, lb.Stats().Domains)
	})
}

func TestDomainWithoutMembersIsDropped(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("*"))
		x := b.join(2, domain("x"))
		b.pass(time.Second)
		old := groupOf(b, lb, "x")
		f := b.follow(old, nil)
		_, err := x.Leave(b.Context())
		require.NoError(b, err)
		b.pass(11 * time.Minute)
		_, ok := lb.Group("x")
		require.False(b, ok)
		<-f.ended
		b.join(2, domain("x"))
		b.pass(time.Second)
		require.NotSame(b, old, groupOf(b, lb, "x"))
		require.Equal(b, 1, groupOf(b, lb, "x").View().Len())
	})
}

func TestMaxDomainsBoundsWhatIsFollowed(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.join(1, balancer("*"), func(c *Config) { c.MaxDomains = 1 })
		b.join(2, domain("x"))
		n := b.start(3, domain("y"))
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
		defer cancel()
		err := n.Joined(ctx)
		var refusal *Refusal
		require.ErrorAs(b, err, &refusal)
		require.Equal(b, RefusedFull, refusal.Code)
	})
}

// Records of a domain travel only between those who take part in it. The tap
// sees every byte on the network.
func TestNothingOfAnotherDomainIsOnTheWire(t *testing.T) {
	inBubble(t, func(b *bubble) {
		var mu sync.Mutex
		told := map[string][]byte{} // by receiving host
		b.net.Tap(func(_, to string, p []byte) {
			mu.Lock()
			defer mu.Unlock()
			host := to[:len(ip(1))]
			told[host] = append(told[host], p...)
		})
		secret := func(word string) func(c *Config) {
			return func(c *Config) { c.Domain, c.Properties = word, map[string]string{"word": "secret-of-" + word} }
		}
		lb := b.join(1, balancer("xx", "yy"))
		b.join(2, secret("xx"))
		b.join(3, secret("xx"))
		b.join(4, secret("yy"))
		n := b.join(5, secret("yy"))
		b.pass(10 * time.Second)
		require.NoError(b, n.SetProperties(b.Context(), map[string]string{"word": "secret-of-yy", "more": "1"}))
		b.pass(5 * time.Second)
		require.Equal(b, 2, groupOf(b, lb, "xx").View().Len())
		require.Equal(b, 2, groupOf(b, lb, "yy").View().Len())
		mu.Lock()
		defer mu.Unlock()
		require.True(b, bytes.Contains(told[ip(1)], []byte("secret-of-xx")), "the tap works")
		require.True(b, bytes.Contains(told[ip(3)], []byte("secret-of-xx")))
		for _, host := range []int{2, 3} {
			require.False(b, bytes.Contains(told[ip(host)], []byte("secret-of-yy")), "host %d is told of the other domain", host)
		}
		for _, host := range []int{4, 5} {
			require.False(b, bytes.Contains(told[ip(host)], []byte("secret-of-xx")), "host %d is told of the other domain", host)
		}
	})
}

func TestLeaveWaitsUntilManagersHaveApplied(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("d"))
		n := b.join(2)
		var release func()
		b.follow(groupOf(b, lb, "d"), func(c Change) {
			for _, e := range c.Events {
				if e.Kind == MemberLeaving {
					release = c.Hold()
				}
			}
		})
		_, err := n.Ready(b.Context())
		require.NoError(b, err)
		time.AfterFunc(2*time.Second, func() { release(); release() })
		report, err := n.Leave(b.Context())
		require.NoError(b, err)
		require.Len(b, report.Confirmed, 1)
		require.Equal(b, addr(1), report.Confirmed[0].Address)
		require.GreaterOrEqual(b, report.Took, 2*time.Second, "not before the hold is released")
		require.Less(b, report.Took, 3*time.Second)
	})
}

func TestLeaveOfManagerWithoutSubscribersIsConfirmedAtOnce(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.join(1, balancer("d"))
		n := b.join(2)
		report, err := n.Ready(b.Context())
		require.NoError(b, err)
		require.Len(b, report.Confirmed, 1)
		report, err = n.Leave(b.Context())
		require.NoError(b, err)
		require.Len(b, report.Confirmed, 1)
		require.Less(b, report.Took, time.Second)
	})
}

func TestLeaveDoesNotWaitForEver(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("d"))
		n, m, k := b.join(2), b.join(3), b.join(4)
		b.follow(groupOf(b, lb, "d"), func(c Change) { c.Hold() }) // never released
		report, err := n.Leave(context.Background())
		require.ErrorIs(b, err, context.DeadlineExceeded)
		require.ErrorContains(b, err, "not confirmed by 1")
		require.Len(b, report.Missing, 1)
		require.InDelta(b, 10, report.Took.Seconds(), 0.1, "10 s without a deadline")
		require.ErrorIs(b, n.Err(), ErrLeft, "it has left all the same")

		ended, cancel := context.WithCancel(b.Context())
		cancel()
		report, err = m.Leave(ended)
		require.ErrorIs(b, err, context.Canceled)
		require.Len(b, report.Missing, 1)
		require.Less(b, report.Took, 100*time.Millisecond)
		b.pass(100 * time.Millisecond)
		require.Equal(b, []string{addr(4)}, addresses(k.Own().View()), "said even so")

		// A manager that goes away is waited for no longer.
		time.AfterFunc(3*time.Second, func() { b.crash(lb) })
		report, err = k.Leave(b.Context())
		require.NoError(b, err)
		require.Empty(b, report.Missing)
		require.Empty(b, report.Confirmed)
		require.Less(b, report.Took, 8*time.Second)
	})
}

func TestReadyWaitsUntilManagersKnow(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("d"))
		hold := make(chan func(), 8)
		b.follow(groupOf(b, lb, "d"), func(c Change) { hold <- c.Hold() })
		n := b.start(2)
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
		defer cancel()
		report, err := n.Ready(ctx)
		require.ErrorIs(b, err, context.DeadlineExceeded)
		require.Len(b, report.Missing, 1)
		for len(hold) > 0 {
			(<-hold)()
		}
		report, err = n.Ready(b.Context())
		require.NoError(b, err)
		require.Len(b, report.Confirmed, 1)
	})
}

// A confirmation that was lost, with a link that the member was just closing, is
// asked for again.
func TestAConfirmationThatWasLostIsAskedForAgain(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.join(1, balancer("d"))
		n := b.join(2)
		_, err := n.Ready(b.Context())
		require.NoError(b, err)
		n.confirms.mu.Lock()
		clear(n.confirms.of)
		n.confirms.mu.Unlock()
		report, err := n.Ready(b.Context())
		require.NoError(b, err)
		require.Len(b, report.Confirmed, 1)
		require.InDelta(b, time.Second, report.Took, float64(100*time.Millisecond))
	})
}

func TestSubscriptionThatEndsIsWaitedForNoLonger(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("d"))
		n := b.join(2)
		ctx, cancel := context.WithCancel(b.Context())
		go func() {
			for c := range groupOf(b, lb, "d").Changes(ctx) {
				c.Hold()
			}
		}()
		synctest.Wait()
		time.AfterFunc(time.Second, cancel)
		report, err := n.Leave(b.Context())
		require.NoError(b, err)
		require.Len(b, report.Confirmed, 1)
		require.InDelta(b, 1, report.Took.Seconds(), 0.2)
	})
}

func TestConcurrentLeavesShareOneResult(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("d"))
		n := b.join(2)
		b.follow(groupOf(b, lb, "d"), func(c Change) { c.Hold() })
		var wg sync.WaitGroup
		reports := make([]LeaveReport, 5)
		for i := range reports {
			ctx, cancel := context.WithTimeout(b.Context(), time.Duration(i+1)*time.Second)
			defer cancel()
			wg.Go(func() { reports[i], _ = n.Leave(ctx) })
		}
		wg.Wait()
		for _, r := range reports {
			require.Equal(b, reports[0], r)
			require.InDelta(b, 1, r.Took.Seconds(), 0.1, "the first context that ends ends the waiting")
		}
	})
}

func TestCloseEndsALeave(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("d"))
		n := b.join(2)
		b.follow(groupOf(b, lb, "d"), func(c Change) { c.Hold() })
		time.AfterFunc(time.Second, func() { _ = n.Close() })
		_, err := n.Leave(b.Context())
		require.ErrorIs(b, err, ErrClosed)
		require.ErrorIs(b, n.Err(), ErrClosed)
	})
}

func TestManagerJoinsWhereItsOwnDomainIsNotServed(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.join(1)
		lb := b.join(2, balancer("d"))
		require.Equal(b, []string{addr(1)}, addresses(groupOf(b, lb, "d").View()))
	})
}

func TestTwoBalancersThatNameEachOther(t *testing.T) {
	inBubble(t, func(b *bubble) {
		both := func(c *Config) { c.WellKnown = wka.List{addr(1), addr(2)} }
		x := b.start(1, balancer("*"), both)
		y := b.start(2, balancer("*"), both)
		b.pass(5 * time.Second)
		require.NoError(b, x.Joined(b.Context()))
		require.NoError(b, y.Joined(b.Context()))
		b.join(3, func(c *Config) { both(c); c.Domain = "d" })
		b.pass(5 * time.Second)
		require.Equal(b, 1, groupOf(b, x, "d").View().Len())
		require.Equal(b, 1, groupOf(b, y, "d").View().Len())
	})
}
