package transport

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
)

func TestSetKeysCountsForNewLinks(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		old, fresh := NewKey(), NewKey()
		a, b := startNode(t, n, "a", withKeys(old)), startNode(t, n, "b", withKeys(old))
		x, y := linked(t, a, b)
		works := func(when string) {
			t.Helper()
			for _, way := range [][2]*node{{a, b}, {b, a}} {
				_, err := way[0].Look(t.Context(), way[1].address, ID{})
				require.NoError(t, err, when)
			}
		}
		for _, step := range []struct {
			when string
			keys []Key
		}{
			{"append everywhere", []Key{old, fresh}},
			{"move to the front everywhere", []Key{fresh, old}},
		} {
			for _, nd := range []*node{a, b} {
				require.NoError(t, nd.SetKeys(step.keys))
				works(step.when)
			}
			require.NoError(t, x.Send([]byte(step.when)))
			require.Equal(t, step.when, <-y.got, "the old link goes on")
		}

		require.NoError(t, a.SetKeys([]Key{fresh}))
		require.ErrorIs(t, <-x.down, ErrClosed, "it rested on the old key")
		require.Equal(t, FailureReset, FailureOf(<-y.down))
		works("one has removed the old key")
		u, v := linked(t, a, b)
		require.NoError(t, b.SetKeys([]Key{fresh}))
		works("both have")
		require.NoError(t, u.Send([]byte("stays")))
		require.Equal(t, "stays", <-v.got, "a link that rests on the new key stays")
	})
}

// A link may be closed by this between its handshake and its Start.
func TestKeysRemovedBeforeALinkIsStarted(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		old, fresh := NewKey(), NewKey()
		a, b := startNode(t, n, "a", withKeys(old)), startNode(t, n, "b", withKeys(old))
		l, err := a.Dial(t.Context(), b.address, ID{})
		require.NoError(t, err)
		m := <-b.links
		require.NoError(t, b.SetKeys([]Key{fresh}))
		require.ErrorIs(t, <-start(m).down, ErrClosed)
		require.Equal(t, FailureReset, FailureOf(<-start(l).down))
	})
}

// A node that is given the new key first uses what the others do not know.
func TestKeysPutInFrontTooEarly(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		old, fresh := NewKey(), NewKey()
		a, b := startNode(t, n, "a", withKeys(old)), startNode(t, n, "b", withKeys(old))
		x, y := linked(t, a, b)
		require.NoError(t, a.SetKeys([]Key{fresh, old}))
		for _, way := range [][2]*node{{a, b}, {b, a}} {
			r := refusal(t, way[0], way[1])
			require.Equal(t, CodeKey, r.Code)
			require.Contains(t, r.Text, "key not accepted by "+way[1].address)
		}
		require.NoError(t, x.Send([]byte("still there")))
		require.Equal(t, "still there", <-y.got, "links that exist go on")
		require.NoError(t, b.SetKeys([]Key{old, fresh}))
		_, err := a.Look(t.Context(), b.address, ID{})
		require.NoError(t, err, "and the mistake can be made good")
	})
}

func TestWhatSetKeysRefuses(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		k := NewKey()
		a, b := startNode(t, n, "a", withKeys(k)), startNode(t, n, "b", nil)
		for _, c := range []struct {
			nd   *node
			keys []Key
			says string
		}{
			{b, []Key{k}, "began without cluster keys"},
			{a, nil, "no keys"},
			{a, []Key{{}}, "key 1 of 1 is empty"},
			{a, []Key{k, k}, "keys 1 and 2 are the same"},
			{a, make([]Key, MaxKeys+1), "17 keys, at most 16"},
		} {
			require.ErrorContains(t, c.nd.SetKeys(c.keys), c.says)
		}
		d := startNode(t, n, "d", withKeys(k))
		_, err := d.Look(t.Context(), a.address, ID{})
		require.NoError(t, err, "nothing has changed")
	})
}

// A key that is taken out while somebody shakes hands with it lets nobody in.
func TestAKeyRemovedDuringAHandshake(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		old, fresh := NewKey(), NewKey()
		a, b := startNode(t, n, "a", withKeys(old)), startNode(t, n, "b", withKeys(old))
		n.Latency("a", "b", 50*time.Millisecond)
		done := make(chan error, 1)
		go func() {
			l, err := a.Dial(t.Context(), b.address, ID{})
			if err == nil {
				defer l.Close()
				_, err = l.frames.next()
			}
			done <- err
		}()
		time.Sleep(325 * time.Millisecond) // all that is missing at b is the proof
		require.Equal(t, 1, b.Stats().Pending)
		require.NoError(t, b.SetKeys([]Key{fresh}))
		require.Equal(t, FailureReset, FailureOf(<-done))
		synctest.Wait()
		require.Empty(t, b.links)
		require.Zero(t, b.Stats().Links)
	})
}
