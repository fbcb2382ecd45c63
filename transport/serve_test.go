package transport

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gotribes/tribes/transport/memnet"
	"github.com/stretchr/testify/require"
)

// moody is a listener that fails before each connection that it accepts.
type moody struct {
	net.Listener
	err   error
	fails atomic.Int32
}

func (m *moody) Accept() (net.Conn, error) {
	if m.fails.Add(-1) >= 0 {
		return nil, m.err
	}
	return m.Listener.Accept()
}

func accepting(errno syscall.Errno) error {
	return &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept", errno)}
}

func TestServeWaitsOutWhatPasses(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		bubble(t, func(t *testing.T, n *memnet.Network) {
			a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
			ln, err := n.Listen("b:5000")
			require.NoError(t, err)
			m := &moody{Listener: ln, err: accepting(errno)}
			m.fails.Store(10)
			begin := time.Now()
			served := make(chan error, 1)
			go func() { served <- b.Serve(m, func(l *Link) { b.links <- l }) }()
			l, err := a.Dial(t.Context(), "b:5000", ID{})
			require.NoError(t, err)
			require.InDelta(t, 1.275+2, time.Since(begin).Seconds(), 0.01, "5 ms doubling to a second")
			start(l)
			start(<-b.links)
			require.Len(t, b.log.lines(), 1)

			m.fails.Store(1 << 30)
			conn, err := n.Host("s").DialContext(t.Context(), "tcp", "b:5000")
			require.NoError(t, err)
			defer conn.Close()
			time.Sleep(time.Second)
			require.NoError(t, b.Close(), "also during a pause")
			require.ErrorIs(t, <-served, ErrClosed)
			require.ErrorIs(t, <-b.served, ErrClosed)
		})
	}
}

func TestServeReturnsWhatDoesNotPass(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		b := startNode(t, n, "b", nil)
		ln, err := n.Listen("b:5000")
		require.NoError(t, err)
		defer ln.Close()
		broken := errors.New("broken")
		m := &moody{Listener: ln, err: broken}
		m.fails.Store(1)
		err = b.Serve(m, nil)
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, "b:5000")
		require.NoError(t, ln.Close())
		require.ErrorIs(t, b.Serve(ln, nil), net.ErrClosed, "closed by its owner")
	})
}

func TestCloseEndsEverything(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b, c := startNode(t, n, "a", nil), startNode(t, n, "b", nil), startNode(t, n, "c", nil)
		x, y := linked(t, a, b)
		idle, err := c.Dial(t.Context(), b.address, ID{}) // nobody starts it
		require.NoError(t, err)
		conn, err := n.Host("s").DialContext(t.Context(), "tcp", b.address) // and a handshake that waits
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, 1, b.Stats().Pending)
		require.Equal(t, 2, b.Stats().Links)

		require.NoError(t, b.Close())
		require.Equal(t, EndpointStats{}, b.Stats())
		require.Len(t, y.down, 1, "every link has said that it is down")
		require.ErrorIs(t, <-y.down, ErrClosed)
		require.ErrorIs(t, <-b.served, ErrClosed)
		require.Equal(t, FailureReset, FailureOf(<-x.down))
		_, err = conn.Read(make([]byte, 1))
		require.Equal(t, FailureReset, FailureOf(err))
		require.Empty(t, b.log.lines(), "my own end is nobody's fault")
		require.NoError(t, b.Close())

		_, err = a.Dial(t.Context(), b.address, ID{})
		require.Equal(t, FailureRefused, FailureOf(err))
		_, err = b.Dial(t.Context(), a.address, ID{})
		require.ErrorIs(t, err, ErrClosed)
		ln, err := n.Listen("b:4000")
		require.NoError(t, err)
		require.ErrorIs(t, b.Serve(ln, nil), ErrClosed)
		_, err = ln.Accept()
		require.ErrorIs(t, err, net.ErrClosed, "Serve closes what it is given too late")
		require.Equal(t, FailureReset, FailureOf(<-start(idle).down))

		require.ErrorIs(t, <-start(<-b.links).down, ErrClosed, "a start that comes too late is told as well")
	})
}

func TestHandshakesBeyondMaxPendingAreToldToComeAgain(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a := startNode(t, n, "a", nil)
		b := startNode(t, n, "b", func(c *Config) { c.MaxPending = 1 })
		conn, err := n.Host("s").DialContext(t.Context(), "tcp", b.address)
		require.NoError(t, err)
		synctest.Wait()
		r := refusal(t, a, b)
		require.Equal(t, CodeBusy, r.Code, "which is no evidence that nobody is there")
		require.Equal(t, uint64(1), b.Stats().Crowded)
		require.NoError(t, conn.Close())
		synctest.Wait()
		l, err := a.Dial(t.Context(), b.address, ID{})
		require.NoError(t, err)
		start(l)
		start(<-b.links)
	})
}

func TestAnAcceptThatTakesItsTimeHoldsNobodyUp(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a := startNode(t, n, "a", nil)
		b := startNode(t, n, "b", func(c *Config) { c.MaxPending = 1 })
		ln, err := n.Listen("b:5000")
		require.NoError(t, err)
		go b.Serve(ln, func(l *Link) { time.Sleep(time.Minute); _ = l.Close() })
		for range 3 {
			l, err := a.Dial(t.Context(), "b:5000", ID{})
			require.NoError(t, err)
			start(l)
			synctest.Wait()
		}
	})
}
