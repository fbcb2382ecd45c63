package inspect_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/inspect"
	"github.com/gotribes/tribes/transport"
	"github.com/gotribes/tribes/transport/memnet"
)

// A bubble is a network in memory in virtual time, with a way to ask from host 9.
type bubble struct {
	*testing.T
	net *memnet.Network
	inspect.Config
}

func inBubble(t *testing.T, f func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{T: t, net: memnet.New()}
		b.Dial = b.net.Host("10.0.0.9").DialContext
		f(b)
	})
}

func addr(host int) string { return fmt.Sprintf("10.0.0.%d:4000", host) }

// start starts a node at a host, which looks for others at host 1.
func (b *bubble) start(host int, change func(*membership.Config)) *membership.Node {
	b.Helper()
	ln, err := b.net.Listen(addr(host))
	require.NoError(b, err)
	c := membership.Config{
		Domain: "d", WellKnown: []string{addr(1)}, Listener: ln, Dial: b.net.Host(fmt.Sprintf("10.0.0.%d", host)).DialContext,
		Name: fmt.Sprint("node-", host), Properties: map[string]string{"httpPort": fmt.Sprint(8000 + host)}, Keys: b.Keys,
	}
	if change != nil {
		change(&c)
	}
	n, err := membership.Start(c)
	require.NoError(b, err)
	b.Cleanup(func() { _ = n.Close() })
	return n
}

// group starts a balancer at host 1 and nodes up to a host.
func (b *bubble) group(n int) (all []*membership.Node) {
	all = append(all, b.start(1, func(c *membership.Config) { c.Domain, c.Manage = "lb", []string{"d"} }))
	for host := 2; host <= n; host++ {
		all = append(all, b.start(host, nil))
	}
	b.pass(3 * time.Second)
	return all
}

func (b *bubble) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bubble) dial(host int) *inspect.Conn {
	b.Helper()
	c, err := inspect.Dial(b.Context(), b.Config, addr(host))
	require.NoError(b, err)
	b.Cleanup(func() { _ = c.Close() })
	return c
}

func TestWhoAsksSeesWhatTheNodeSees(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.Keys = []transport.Key{transport.NewKey()}
		all := b.group(4)
		c := b.dial(1)
		require.Equal(b, transport.ID(all[0].Self().ID), c.Node().ID)
		require.Equal(b, addr(1), c.Node().Advertise)
		seen, err := c.View(b.Context(), "d", 0)
		require.NoError(b, err)
		g, _ := all[0].Group("d")
		require.Equal(b, g.View().Number(), seen.Number)
		require.False(b, seen.Isolated)
		require.Equal(b, 3, seen.View.Len())
		for m := range g.View().All() {
			got, ok := seen.View.Get(m.ID)
			require.True(b, ok)
			require.Equal(b, m, got, "properties included")
		}
		managers := 0
		for m := range seen.View.Managers() {
			require.Equal(b, addr(1), m.Address)
			managers++
		}
		require.Equal(b, 1, managers)

		same, err := c.View(b.Context(), "d", seen.Number)
		require.NoError(b, err)
		require.True(b, same.Same)
		require.NoError(b, all[3].Close())
		b.pass(2 * time.Second)
		after, err := c.View(b.Context(), "d", seen.Number)
		require.NoError(b, err)
		require.False(b, after.Same)
		require.Equal(b, 2, after.View.Len())
	})
}

func TestWhoAsksIsInNoViewAndNobodyWatchesIt(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(3)
		before := map[*membership.Node]uint64{}
		for _, n := range all[1:] {
			before[n] = n.Own().View().Number()
		}
		c := b.dial(2)
		_, err := c.View(b.Context(), "d", 0)
		require.NoError(b, err)
		b.pass(10 * time.Second)
		require.NoError(b, c.Close())
		b.pass(10 * time.Second)
		for _, n := range all[1:] {
			require.Equal(b, before[n], n.Own().View().Number(), "neither its coming nor its going is a change")
			require.Equal(b, 2, n.Own().View().Len())
		}
	})
}

func TestWhyOfWhoIsThereAndOfWhoIsGone(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(4)
		c := b.dial(1)
		g, _ := all[0].Group("d")
		m := all[2].Self()
		want := g.Explain(m.ID)
		for _, who := range []string{m.ID.String(), m.ID.String()[:8], m.Address, m.Name} {
			got, err := c.Explain(b.Context(), "d", who)
			require.NoError(b, err)
			require.Equal(b, want.String(), got.String(), who)
			require.Equal(b, want.Watchers, got.Watchers)
			require.Equal(b, want.Member, got.Member)
		}
		b.net.Crash(m.Address)
		require.NoError(b, all[2].Close())
		b.pass(5 * time.Second)
		want = g.Explain(m.ID)
		require.Equal(b, membership.CauseCrashed, want.Removal.Cause)
		for _, who := range []string{m.ID.String(), m.ID.String()[:8], m.Address, m.Name} {
			got, err := c.Explain(b.Context(), "d", who)
			require.NoError(b, err)
			require.False(b, got.Present)
			require.Equal(b, want.Removal, got.Removal, who)
			require.Equal(b, want.Transitions, got.Transitions)
		}
		nobody, err := c.Explain(b.Context(), "d", "10.0.0.77:1")
		require.NoError(b, err)
		require.False(b, nobody.Known)
	})
}

func TestADomainThatIsNotServedIsSaid(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.group(2)
		c := b.dial(2)
		_, err := c.View(b.Context(), "other", 0)
		require.ErrorIs(b, err, inspect.ErrNotServed)
		require.ErrorContains(b, err, `10.0.0.2:4000 takes no part in domain "other"; it takes part in "d" as member`)
		_, err = c.Explain(b.Context(), "other", "x")
		require.ErrorIs(b, err, inspect.ErrNotServed)
		_, err = c.View(b.Context(), "d", 0)
		require.NoError(b, err, "the connection goes on")
	})
}

func TestDialBackTellsWhoAnswersOrWhatIsWrong(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(3)
		c := b.dial(2)
		d, err := c.DialBack(b.Context(), addr(3))
		require.NoError(b, err)
		require.Equal(b, transport.FailureNone, d.Failure)
		require.Equal(b, all[2].Self().ID, d.ID)
		for address, want := range map[string]transport.Failure{
			addr(8): transport.FailureRefused, addr(2): transport.FailureRejected, "no port": transport.FailureLocal,
		} {
			d, err := c.DialBack(b.Context(), address)
			require.NoError(b, err)
			require.Equal(b, want, d.Failure, "%s: %s", address, d.Text)
			require.NotEmpty(b, d.Text)
		}
	})
}

func TestANodeThatTakesNoQuestionsIsToldFromOneThatIsNone(t *testing.T) {
	inBubble(t, func(b *bubble) {
		old, err := transport.New(transport.Config{Cluster: "default", Advertise: addr(2)})
		require.NoError(b, err)
		b.Cleanup(func() { _ = old.Close() })
		ln, err := b.net.Listen(addr(2))
		require.NoError(b, err)
		go func() { _ = old.Serve(ln, func(l *transport.Link) { _ = l.Close() }) }()
		_, err = inspect.Dial(b.Context(), b.Config, addr(2))
		require.ErrorIs(b, err, inspect.ErrTooOld)

		web, err := b.net.Listen(addr(3))
		require.NoError(b, err)
		b.Cleanup(func() { _ = web.Close() })
		go func() {
			for conn, err := web.Accept(); err == nil; conn, err = web.Accept() {
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
				_ = conn.Close()
			}
		}()
		_, err = inspect.Dial(b.Context(), b.Config, addr(3))
		require.NotErrorIs(b, err, inspect.ErrTooOld)
		require.Equal(b, transport.FailureMalformed, transport.FailureOf(err), "%v", err)
	})
}

// A node that answers with what was not asked for, or with nothing, costs the
// asker an error and no more.
func TestStrangeAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer []byte
		says   string
	}{
		"a byte that is no message": {[]byte{0xc1}, "malformed"},
		"an explanation for a view": {append([]byte{33, 0x81, 1, 0xa1}, 'd'), "answers another question"},
		"a view of another domain":  {append([]byte{31, 0x81, 1, 0xa1}, 'e'), "answers another question"},
		"a view of too many": {append([]byte{31, 0x82, 1, 0xa1, 'd', 3}, 0xce, 0xff, 0xff, 0xff, 0xff),
			"4294967295 participants"},
		"a view whose parts are empty":  {append([]byte{31, 0x82, 1, 0xa1, 'd', 3}, 5), "answers another question"},
		"a question of a later version": {append([]byte{36, 0x81, 1}, 2), "too old"},
		"nothing":                       {nil, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				liar, err := transport.New(transport.Config{Cluster: "default", Asked: func(l *transport.Link) {
					l.Start(func([]byte) error {
						if c.answer != nil {
							return l.Send(c.answer)
						}
						return nil
					}, func(error) {})
				}})
				require.NoError(b, err)
				b.Cleanup(func() { _ = liar.Close() })
				ln, err := b.net.Listen(addr(2))
				require.NoError(b, err)
				go func() { _ = liar.Serve(ln, func(l *transport.Link) { _ = l.Close() }) }()
				ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
				defer cancel()
				_, err = b.dial(2).View(ctx, "d", 0)
				require.ErrorContains(b, err, c.says)
			})
		})
	}
}
