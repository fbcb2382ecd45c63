package memnet_test

import (
	"context"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
)

// world is a network in a bubble, with sentences about it.
type world struct {
	*memnet.Network
	t *testing.T
}

// inBubble runs a story and closes what it left open.
func inBubble(t *testing.T, story func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) { story(t, &world{memnet.New(), t}) })
}

func (w *world) listen(address string) net.Listener {
	w.t.Helper()
	l, err := w.Listen(address)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { l.Close() })
	return l
}

// dial tries for a second.
func (w *world) dial(from, to string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
	defer cancel()
	c, err := w.Host(from).DialContext(ctx, "tcp", to)
	if err == nil {
		w.t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// link connects host a to host b, where somebody must listen on b:1.
func (w *world) link(a, b string, l net.Listener) (net.Conn, net.Conn) {
	w.t.Helper()
	dialer, err := w.dial(a, b+":1")
	require.NoError(w.t, err)
	acceptor, err := l.Accept()
	require.NoError(w.t, err)
	w.t.Cleanup(func() { acceptor.Close() })
	return dialer, acceptor
}

func (w *world) says(c net.Conn, text string) {
	w.t.Helper()
	_, err := c.Write([]byte(text))
	require.NoError(w.t, err)
}

// hears asserts what c can read within no time.
func (w *world) hears(c net.Conn, text string) {
	w.t.Helper()
	synctest.Wait()
	require.NoError(w.t, c.SetReadDeadline(time.Now().Add(1)))
	b := make([]byte, 1000)
	n, err := c.Read(b)
	require.NoError(w.t, err)
	require.Equal(w.t, text, string(b[:n]))
}

func (w *world) hearsNothing(c net.Conn) {
	w.t.Helper()
	synctest.Wait()
	require.NoError(w.t, c.SetReadDeadline(time.Now().Add(1)))
	n, err := c.Read(make([]byte, 1))
	require.ErrorIs(w.t, err, os.ErrDeadlineExceeded)
	require.Zero(w.t, n)
}

func (w *world) wantRead(c net.Conn, want error) {
	w.t.Helper()
	require.NoError(w.t, c.SetReadDeadline(time.Now().Add(1)))
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(w.t, err, want)
}

func (w *world) wantDial(from, to string, want error) {
	w.t.Helper()
	_, err := w.dial(from, to)
	if want == nil {
		require.NoError(w.t, err)
		return
	}
	require.ErrorIs(w.t, err, want)
	_, ok := err.(*net.OpError)
	require.True(w.t, ok, "package net's users expect a *net.OpError: %T", err)
}

// writes tells how many bytes c takes before it blocks, up to 1 MiB.
func (w *world) writes(c net.Conn) int {
	w.t.Helper()
	require.NoError(w.t, c.SetWriteDeadline(time.Now().Add(time.Millisecond)))
	n, err := c.Write(make([]byte, 1<<20))
	require.ErrorIs(w.t, err, os.ErrDeadlineExceeded)
	require.NoError(w.t, c.SetWriteDeadline(time.Time{}))
	return n
}

func (w *world) wantHang(from, to string) {
	w.t.Helper()
	start := time.Now()
	w.wantDial(from, to, context.DeadlineExceeded)
	require.Equal(w.t, time.Second, time.Since(start))
}
