package transport

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
)

// knock connects from a host and says nothing.
func knock(t *testing.T, n *memnet.Network, host string, nd *node) net.Conn {
	t.Helper()
	conn, err := n.Host(host).DialContext(t.Context(), "tcp", nd.address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// sendingAway counts connections that have been told to come again.
func (nd *node) sendingAway() int {
	nd.mu.Lock()
	defer nd.mu.Unlock()
	return len(nd.away)
}

func TestOneHostCannotTakeAllHandshakes(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd, a := startNode(t, n, "n", nil), startNode(t, n, "a", nil)
		for range 100 {
			knock(t, n, "s", nd)
		}
		synctest.Wait()
		require.Equal(t, 64, nd.Stats().Pending)
		require.Equal(t, uint64(36), nd.Stats().Crowded)
		require.Len(t, nd.log.lines(), 1)
		require.Contains(t, nd.log.lines()[0], "too many handshakes at once from one host")
		x, y := linked(t, a, nd)
		require.NoError(t, x.Send([]byte("others come through")))
		require.Equal(t, "others come through", <-y.got)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Zero(t, nd.Stats().Pending)
		nd.mu.Lock()
		defer nd.mu.Unlock()
		require.Len(t, nd.sources.hosts, 2)
		for _, h := range nd.sources.hosts {
			require.Zero(t, h.pending)
		}
	})
}

func TestLoopbackIsNotCounted(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd := startNode(t, n, "n", nil)
		for range 200 {
			knock(t, n, "127.0.0.1", nd)
		}
		synctest.Wait()
		require.Equal(t, 200, nd.Stats().Pending)
		for range 200 {
			knock(t, n, "127.0.0.1", nd)
		}
		synctest.Wait()
		require.Equal(t, 256, nd.Stats().Pending, "the bound for all together holds for it, too")
	})
}

func TestLinksDoNotCountAsHandshakes(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd := startNode(t, n, "n", func(c *Config) { c.MaxPendingPerHost = 1 })
		a := startNode(t, n, "a", nil)
		for range 10 {
			x, _ := linked(t, a, nd)
			require.NotNil(t, x)
			synctest.Wait()
		}
		require.Equal(t, 10, nd.Stats().Links)
	})
}

// A host that connects all the time is taken up slowly: the handshakes of its
// connections wait, and with them their places, of which it has 64.
func TestOneHostCannotConnectAllTheTime(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd, a := startNode(t, n, "n", nil), startNode(t, n, "a", nil)
		knockOften := func(times int) (taken uint64) {
			before := nd.Stats()
			for range times {
				conn := knock(t, n, "s", nd)
				_, err := conn.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
				require.NoError(t, err)
				synctest.Wait()
				_ = conn.Close()
				synctest.Wait()
			}
			return nd.Stats().TurnedAway - before.TurnedAway
		}
		require.Equal(t, uint64(128), knockOften(300), "so many at once")
		require.Equal(t, 64, nd.Stats().Pending)
		require.Equal(t, uint64(300-128-64), nd.Stats().Crowded)
		x, y := linked(t, a, nd)
		require.NotNil(t, x)
		require.NotNil(t, y)
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		require.Zero(t, nd.Stats().Pending)
		require.Equal(t, uint64(128+64), nd.Stats().TurnedAway, "and then as time goes by")
	})
}

// Crowding a node must not make it look as if its process had gone: those that
// look at it are told that it is busy, with a key and without.
func TestACrowdedNodeDoesNotLookLikeOneThatHasGone(t *testing.T) {
	for _, keys := range [][]Key{nil, {NewKey()}} {
		bubble(t, func(t *testing.T, n *memnet.Network) {
			nd := startNode(t, n, "n", func(c *Config) { c.Keys, c.MaxPending = keys, 10 })
			a := startNode(t, n, "a", withKeys(keys...))
			for range 10 {
				knock(t, n, "s", nd)
			}
			synctest.Wait()
			for range 3 {
				_, err := a.Look(t.Context(), nd.address, ID{})
				r, ok := errors.AsType[*RefusedError](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, CodeBusy, r.Code)
				require.Contains(t, r.Text, "too many handshakes at once")
			}
			for i := range 2 * awayMost {
				knock(t, n, fmt.Sprint("s", i), nd)
			}
			synctest.Wait()
			require.Equal(t, awayMost, nd.sendingAway())
			time.Sleep(awayFor)
			synctest.Wait()
			require.Zero(t, nd.sendingAway())
			knock(t, n, "s", nd) // is being sent away when the node closes
		})
	}
}

func TestConnectionsBeyondTheRateWait(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd := startNode(t, n, "n", func(c *Config) { c.AcceptRate = 10 })
		for i := range 30 {
			knock(t, n, fmt.Sprintf("s%d", i), nd)
		}
		synctest.Wait()
		require.Equal(t, 11, nd.Stats().Pending, "ten, and the one for which there is to be a pause")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 21, nd.Stats().Pending)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 30, nd.Stats().Pending)
		require.Zero(t, nd.Stats().Crowded, "nobody was sent away")
	})
}

func TestHowHostsAreToldApart(t *testing.T) {
	tcp := func(s string) net.Addr {
		a, err := net.ResolveTCPAddr("tcp", s)
		require.NoError(t, err)
		return a
	}
	for address, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1",
		"127.0.0.1:5": "", "127.9.9.9:5": "", "[::1]:5": "", "[::ffff:127.0.0.1]:5": "",
		"[2001:db8:1:2:3:4:5:6]:5": "2001:db8:1:2::/64", "[2001:db8:1:2::9]:5": "2001:db8:1:2::/64", "[fe80::1%7]:5": "fe80::/64",
	} {
		require.Equal(t, want, sourceOf(tcp(address)), address)
	}
	require.Equal(t, "", sourceOf(&net.UnixAddr{Net: "unix", Name: "@x:1"}))
}

func TestAsManyHostsAsThereAre(t *testing.T) {
	s := sources{most: 2, rate: -1}
	now := time.Unix(0, 0)
	var all []*source
	for i := range 3 * sourcesMost {
		if h, _ := s.enter(fmt.Sprint(i), now); h != nil {
			all = append(all, h)
		}
	}
	require.LessOrEqual(t, len(s.hosts), sourcesMost+1)
	require.Len(t, all, sourcesMost+2, "those beyond are one host together")
	for _, h := range all {
		h.leave()
	}
	now = now.Add(time.Minute)
	h, _ := s.enter("one more", now)
	require.NotNil(t, h)
	require.Len(t, s.hosts, 1, "and are forgotten")
}

// A look that is never closed holds its turn for a second, not for the time of
// a handshake; those beyond the eighth wait, and are told that the node is busy.
func TestEightLooksAreServedAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd, a := startNode(t, n, "n", nil), startNode(t, n, "a", nil)
		for range looksServed {
			h := impostor(t, knock(t, n, "s", nd))
			require.NoError(t, h.dial(PurposeLook, ID{}))
		}
		began := time.Now()
		_, err := a.Look(t.Context(), nd.address, ID{})
		require.Equal(t, lookWait, time.Since(began))
		require.ErrorContains(t, err, "(busy): 8 looks are being answered")
		l, err := a.Dial(t.Context(), nd.address, ID{})
		require.NoError(t, err, "links are not held up")
		defer l.Close()
		time.Sleep(lookEnd - lookWait/2 - time.Since(began))
		began = time.Now()
		_, err = a.Look(t.Context(), nd.address, ID{})
		require.NoError(t, err)
		require.Equal(t, lookWait/2, time.Since(began), "as soon as there is room")
		synctest.Wait()
		require.Empty(t, nd.looks)
		(<-nd.links).Close()
	})
}
