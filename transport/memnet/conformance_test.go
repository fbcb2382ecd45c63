package memnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gotribes/tribes/transport/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ends are the two ends of a fresh connection.
type ends struct {
	dialer, acceptor net.Conn
	settle           func() // returns when nothing more happens by itself, as far as can be told
}

// conformance says what any TCP connection does, real or not: each case is a
// sentence that must hold for both.
var conformance = []struct {
	says string
	run  func(t *testing.T, e ends)
}{
	{"bytes arrive whole and in order", bytesArrive},
	{"ends may answer each other a thousand times", pingPong},
	{"many readers and writers may work at once", racyIO},
	{"concurrent writes do not mix", writesDoNotMix},
	{"a reader that waits gets the bytes", waitingReader},
	{"a writer that finds the window full goes on when it is read", fullWindow},
	{"a read deadline in the past fails Read even if there are bytes", pastReadDeadline},
	{"a write deadline in the past fails Write", pastWriteDeadline},
	{"a read deadline that comes wakes Read", futureReadDeadline},
	{"a write deadline that comes wakes Write", futureWriteDeadline},
	{"moving a deadline to the past wakes who waits", presentDeadline},
	{"a deadline that is taken back does not fail anybody", clearedDeadline},
	{"Close wakes Read and Write at its own end", closeWakes},
	{"after Close all fails with net.ErrClosed", afterClose},
	{"Close lets the peer read all and then io.EOF", closeThenEOF},
	{"CloseWrite ends one direction only", halfClose},
	{"Write after CloseWrite fails with EPIPE", writeAfterCloseWrite},
	{"Close with unread input resets the peer", closeWithUnread},
	{"writing to an end that has been closed resets the writer", writeToClosed},
	{"addresses mirror each other", addresses},
	{"an empty Read or Write does nothing", emptyIO},
}

func TestConnConforms(t *testing.T) {
	for _, c := range conformance {
		t.Run("memnet in a bubble/"+c.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t, connect(t, memnet.New(), synctest.Wait)) })
		})
		t.Run("memnet in real time/"+c.says, func(t *testing.T) {
			c.run(t, connect(t, memnet.New(), runtime.Gosched))
		})
		t.Run("memnet with latency/"+c.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				n.Latency("a", "b", time.Millisecond)
				c.run(t, connect(t, n, func() { time.Sleep(10 * time.Millisecond); synctest.Wait() }))
			})
		})
		t.Run("loopback/"+c.says, func(t *testing.T) { c.run(t, connectLoopback(t)) })
	}
}

// connect gives a connection from host a to host b.
func connect(t *testing.T, n *memnet.Network, settle func()) ends {
	t.Helper()
	l, err := n.Listen("b:0")
	require.NoError(t, err)
	return pairUp(t, l, func() (net.Conn, error) {
		return n.Host("a").DialContext(t.Context(), "tcp", l.Addr().String())
	}, settle)
}

func connectLoopback(t *testing.T) ends {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no loopback: ", err)
	}
	return pairUp(t, l, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }, runtime.Gosched)
}

func pairUp(t *testing.T, l net.Listener, dial func() (net.Conn, error), settle func()) ends {
	t.Helper()
	dialer, err := dial()
	require.NoError(t, err)
	acceptor, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { l.Close(); dialer.Close(); acceptor.Close() })
	return ends{dialer, acceptor, settle}
}

func bytesArrive(t *testing.T, e ends) {
	want := make([]byte, 1<<20)
	for i := range want {
		want[i] = byte(rand.Uint32())
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for rest := want; len(rest) > 0; {
			n, err := e.dialer.Write(rest[:min(len(rest), 1+rand.IntN(9000))])
			if err != nil {
				t.Error(err)
				return
			}
			rest = rest[n:]
		}
		_ = e.dialer.(interface{ CloseWrite() error }).CloseWrite()
	})
	got, err := io.ReadAll(e.acceptor)
	wg.Wait()
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "%d bytes sent, %d bytes received", len(want), len(got))
}

func pingPong(t *testing.T, e ends) {
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(e.acceptor, e.acceptor) }) // ends with the dialer's Close
	b := make([]byte, 8)
	for i := range 1000 {
		copy(b, "ping....")
		b[7] = byte(i)
		_, err := e.dialer.Write(b)
		require.NoError(t, err)
		clear(b)
		_, err = io.ReadFull(e.dialer, b)
		require.NoError(t, err)
		require.Equal(t, byte(i), b[7])
	}
	require.NoError(t, e.dialer.Close())
	wg.Wait()
}

func racyIO(t *testing.T, e ends) {
	var echo, wg sync.WaitGroup
	echo.Go(func() { _, _ = io.Copy(e.acceptor, e.acceptor) })
	for range 8 {
		wg.Go(func() {
			b := make([]byte, 1024)
			for range 10 {
				_ = e.dialer.SetReadDeadline(time.Now().Add(time.Millisecond))
				if _, err := e.dialer.Read(b); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			b := make([]byte, 1024)
			for range 10 {
				_ = e.dialer.SetWriteDeadline(time.Now().Add(time.Millisecond))
				if _, err := e.dialer.Write(b); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, e.dialer.Close())
	echo.Wait()
}

func writesDoNotMix(t *testing.T, e ends) {
	const writers, size = 4, 3 * memnet.Window // larger than the window, so that each must wait
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			if _, err := e.dialer.Write(bytes.Repeat([]byte{byte('a' + i)}, size)); err != nil {
				t.Error(err)
			}
		})
	}
	b := make([]byte, size)
	for range writers {
		_, err := io.ReadFull(e.acceptor, b)
		require.NoError(t, err)
		require.Equal(t, size, bytes.Count(b, b[:1]), "one write's bytes follow each other")
	}
	wg.Wait()
}

func waitingReader(t *testing.T, e ends) {
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 10)
		n, _ := e.acceptor.Read(b)
		got <- string(b[:n])
	}()
	e.settle()
	_, err := e.dialer.Write([]byte("hello"))
	require.NoError(t, err)
	require.Equal(t, "hello", <-got)
}

// fill writes until the window is full.
func fill(t *testing.T, e ends) {
	t.Helper()
	b := make([]byte, 1<<20)
	for {
		require.NoError(t, e.dialer.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		if _, err := e.dialer.Write(b); err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.NoError(t, e.dialer.SetWriteDeadline(time.Time{}))
			return
		}
	}
}

func fullWindow(t *testing.T, e ends) {
	fill(t, e)
	done := make(chan error, 1)
	go func() {
		_, err := e.dialer.Write([]byte("last"))
		e.dialer.Close()
		done <- err
	}()
	e.settle()
	all, err := io.ReadAll(e.acceptor)
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.Equal(t, "last", string(all[len(all)-4:]))
}

func wantTimeout(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	timeout, ok := errors.AsType[net.Error](err)
	require.True(t, ok && timeout.Timeout(), "the error is a timeout to package net's users")
}

func pastReadDeadline(t *testing.T, e ends) {
	_, err := e.dialer.Write([]byte("hello"))
	require.NoError(t, err)
	e.settle()
	require.NoError(t, e.acceptor.SetReadDeadline(time.Now().Add(-time.Second)))
	for range 2 {
		n, err := e.acceptor.Read(make([]byte, 5))
		wantTimeout(t, err)
		require.Zero(t, n)
	}
	require.NoError(t, e.acceptor.SetReadDeadline(time.Time{}))
	n, err := e.acceptor.Read(make([]byte, 5))
	require.NoError(t, err)
	require.Equal(t, 5, n, "nothing is lost by a deadline")
}

func pastWriteDeadline(t *testing.T, e ends) {
	require.NoError(t, e.dialer.SetDeadline(time.Now().Add(-time.Second)))
	for range 2 {
		n, err := e.dialer.Write([]byte("hello"))
		wantTimeout(t, err)
		require.Zero(t, n)
	}
}

func futureReadDeadline(t *testing.T, e ends) {
	for range 3 { // a deadline can be set again after it has come
		at := time.Now().Add(5 * time.Millisecond)
		require.NoError(t, e.dialer.SetReadDeadline(at))
		_, err := e.dialer.Read(make([]byte, 1))
		wantTimeout(t, err)
		require.False(t, time.Now().Before(at), "not before its time")
	}
}

func futureWriteDeadline(t *testing.T, e ends) {
	fill(t, e)
	at := time.Now().Add(5 * time.Millisecond)
	require.NoError(t, e.dialer.SetWriteDeadline(at))
	_, err := e.dialer.Write(make([]byte, 8<<20))
	wantTimeout(t, err)
	require.False(t, time.Now().Before(at))
}

func presentDeadline(t *testing.T, e ends) {
	fill(t, e)
	failed := make(chan error, 2)
	go func() { _, err := e.dialer.Read(make([]byte, 1)); failed <- err }()
	go func() { _, err := e.dialer.Write(make([]byte, 8<<20)); failed <- err }()
	e.settle()
	require.NoError(t, e.dialer.SetDeadline(time.Now().Add(-1)))
	wantTimeout(t, <-failed)
	wantTimeout(t, <-failed)
}

func clearedDeadline(t *testing.T, e ends) {
	require.NoError(t, e.dialer.SetReadDeadline(time.Now().Add(30*time.Millisecond)))
	got := make(chan error, 1)
	go func() { _, err := e.dialer.Read(make([]byte, 1)); got <- err }()
	e.settle()
	require.NoError(t, e.dialer.SetReadDeadline(time.Time{}))
	<-time.After(50 * time.Millisecond)
	_, err := e.acceptor.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, <-got)
}

func closeWakes(t *testing.T, e ends) {
	fill(t, e)
	failed := make(chan error, 2)
	go func() { _, err := e.dialer.Read(make([]byte, 1)); failed <- err }()
	go func() { _, err := e.dialer.Write(make([]byte, 8<<20)); failed <- err }()
	e.settle()
	require.NoError(t, e.dialer.Close())
	require.ErrorIs(t, <-failed, net.ErrClosed)
	require.ErrorIs(t, <-failed, net.ErrClosed)
}

func afterClose(t *testing.T, e ends) {
	require.NoError(t, e.dialer.Close())
	_, err := e.dialer.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = e.dialer.Write(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, e.dialer.SetDeadline(time.Time{}), net.ErrClosed)
	require.ErrorIs(t, e.dialer.(interface{ CloseWrite() error }).CloseWrite(), net.ErrClosed)
	require.ErrorIs(t, e.dialer.Close(), net.ErrClosed)
}

func closeThenEOF(t *testing.T, e ends) {
	_, err := e.dialer.Write([]byte("bye"))
	require.NoError(t, err)
	require.NoError(t, e.dialer.Close())
	got, err := io.ReadAll(e.acceptor)
	require.NoError(t, err)
	require.Equal(t, "bye", string(got))
	_, err = e.acceptor.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err, "and again, unwrapped")
}

func halfClose(t *testing.T, e ends) {
	_, err := e.dialer.Write([]byte("question"))
	require.NoError(t, err)
	require.NoError(t, e.dialer.(interface{ CloseWrite() error }).CloseWrite())
	got, err := io.ReadAll(e.acceptor)
	require.NoError(t, err)
	require.Equal(t, "question", string(got))
	_, err = e.acceptor.Write([]byte("answer"))
	require.NoError(t, err)
	require.NoError(t, e.acceptor.Close())
	got, err = io.ReadAll(e.dialer)
	require.NoError(t, err)
	require.Equal(t, "answer", string(got))
}

func writeAfterCloseWrite(t *testing.T, e ends) {
	fill(t, e)
	failed := make(chan error, 1)
	go func() { _, err := e.dialer.Write(make([]byte, 8<<20)); failed <- err }()
	e.settle()
	require.NoError(t, e.dialer.(interface{ CloseWrite() error }).CloseWrite())
	require.ErrorIs(t, <-failed, syscall.EPIPE, "also for who waits")
	_, err := e.dialer.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EPIPE)
}

func closeWithUnread(t *testing.T, e ends) {
	_, err := e.dialer.Write([]byte("hello?"))
	require.NoError(t, err)
	_, err = e.acceptor.Read(make([]byte, 1)) // so it has arrived, and five bytes are left
	require.NoError(t, err)
	require.NoError(t, e.acceptor.Close())
	_, err = e.dialer.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func writeToClosed(t *testing.T, e ends) {
	require.NoError(t, e.acceptor.Close())
	_, err := e.dialer.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	// A reset after EOF is EPIPE on some systems.
	for err = nil; err == nil; {
		_, err = e.dialer.Write([]byte("anybody?"))
		e.settle()
	}
	require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), err)
}

func addresses(t *testing.T, e ends) {
	require.Equal(t, e.dialer.LocalAddr().String(), e.acceptor.RemoteAddr().String())
	require.Equal(t, e.acceptor.LocalAddr().String(), e.dialer.RemoteAddr().String())
	require.Equal(t, "tcp", e.dialer.LocalAddr().Network())
	_, err := net.ResolveTCPAddr("tcp", "127.0.0.1:"+portOf(t, e.dialer.LocalAddr()))
	require.NoError(t, err)
}

func portOf(t *testing.T, a net.Addr) string {
	_, port, err := net.SplitHostPort(a.String())
	require.NoError(t, err)
	return port
}

func emptyIO(t *testing.T, e ends) {
	n, err := e.dialer.Read(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = e.dialer.Write(nil)
	require.NoError(t, err)
	require.Zero(t, n)
}

// deadCtx is a context that has ended.
func deadCtx(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
