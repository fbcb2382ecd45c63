//go:build unix

package transport

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// socketPair returns two ends of a TCP connection.
func socketPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	a, err = net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	b, err = ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b
}

func TestAWriteThatDoesNotWait(t *testing.T) {
	a, b := socketPair(t)
	d := newDirect(a)
	require.NotNil(t, d)
	n, err := d.write([]byte("hello"))
	require.NoError(t, err)
	require.Equal(t, 5, n)
	if !raceEnabled { // its detector allocates
		x := []byte("x")
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = d.write(x) }))
	}

	// Nobody reads. The connection is full when a write takes nothing: after one
	// that took a part, the system may still move something to the peer's side.
	chunk := make([]byte, 1<<20)
	for n = len(chunk); n > 0; {
		n, err = d.write(chunk)
		require.NoError(t, err, "a full connection is no error")
	}

	require.NoError(t, b.Close()) // with much unread: a reset
	require.Eventually(t, func() bool { _, err := d.write(chunk); return err != nil }, 10*time.Second, time.Millisecond)
	require.NoError(t, a.Close())
	_, err = d.write(chunk)
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestOtherConnectionsAreWrittenByTheWriter(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	require.Nil(t, newDirect(a))
}

// Whichever way a frame takes, all arrive, in order, also when the connection
// is full for a while.
func TestFramesKeepTheirOrderWhicheverWayTheyAreSent(t *testing.T) {
	l, peer := loopback(t, nil)
	require.NotNil(t, l.direct)
	l.Start(func([]byte) error { return nil }, func(error) {})
	const count = 400
	payload := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 1+i*37%9000) }
	for i := range count {
		if i%3 == 0 {
			require.NoError(t, l.Send(payload(i)))
		} else {
			require.NoError(t, sendNow(l, payload(i)))
		}
	}
	got := make(chan []byte, count)
	peer.Start(func(p []byte) error { got <- bytes.Clone(p); return nil }, func(error) {}) // from now on it reads
	for i := range count {
		require.Equal(t, payload(i), within(t, got), "frame %d", i)
	}
	require.Eventually(t, func() bool { s := l.Stats(); return s.FramesOut == count && s.Queued == 0 }, 10*time.Second, time.Millisecond)
	require.ErrorIs(t, sendNow(l, nil), ErrFrameSize)
	require.NoError(t, l.Close())
	require.ErrorIs(t, sendNow(l, []byte("x")), ErrClosed)
}

// What was queued to be sent later goes in one write, when that is asked for.
func TestFramesQueuedForLaterGoInOneWrite(t *testing.T) {
	l, peer := loopback(t, nil)
	l.Start(func([]byte) error { return nil }, func(error) {})
	got := make(chan string, 3)
	peer.Start(func(p []byte) error { got <- string(p); return nil }, func(error) {})
	writerWaits(t, l, got)
	writes, attempt := 0, l.direct.attempt
	l.direct.attempt = func(fd uintptr) {
		writes++
		attempt(fd)
	}
	before := l.Stats().FramesOut
	for _, p := range []string{"one", "two", "three"} {
		require.NoError(t, l.SendLater([]byte(p)))
	}
	require.Equal(t, before, l.Stats().FramesOut)
	require.NotZero(t, l.Stats().Queued)
	require.NoError(t, l.Flush())
	require.Equal(t, []string{"one", "two", "three"}, []string{within(t, got), within(t, got), within(t, got)})
	require.Equal(t, 1, writes)
	require.Equal(t, before+3, l.Stats().FramesOut)
	require.Zero(t, l.Stats().Queued)
	require.NoError(t, l.Flush(), "there is nothing to be sent")
	require.Equal(t, 1, writes)
}

// writerWaits returns when the writer of a link that was just started waits for
// something to write: as long as it is on its way there, it takes along what was
// queued for later.
func writerWaits(t *testing.T, l *Link, got <-chan string) {
	t.Helper()
	require.NoError(t, l.Send([]byte("the writer's")))
	require.Equal(t, "the writer's", within(t, got))
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return !l.writing
	}, 10*time.Second, time.Millisecond)
}

// A link that is told to end sends what was queued for later.
func TestWhatWasQueuedForLaterIsFlushed(t *testing.T) {
	l, peer := loopback(t, nil)
	l.Start(func([]byte) error { return nil }, func(error) {})
	got := make(chan string, 1)
	peer.Start(func(p []byte) error { got <- string(p); return nil }, func(error) {})
	require.NoError(t, l.SendLater([]byte("goodbye")))
	l.CloseAfterFlush(nil)
	if err := l.Flush(); err != nil {
		require.ErrorIs(t, err, ErrClosed, "it has ended already")
	}
	require.Equal(t, "goodbye", within(t, got))
}

// A table is more than may wait: it is begun with while the rest is queued.
func TestMuchThatIsQueuedForLaterDoesNotWait(t *testing.T) {
	l, peer := loopback(t, func(c *Config) { c.QueueBytes = 4 * readChunk })
	l.Start(func([]byte) error { return nil }, func(error) {})
	got := make(chan int, 4)
	peer.Start(func(p []byte) error { got <- len(p); return nil }, func(error) {})
	for range 2 {
		require.NoError(t, l.SendLater(make([]byte, readChunk)))
	}
	require.Equal(t, readChunk, within(t, got))
	require.Equal(t, readChunk, within(t, got))
}
