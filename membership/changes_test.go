package membership

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

func TestLaggingSubscriberGetsTheDifference(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(5)
		gate := make(chan struct{})
		slow := b.follow(all[0].Own(), func(Change) { <-gate })
		quick := b.follow(all[0].Own(), nil)
		b.crash(all[1])
		b.pass(2 * time.Second)
		_, err := all[2].Leave(b.Context())
		require.NoError(b, err)
		b.net.PowerLoss(ip(4))
		_ = all[3].Close()
		b.pass(8 * time.Second)
		b.join(6)
		require.NoError(b, all[4].SetState(b.Context(), Draining))
		b.pass(time.Second)
		came := b.join(7)
		b.pass(time.Second)
		_, err = came.Leave(b.Context())
		require.NoError(b, err)
		b.pass(time.Second)
		require.Len(b, slow.news(), 1, "it has not read on")
		close(gate)
		b.pass(0)
		last := slow.news()
		require.Len(b, last, 2, "all that happened meanwhile is one change")
		cause := " (joined)"
		if !slices.Contains(quick.events(), "added "+addr(6)+cause) {
			cause = " (merged)" // its table came before its admission
		}
		require.ElementsMatch(b, []string{
			"removed " + addr(2) + " (crashed)", "removed " + addr(3) + " (left)", "removed " + addr(4) + " (silent)",
			"added " + addr(6) + cause, "draining " + addr(5),
		}, words(last[1].Events), "who came and went in between is not in it")
		require.Greater(b, last[1].View.Number(), last[0].View.Number()+1)
		for _, f := range []*follower{slow, quick} {
			f.sound(b)
			require.Equal(b, all[0].Own().View(), f.changes[len(f.changes)-1].View)
		}
	})
}

func words(events []Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.String())
	}
	return out
}

// Whatever happens, and however slow a subscriber is, adding up its events
// gives its view.
func TestEventsAlwaysAddUpToTheView(t *testing.T) {
	for seed := range uint64(4) {
		inBubble(t, func(b *bubble) {
			random := rand.New(rand.NewPCG(seed, 1))
			lb := b.join(1, balancer("d"))
			subscriptions := []*follower{b.follow(groupOf(b, lb, "d"), nil)}
			for range 3 {
				pause := time.Duration(random.IntN(5000)) * time.Millisecond
				subscriptions = append(subscriptions, b.follow(groupOf(b, lb, "d"), func(Change) {
					select {
					case <-time.After(pause):
					case <-lb.Done():
					}
				}))
			}
			nodes := map[int]*Node{}
			for range 60 {
				host := 2 + random.IntN(6)
				n := nodes[host]
				switch what := random.IntN(8); {
				case n == nil:
					nodes[host] = b.start(host)
					subscriptions = append(subscriptions, b.follow(nodes[host].Own(), nil))
				case what == 0:
					b.crash(n)
					delete(nodes, host)
				case what == 1:
					_, _ = n.Leave(b.Context())
					delete(nodes, host)
				case what == 2:
					b.net.Reset(ip(host), ip(1))
				case what == 3:
					b.net.Cut(ip(host), ip(2+random.IntN(6)))
				case what == 4:
					b.net.HealAll()
				case what == 5:
					_ = n.SetState(b.Context(), []State{Alive, Draining}[random.IntN(2)])
				default:
					_ = n.SetProperties(b.Context(), map[string]string{"n": string(rune('a' + random.IntN(26)))})
				}
				b.pass(time.Duration(random.IntN(1500)) * time.Millisecond)
			}
			b.net.HealAll()
			b.pass(2 * time.Minute)
			for _, f := range subscriptions {
				f.sound(b)
			}
			require.Equal(b, len(nodes), groupOf(b, lb, "d").View().Len())
		})
	}
}

func TestMethodsMayBeCalledInsideLoops(t *testing.T) {
	inBubble(t, func(b *bubble) {
		n := b.join(1)
		calls := 0
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		for c := range n.Own().Changes(ctx) {
			release := c.Hold()
			require.NoError(b, n.SetProperties(ctx, map[string]string{"n": string(rune('a' + calls))}))
			require.NoError(b, n.SetState(ctx, Draining))
			_, err := n.Ready(ctx)
			require.NoError(b, err)
			_ = n.Stats()
			n.Own().ReportFailure(n.Self().ID, nil)
			for e := range n.Own().Events(ctx) {
				require.Equal(b, MemberAdded, e.Kind)
				break
			}
			release()
			if calls++; calls == 5 {
				break
			}
		}
		require.Equal(b, 5, calls)
	})
}

func TestLeaveInsideALoop(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.join(1, balancer("d"))
		n := b.join(2)
		for range n.Own().Changes(b.Context()) {
			_, err := n.Leave(b.Context())
			require.NoError(b, err)
		}
		require.ErrorIs(b, n.Err(), ErrLeft, "the loop has ended by itself")
	})
}

func TestCloseInsideALoop(t *testing.T) {
	inBubble(t, func(b *bubble) {
		n := b.join(1)
		for range n.Own().Events(b.Context()) {
			require.NoError(b, n.Close())
		}
		require.ErrorIs(b, n.Err(), ErrClosed)
		for range n.Own().Changes(b.Context()) {
			b.Fatal("a change after the end")
		}
		for range n.Groups(b.Context()) {
			b.Fatal("a group after the end")
		}
		require.Equal(b, 1, n.Own().View().Len(), "the last view stays")
	})
}

// Each function of the caller closes the node, or leaves, from within.
func TestEndInsideACallback(t *testing.T) {
	ends := map[string]func(n *Node) error{
		"close": func(n *Node) error { return n.Close() },
		"leave": func(n *Node) error { _, err := n.Leave(context.Background()); return err },
	}
	for name, end := range ends {
		callbacks := map[string]func(c *Config, called func()){
			"dial": func(c *Config, called func()) {
				c.Dial = func(context.Context, string, string) (net.Conn, error) {
					called()
					return nil, errors.New("no")
				}
			},
			"resolve": func(c *Config, called func()) {
				c.WellKnown = wka.List{"lb.example:1"}
				c.Resolve = func(context.Context, string) ([]netip.Addr, error) { called(); return nil, errors.New("no") }
			},
			"discover": func(c *Config, called func()) {
				c.Discover = func(context.Context) ([]string, error) { called(); return nil, errors.New("no") }
			},
		}
		for where, set := range callbacks {
			t.Run(name+"/"+where, func(t *testing.T) {
				inBubble(t, func(b *bubble) {
					started := make(chan *Node, 1)
					result := make(chan error, 100)
					n := b.start(2, func(c *Config) {
						set(c, func() {
							n := <-started
							started <- n
							result <- end(n)
						})
					})
					began := time.Now()
					started <- n
					require.NoError(b, <-result)
					<-n.Done()
					require.Less(b, time.Since(began), 5*time.Second, "it does not wait for itself")
					synctest.Wait()
				})
			})
		}
	}
}

func TestGroupsEndWithTheContext(t *testing.T) {
	inBubble(t, func(b *bubble) {
		n := b.join(1, balancer("d"))
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		var seen []string
		for g := range n.Groups(ctx) {
			seen = append(seen, g.Domain())
		}
		require.Equal(b, []string{"lb", "d"}, seen)
		for g := range n.Groups(b.Context()) {
			require.Equal(b, "lb", g.Domain())
			break
		}
		for range n.Own().Changes(ctx) {
			b.Fatal("a change after the context's end")
		}
	})
}

// A hijacked listener lets another process have the address without the node
// noticing.
type hijacked struct {
	net.Listener
	end chan struct{}
}

func (l hijacked) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.end
	}
	return c, err
}

func (l hijacked) Close() error {
	close(l.end)
	return nil
}

func TestReplacedNodeEnds(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.group(2)
		old := b.start(3, func(c *Config) { c.Listener = hijacked{c.Listener, make(chan struct{})} })
		b.pass(3 * time.Second)
		b.net.Partition([]string{ip(3)}, []string{ip(1), ip(2)})
		require.NoError(b, old.cfg.Listener.(hijacked).Listener.Close())
		b.pass(5 * time.Second)
		next := b.config(3)
		b.net.HealAll()
		n, err := Start(next)
		require.NoError(b, err)
		b.Cleanup(func() { _ = n.Close() })
		b.pass(time.Minute)
		require.ErrorIs(b, old.Err(), ErrReplaced, "%v", b.log.having(""))
		require.ErrorContains(b, old.Err(), addr(3))
		_, err = old.Leave(b.Context())
		require.ErrorIs(b, err, ErrReplaced)
		require.Equal(b, 3, n.Own().View().Len())
	})
}
