package memnet_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
)

func TestListenRefusesWhatCannotBe(t *testing.T) {
	var n memnet.Network // the zero value is a network
	l, err := n.Listen("a:1")
	require.NoError(t, err)
	for _, c := range []struct {
		address string
		says    string
		is      error
	}{
		{"a:1", "address already in use", syscall.EADDRINUSE},
		{":4000", "cannot assign requested address", syscall.EADDRNOTAVAIL},
		{"0.0.0.0:4000", "cannot assign requested address", syscall.EADDRNOTAVAIL},
		{"[::]:4000", "cannot assign requested address", syscall.EADDRNOTAVAIL},
		{"a", "missing port", nil},
		{"a:http", "port is not a number from 0 to 65535", nil},
		{"a:65536", "port is not a number from 0 to 65535", nil},
		{"a:-1", "port is not a number from 0 to 65535", nil},
	} {
		_, err := n.Listen(c.address)
		require.ErrorContains(t, err, c.says, c.address)
		if c.is != nil {
			require.ErrorIs(t, err, c.is, c.address)
		}
	}
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Close(), net.ErrClosed)
	_, err = n.Listen("a:1")
	require.NoError(t, err, "an address can be used again at once")
}

func TestHostListensAtItsOwnNameOnly(t *testing.T) {
	n := memnet.New()
	a := n.Host("a:77")
	require.Equal(t, "a", a.Name())
	for _, address := range []string{":1", "a:2", "0.0.0.0:3", "[::]:4"} {
		l, err := a.Listen(address)
		require.NoError(t, err, address)
		require.Contains(t, l.Addr().String(), "a:")
	}
	_, err := a.Listen("b:1")
	require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
	_, err = a.Listen("a")
	require.ErrorContains(t, err, "missing port")
	_, err = a.Listen(":1")
	require.ErrorIs(t, err, syscall.EADDRINUSE)
}

func TestPortZeroPicksOne(t *testing.T) {
	n := memnet.New()
	seen := map[string]bool{}
	for range 100 {
		l, err := n.Listen("[::1]:0")
		require.NoError(t, err)
		require.False(t, seen[l.Addr().String()])
		seen[l.Addr().String()] = true
		c, err := n.Host("a").DialContext(t.Context(), "tcp6", l.Addr().String())
		require.NoError(t, err)
		require.Equal(t, l.Addr(), c.RemoteAddr())
	}
}

func TestPortsRunOut(t *testing.T) {
	n := memnet.New()
	var err error
	for err == nil {
		_, err = n.Listen("a:0")
	}
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	l, err := n.Listen("b:1")
	require.NoError(t, err)
	_, err = n.Host("a").DialContext(t.Context(), "tcp", "b:1")
	require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
	require.NoError(t, l.Close())
}

func TestDialErrors(t *testing.T) {
	n := memnet.New()
	_, err := n.Listen("b:1")
	require.NoError(t, err)
	for _, c := range []struct {
		network, address string
		says             string
	}{
		{"tcp", "b:2", "dial tcp b:2: connect: connection refused"},
		{"tcp", "b", "missing port"},
		{"tcp", ":1", "want a host and a port"},
		{"tcp", "b:0", "want a host and a port"},
		{"udp", "b:1", "unknown network udp"},
	} {
		_, err := n.Host("a").DialContext(t.Context(), c.network, c.address)
		require.ErrorContains(t, err, c.says)
		_, ok := err.(*net.OpError)
		require.True(t, ok, "%T", err)
	}
	_, err = n.Host("a").DialContext(deadCtx(t), "tcp", "b:1")
	require.ErrorIs(t, err, context.Canceled)
}

func TestDialsWaitForRoomInTheBacklog(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		for range memnet.Backlog {
			w.wantDial("a", "b:1", nil)
		}
		w.wantHang("a", "b:1")
		time.AfterFunc(time.Millisecond, func() {
			c, err := l.Accept()
			require.NoError(t, err)
			c.Close()
		})
		w.wantDial("a", "b:1", nil)
	})
}

func TestListenerCloseResetsWhatNobodyHasAccepted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		c, err := w.dial("a", "b:1")
		require.NoError(t, err)
		failed := make(chan error)
		require.NoError(t, l.Close())
		go func() { _, err := l.Accept(); failed <- err }()
		require.ErrorIs(t, <-failed, net.ErrClosed)
		w.wantRead(c, syscall.ECONNRESET)
		w.wantDial("a", "b:1", syscall.ECONNREFUSED)
	})
}

func TestTapSeesEveryWrite(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, b := w.link("a", "b", l)
		var mu sync.Mutex
		var seen []string
		w.Tap(func(from, to string, b []byte) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%s>%s %s", from, to, b))
			if string(b) == "cut here" {
				w.Cut("a", "b") // a tap may use the network
			}
		})
		w.says(a, "hello")
		w.says(b, "hello yourself")
		w.hears(b, "hello")
		w.says(a, "cut here")
		w.hearsNothing(b)
		w.Tap(nil)
		w.says(a, "unseen")
		me := a.LocalAddr().String()
		require.True(t, slices.Equal(seen, []string{
			me + ">b:1 hello", "b:1>" + me + " hello yourself", me + ">b:1 cut here",
		}), "%q", seen)
	})
}

// A node that others watch over links: heartbeats in both directions on many
// connections at once. The figure is what bounds the size of bubble tests.
func BenchmarkHeartbeats(b *testing.B) {
	const conns, each = 100, 6000 // 600,000 messages an op
	for b.Loop() {
		n := memnet.New()
		l, err := n.Listen("b:1")
		require.NoError(b, err)
		var wg sync.WaitGroup
		for range conns {
			dialer, err := n.Host("a").DialContext(b.Context(), "tcp", "b:1")
			require.NoError(b, err)
			acceptor, err := l.Accept()
			require.NoError(b, err)
			wg.Go(func() { sendMessages(b, dialer, each) })
			wg.Go(func() { readMessages(b, acceptor, each) })
		}
		wg.Wait()
	}
	b.ReportMetric(float64(conns*each*b.N)/b.Elapsed().Seconds(), "messages/s")
}

func sendMessages(b *testing.B, c net.Conn, count int) {
	defer c.Close()
	message := make([]byte, 16)
	for range count {
		_ = c.SetWriteDeadline(time.Now().Add(time.Minute))
		if _, err := c.Write(message); err != nil {
			b.Error(err)
			return
		}
	}
}

func readMessages(b *testing.B, c net.Conn, count int) {
	defer c.Close()
	message := make([]byte, 16)
	for range count {
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := c.Read(message); err != nil && !errors.Is(err, net.ErrClosed) {
			b.Error(err)
			return
		}
	}
}
