package membership

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

// A balancer that begins to follow a domain finds members that have waited for
// it, and those that have found each other elsewhere; they count on it as on
// any manager, and a leave is confirmed by it.
func TestFollowAtRunTime(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("other"))
		x := b.start(2, domain("d"))                                                               // alone, refused so far
		y := b.start(3, domain("e"))                                                               // joined at 4, refused at 1
		z := b.start(4, domain("e"), func(c *Config) { c.WellKnown = wka.List{addr(1), addr(3)} }) //
		b.pass(5 * time.Second)
		_, known := lb.Group("d")
		require.False(b, known)
		require.Equal(b, 1, x.Own().View().Len())
		require.Equal(b, 2, z.Own().View().Len())

		d, err := lb.Follow("d")
		require.NoError(b, err)
		same, err := lb.Follow("d")
		require.NoError(b, err)
		require.Same(b, d, same)
		f := b.follow(d, nil)
		b.pass(1500 * time.Millisecond)
		require.Equal(b, []string{addr(2)}, addresses(d.View()))
		require.NoError(b, x.Joined(b.Context()))

		e, err := lb.Follow("e")
		require.NoError(b, err)
		b.pass(time.Minute)
		require.Equal(b, []string{addr(3), addr(4)}, addresses(e.View()))
		var managers []string
		for m := range y.Own().View().Managers() {
			managers = append(managers, m.Address)
		}
		require.Equal(b, []string{addr(1)}, managers)

		report, err := x.Leave(b.Context())
		require.NoError(b, err)
		require.Len(b, report.Confirmed, 1, "the new manager has confirmed")
		require.Empty(b, report.Missing)
		b.pass(time.Second)
		require.Contains(b, f.events(), "removed "+addr(2)+" (left)")
		f.sound(b)
		b.pass(20 * time.Minute)
		_, known = lb.Group("d")
		require.True(b, known, "what Follow named is followed without members too")
	})
}

// Two balancers that list each other: the second follows what the first does.
func TestFollowThroughAnotherBalancer(t *testing.T) {
	inBubble(t, func(b *bubble) {
		both := func(c *Config) { c.WellKnown = wka.List{addr(1), addr(2)} }
		one := b.join(1, balancer("d"), both)
		two := b.join(2, balancer("other"), both)
		b.join(3, domain("d"))
		b.pass(time.Second)
		g, err := two.Follow("d")
		require.NoError(b, err)
		b.pass(1500 * time.Millisecond)
		require.Equal(b, []string{addr(3)}, addresses(g.View()))
		require.Equal(b, []string{addr(3)}, addresses(groupOf(b, one, "d").View()))
		require.NoError(b, two.Joined(b.Context()))
	})
}

func TestWhatFollowRefuses(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("a"), func(c *Config) { c.MaxDomains = 2 })
		for name, want := range map[string]string{
			"":            `the name of one domain`,
			"*":           `"*" has its place in Config.Manage`,
			"line\nbreak": "without control characters",
		} {
			_, err := lb.Follow(name)
			require.ErrorContains(b, err, want)
		}
		own, err := lb.Follow("lb")
		require.NoError(b, err)
		require.Same(b, lb.Own(), own)
		_, err = lb.Follow("b")
		require.NoError(b, err)
		_, err = lb.Follow("c")
		require.ErrorContains(b, err, "at most 2 followed domains, the value of Config.MaxDomains")
		_, known := lb.Group("c")
		require.False(b, known)

		_, err = lb.Leave(b.Context())
		require.NoError(b, err)
		_, err = lb.Follow("d")
		require.ErrorIs(b, err, ErrLeft)
	})
}

// Follow may be called from inside a loop over changes, and by many.
func TestFollowFromInsideALoop(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("a"))
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		groups := make(chan *Group, 8)
		for range 4 {
			go func() {
				for range lb.Own().Changes(ctx) {
					for i := range 2 {
						g, err := lb.Follow(fmt.Sprint("n", i))
						if err != nil {
							b.Error(err)
						}
						groups <- g
					}
					return
				}
			}()
		}
		b.pass(time.Second)
		seen := map[*Group]bool{}
		for range 8 {
			seen[<-groups] = true
		}
		require.Len(b, seen, 2)
	})
}
