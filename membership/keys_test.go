package membership

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport"
	"github.com/gotribes/tribes/wka"
)

func keys(list ...transport.Key) func(c *Config) { return func(c *Config) { c.Keys = list } }

func TestAWrongKeyIsTheErrorAtOnce(t *testing.T) {
	right, wrong := transport.NewKey(), transport.NewKey()
	for name, c := range map[string]struct{ here, there []transport.Key }{
		"another key":            {[]transport.Key{wrong}, []transport.Key{right}},
		"put in front too early": {[]transport.Key{wrong, right}, []transport.Key{right}},
		"none":                   {nil, []transport.Key{right}},
		"none there":             {[]transport.Key{right}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				known := b.join(1, keys(c.there...))
				b.net.Latency(ip(1), ip(2), 50*time.Millisecond)
				err, took := b.joinFails(2, keys(c.here...))
				require.LessOrEqual(b, took, 300*time.Millisecond, "the connect, and two round trips of 100 ms")
				require.NoError(b, err.Err, "a refusal that waiting does not change")
				var refusal *Refusal
				require.ErrorAs(b, err, &refusal)
				require.Equal(b, RefusedKey, refusal.Code)
				if len(c.here) > 0 {
					require.ErrorContains(b, err, `join domain "d": 10.0.0.1:4000: key or certificate: key not accepted by 10.0.0.1:4000`)
				} else {
					require.ErrorContains(b, err, `10.0.0.1:4000: key or certificate: the other side wants a key`)
				}
				b.pass(2 * time.Second)
				require.Len(b, b.log.having("connection turned away", "peer="+ip(2)), 1)
				require.Equal(b, 1, known.Own().View().Len())
			})
		})
	}
}

// Ten members change their key, in the three steps of Node.SetKeys. Nobody sees
// anybody go.
func TestKeysAreChangedInALiveGroup(t *testing.T) {
	inBubble(t, func(b *bubble) {
		old, fresh := transport.NewKey(), transport.NewKey()
		var all []*Node
		var seen []*follower
		for i := range 10 {
			all = append(all, b.start(i+1, keys(old)))
		}
		b.pass(3 * time.Second)
		for _, n := range all {
			require.Equal(b, 10, n.Own().View().Len())
			seen = append(seen, b.follow(n.Own(), nil))
		}
		for _, step := range [][]transport.Key{{old, fresh}, {fresh, old}, {fresh}} {
			for _, n := range all {
				require.NoError(b, n.SetKeys(step))
				b.pass(200 * time.Millisecond)
			}
			b.pass(10 * time.Second)
		}
		for i, n := range all {
			require.Equal(b, 10, n.Own().View().Len())
			for _, e := range seen[i].events() {
				require.Contains(b, e, "added", "nobody was lost, or even suspected: %s", e)
			}
			seen[i].sound(b)
		}
		require.Len(b, b.log.having("cluster keys changed", fresh.Fingerprint()), 30)
		require.Empty(b, b.log.having(fresh.Text()))

		err, _ := b.joinFails(11, keys(old))
		require.ErrorContains(b, err, "key not accepted by")
		b.join(12, keys(fresh))
		b.pass(time.Second)
		require.Equal(b, 11, all[9].Own().View().Len())
	})
}

// The new key in front on one node before the others have it: its links go on,
// new ones cannot be made, and all is well once the others have it too.
func TestKeysPutInFrontTooEarly(t *testing.T) {
	inBubble(t, func(b *bubble) {
		old, fresh := transport.NewKey(), transport.NewKey()
		var all []*Node
		for i := range 4 {
			all = append(all, b.start(i+1, keys(old)))
		}
		b.pass(3 * time.Second)
		early := all[3]
		f := b.follow(all[0].Own(), nil)
		require.NoError(b, early.SetKeys([]transport.Key{fresh, old}))
		b.pass(30 * time.Second)
		require.Equal(b, 4, all[0].Own().View().Len(), "links that exist go on")

		for i := range 3 {
			b.net.Reset(ip(i+1), ip(4))
		}
		b.pass(10 * time.Second)
		require.Equal(b, 3, all[0].Own().View().Len())
		require.Contains(b, f.events(), "removed "+addr(4)+" (silent)")

		for _, n := range all[:3] {
			require.NoError(b, n.SetKeys([]transport.Key{old, fresh}))
		}
		b.pass(15 * time.Second)
		require.Equal(b, 4, all[0].Own().View().Len(), "the same process is back")
		require.NoError(b, early.Err())
		f.sound(b)
	})
}

func TestWhatSetKeysRefuses(t *testing.T) {
	inBubble(t, func(b *bubble) {
		k := transport.NewKey()
		n, plain := b.start(1, keys(k)), b.start(2)
		require.ErrorContains(b, plain.SetKeys([]transport.Key{k}), "began without cluster keys")
		require.ErrorContains(b, n.SetKeys(nil), "no keys")
		require.NoError(b, n.Close())
		require.ErrorIs(b, n.SetKeys([]transport.Key{k}), ErrClosed)
	})
}

func TestKeysThatAreNone(t *testing.T) {
	k := transport.NewKey()
	for says, c := range map[string]Config{
		"Config.Keys: 1 keys: want up to 16 cluster keys":     {Keys: make([]transport.Key, 1)},
		"keys 1 and 2 are the same":                           {Keys: []transport.Key{k, k}},
		"Config.Bind: address: want Config.TLS as well":       {Bind: transport.BindAddress},
		"Config.Bind: binding(9): want transport.BindNothing": {Bind: 9},
	} {
		c.Domain, c.WellKnown, c.Advertise = "d", wka.List{"127.0.0.1:1"}, "127.0.0.1:1"
		_, err := Start(c)
		var bad *ConfigError
		require.ErrorAs(t, err, &bad)
		require.ErrorContains(t, err, says)
	}
}

// An address is given out again: where a member of one cluster was, a node of
// another comes up, which has the address in its own list by mistake, or as a
// name that led there. Neither joins the other, and the first drops its old
// member.
func TestAnAddressThatNowBelongsToAnotherCluster(t *testing.T) {
	one, two := transport.NewKey(), transport.NewKey()
	for name, c := range map[string]struct{ a, b func(c *Config) }{
		"other keys":             {keys(one), keys(two)},
		"one key, other names":   {both(keys(one), cluster("A")), both(keys(one), cluster("B"))},
		"no keys, other names":   {cluster("A"), cluster("B")},
		"a key here, none there": {keys(one), cluster("B")},
		"none here, a key there": {cluster("A"), keys(two)},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				var as []*Node
				for i := range 4 {
					as = append(as, b.start(i+1, c.a, func(cfg *Config) { cfg.WellKnown = wka.List{addr(1), addr(4)} }))
				}
				b.pass(3 * time.Second)
				require.Equal(b, 4, as[0].Own().View().Len())
				other := b.join(7, c.b, func(cfg *Config) { cfg.WellKnown = wka.List{addr(7)} })

				b.crash(as[3])
				came := b.start(4, c.b, func(cfg *Config) { cfg.WellKnown = wka.List{addr(7), addr(1)} })
				b.pass(10 * time.Second)
				for _, n := range as[:3] {
					require.Equal(b, []string{addr(1), addr(2), addr(3)}, addresses(n.Own().View()))
				}
				for _, n := range []*Node{came, other} {
					require.Equal(b, []string{addr(4), addr(7)}, addresses(n.Own().View()))
				}
				b.pass(2 * time.Minute)
				require.Equal(b, 3, as[1].Own().View().Len())
				require.Equal(b, 2, came.Own().View().Len())
				require.Empty(b, b.log.having("isolated"))
			})
		})
	}
}

// A fresh group remembers nothing of another that was at the same addresses.
func TestAFreshGroupRemembersNothing(t *testing.T) {
	inBubble(t, func(b *bubble) {
		k := transport.NewKey()
		for range 2 {
			all := []*Node{b.start(1, keys(k)), b.start(2, keys(k)), b.start(3, keys(k))}
			b.pass(3 * time.Second)
			for _, n := range all {
				require.Equal(b, 3, n.Own().View().Len())
			}
			for _, n := range all {
				b.crash(n)
			}
			k = transport.NewKey()
		}
	})
}

func cluster(name string) func(c *Config) { return func(c *Config) { c.Cluster = name } }

func both(f, g func(c *Config)) func(c *Config) { return func(c *Config) { f(c); g(c) } }
