package transport

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
)

// startAsked starts a node that takes questions, and gives their connections out.
func startAsked(t *testing.T, n *memnet.Network, host string, change func(*Config)) (*node, chan *Link) {
	t.Helper()
	asked := make(chan *Link, 100)
	return startNode(t, n, host, func(c *Config) {
		c.Asked = func(l *Link) { asked <- l }
		if change != nil {
			change(c)
		}
	}), asked
}

func TestWhoAsksIsNotTakenForALink(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a := startNode(t, n, "a", func(c *Config) { c.HeartbeatInterval, c.DropTime = time.Hour, 24*time.Hour })
		b, asked := startAsked(t, n, "b", nil)
		_, err := a.Dial(t.Context(), b.address, ID{})
		require.ErrorContains(t, err, "(settings)", "a link would not do")
		l, err := a.Ask(t.Context(), b.address)
		require.NoError(t, err)
		x, y := start(l), start(<-asked)
		require.Equal(t, PurposeAsk, y.Peer().Purpose)
		require.NoError(t, x.Send(make([]byte, MaxQuestion)))
		require.Len(t, <-y.got, MaxQuestion)
		require.NoError(t, y.Send(make([]byte, MaxFrame)), "an answer may be as large as any frame")
		require.Len(t, <-x.got, MaxFrame)
		require.NoError(t, x.Send(make([]byte, MaxQuestion+1)))
		require.ErrorIs(t, <-y.down, ErrMalformed, "a question may not")
		require.Empty(t, b.links)
	})
}

func TestANodeWithoutAnswersRefusesWhoAsks(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		_, err := a.Ask(t.Context(), b.address)
		require.ErrorContains(t, err, "(malformed): unknown purpose 3")
		_, err = a.Look(t.Context(), b.address, ID{})
		require.NoError(t, err, "by which it is told from what does not speak the protocol")
	})
}

func TestWhoAsksProvesItsKeyLikeALink(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		key := NewKey()
		withKey := func(c *Config) { c.Keys = []Key{key} }
		b, asked := startAsked(t, n, "b", withKey)
		for name, keys := range map[string][]Key{"none": nil, "another": {NewKey()}} {
			a := startNode(t, n, "a-"+name, func(c *Config) { c.Keys = keys })
			_, err := a.Ask(t.Context(), b.address)
			require.ErrorContains(t, err, "(key)", name)
		}
		h := impostor(t, knock(t, n, "s", b))
		require.Error(t, h.dial(PurposeAsk, ID{}))
		synctest.Wait()
		require.Empty(t, asked)
		l, err := startNode(t, n, "a", withKey).Ask(t.Context(), b.address)
		require.NoError(t, err)
		_ = l.Close()
		_ = (<-asked).Close()
	})
}

// answering is how many places are taken.
func (nd *node) answering() int {
	nd.mu.Lock()
	defer nd.mu.Unlock()
	return nd.asking
}

func TestEightMayAskAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		b, asked := startAsked(t, n, "b", nil)
		a := startNode(t, n, "a", nil)
		var all []*end
		for range asksServed {
			l, err := a.Ask(t.Context(), b.address)
			require.NoError(t, err)
			all = append(all, start(l))
			synctest.Wait() // so that asked has them in this order
		}
		_, err := a.Ask(t.Context(), b.address)
		require.ErrorContains(t, err, "(busy): 8 others are asking")
		_, err = a.Dial(t.Context(), b.address, ID{})
		require.NoError(t, err, "links are not held up")
		(<-b.links).Close()

		// Each way to end gives the place back, once.
		ended := <-asked
		_ = ended.Close()
		start(ended)
		start(<-asked).Close()
		(<-asked).CloseAfterFlush(nil)
		_ = all[3].Close()
		start(<-asked)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, asksServed-4, b.answering())
		h := impostor(t, knock(t, n, "s", b))
		hello, err := h.hello(PurposeAsk, ID{})
		require.NoError(t, err)
		require.NoError(t, h.write(hello))
		synctest.Wait()
		require.Equal(t, asksServed-3, b.answering(), "a place is taken from the hello on")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		require.Equal(t, asksServed-4, b.answering(), "and given back if no proof comes")
	})
}
