package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func quickPair(t *testing.T) (s *socket, peer net.Conn) {
	t.Helper()
	a, b := socketPair(t)
	s, ok := quick(a).(*socket)
	require.True(t, ok)
	return s, b
}

func TestASocketReadsAndWrites(t *testing.T) {
	s, peer := quickPair(t)
	n, err := s.Write([]byte("hello"))
	require.NoError(t, err)
	require.Equal(t, 5, n)
	buf := make([]byte, 16)
	n, err = peer.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "hello", string(buf[:n]))
	read := make(chan string)
	go func() {
		n, err := s.Read(buf) // which waits
		if err != nil {
			read <- err.Error()
		}
		read <- string(buf[:n])
	}()
	_, err = peer.Write([]byte("hi"))
	require.NoError(t, err)
	require.Equal(t, "hi", within(t, read))
	n, err = s.Read(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = s.Write(nil)
	require.NoError(t, err)
	require.Zero(t, n)
}

// Much more than the system takes at once is written as the other side reads.
func TestASocketWaitsUntilAllIsWritten(t *testing.T) {
	s, peer := quickPair(t)
	sent := bytes.Repeat([]byte("0123456789abcde"), 1<<20)
	got := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(peer)
		got <- all
	}()
	n, err := s.Write(sent)
	require.NoError(t, err)
	require.Len(t, sent, n)
	require.NoError(t, s.CloseWrite())
	require.True(t, bytes.Equal(sent, within(t, got)))
}

func TestTheEndsOfASocket(t *testing.T) {
	t.Run("ended", func(t *testing.T) {
		s, peer := quickPair(t)
		require.NoError(t, peer.Close())
		_, err := s.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	})
	t.Run("reset", func(t *testing.T) {
		s, peer := quickPair(t)
		require.NoError(t, peer.(*net.TCPConn).SetLinger(0))
		require.NoError(t, peer.Close())
		_, err := s.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.Equal(t, FailureReset, FailureOf(err))
		require.Equal(t, "read tcp "+s.LocalAddr().String()+"->"+s.RemoteAddr().String()+": read: connection reset by peer", err.Error())
		require.Eventually(t, func() bool { _, err = s.Write([]byte("x")); return err != nil }, 10*time.Second, time.Millisecond)
		require.ErrorIs(t, err, syscall.EPIPE)
		require.Equal(t, FailureReset, FailureOf(err))
	})
	t.Run("out of time", func(t *testing.T) {
		s, _ := quickPair(t)
		require.NoError(t, s.SetDeadline(time.Now().Add(time.Millisecond)))
		_, err := s.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, FailureSilent, FailureOf(err))
		n, err := s.Write(make([]byte, 64<<20)) // nobody reads
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Less(t, n, 64<<20)
	})
	t.Run("closed meanwhile", func(t *testing.T) {
		s, _ := quickPair(t)
		failed := make(chan error)
		go func() {
			_, err := s.Read(make([]byte, 1))
			failed <- err
		}()
		require.NoError(t, s.Close())
		err := within(t, failed)
		require.ErrorIs(t, err, net.ErrClosed)
		var op *net.OpError
		require.True(t, errors.As(err, &op))
		require.Equal(t, "read", op.Op)
		_, err = s.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestASocketAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates; the test runs without it")
	}
	s, peer := quickPair(t)
	x, buf := []byte("x"), make([]byte, 1)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = s.Write(x)
		_, _ = peer.Read(buf)
		_, _ = peer.Write(x)
		_, _ = s.Read(buf)
	}))
}

// Both ends of a link are sockets, with a key below TLS.
func TestLinksAreOfSockets(t *testing.T) {
	l, peer := loopback(t, nil)
	require.IsType(t, &socket{}, l.conn)
	require.IsType(t, &socket{}, peer.conn)
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	require.Equal(t, a, quick(a), "others stay as they are")
}
