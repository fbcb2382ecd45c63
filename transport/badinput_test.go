package transport

import (
	"bytes"
	"encoding/binary"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gotribes/tribes/internal/loglimit"
	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport/memnet"
	"github.com/stretchr/testify/require"
)

// stranger connects to nd from host s without any manners.
func stranger(t *testing.T, n *memnet.Network, nd *node) net.Conn {
	t.Helper()
	conn, err := n.Host("s").DialContext(t.Context(), "tcp", nd.address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// closedAt returns when the other side ended conn, counted from now, and what
// it sent before.
func closedAt(conn net.Conn) (time.Duration, []byte) {
	begin := time.Now()
	var got bytes.Buffer
	_, _ = got.ReadFrom(conn)
	return time.Since(begin), got.Bytes()
}

// helloWith encodes a hello whose fields f may replace.
func helloWith(f func(e *wire.Encoder)) []byte {
	var e wire.Encoder
	e.Uint(kindHello)
	f(&e)
	return e.Bytes()
}

func TestBadInputClosesTheConnection(t *testing.T) {
	for name, c := range map[string]struct {
		say   []byte
		after time.Duration // until the connection is closed
		log   string        // reason in the log, empty for none
	}{
		"garbage":                       {[]byte("\x00\x00\x00\x05garbage and more of it"), 0, "malformed message"},
		"an HTTP request":               {[]byte("GET / HTTP/1.1\r\n\r\n"), 0, `does not speak tribes: sent \"GET / HTTP/1.1\"`},
		"a TLS client hello":            {[]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}, 0, "does not speak tribes: sent TLS"},
		"a frame of 1 GiB":              {binary.BigEndian.AppendUint32(nil, 1<<30), 0, "does not speak tribes"},
		"a frame of nothing":            {make([]byte, 4), 0, "does not speak tribes"},
		"a frame for after a handshake": {binary.BigEndian.AppendUint32(nil, MaxHandshakeFrame+1), 0, "does not speak tribes"},
		"half a frame, then silence":    {[]byte{0, 0, 0, 9, 1, 2}, 5 * time.Second, "waiting for its hello"},
		"nothing at all":                {nil, 5 * time.Second, "waiting for its hello"},
		"deep nesting": {framed(helloWith(func(e *wire.Encoder) {
			e.Raw(append([]byte{0x81, 99}, bytes.Repeat([]byte{0x91}, 15000)...))
		})), 0, "malformed"},
		"a map of 4 Gi pairs": {framed(helloWith(func(e *wire.Encoder) {
			e.Raw([]byte{0xdf, 255, 255, 255, 255})
		})), 0, "malformed"},
		"a string of 4 GiB": {framed(helloWith(func(e *wire.Encoder) {
			e.Map(1)
			e.Uint(helloCluster)
			e.Raw([]byte{0xdb, 255, 255, 255, 255})
		})), 0, "malformed"},
		"domains by the million": {framed(helloWith(func(e *wire.Encoder) {
			e.Map(1)
			e.Uint(helloDomains)
			e.Raw([]byte{0xdd, 0, 15, 255, 255})
		})), 0, "malformed"},
		"an empty hello": {framed(helloWith(func(e *wire.Encoder) { e.Map(0) })), 0, "malformed"},
		"another kind":   {framed(encodeOpen(make([]byte, 64))), 0, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				nd := startNode(t, n, "a", nil)
				conn := stranger(t, n, nd)
				_, err := conn.Write(c.say)
				require.NoError(t, err)
				after, _ := closedAt(conn)
				require.Equal(t, c.after, after)
				_ = conn.Close()
				synctest.Wait()
				require.Len(t, nd.log.lines(), 1)
				require.Contains(t, nd.log.lines()[0], c.log)
				require.Empty(t, nd.links)
				require.Equal(t, EndpointStats{TurnedAway: 1}, nd.Stats())
			})
		})
	}
}

func TestAPortCheckIsNoFault(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd := startNode(t, n, "a", nil)
		require.NoError(t, stranger(t, n, nd).Close())
		synctest.Wait()
		require.Empty(t, nd.log.lines())
		require.Equal(t, EndpointStats{}, nd.Stats())
	})
}

func TestAByteASecondIsCutOffWhenTheHandshakesTimeIsOver(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd := startNode(t, n, "a", nil)
		conn := stranger(t, n, nd)
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			for _, c := range append([]byte{0, 0, 40, 0}, make([]byte, 100)...) {
				if _, err := conn.Write([]byte{c}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		after, _ := closedAt(conn)
		require.Equal(t, 5*time.Second, after)
	})
}

// impostor does a dialer's handshake by hand, as far as the caller wants to.
func impostor(t *testing.T, conn net.Conn) *handshake {
	t.Helper()
	e, err := New(Config{Cluster: "test"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return newHandshake(e, &channel{conn: conn}, "victim")
}

func TestClaimsWithoutProof(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		var recorded [][]byte // what b writes when it links with a
		n.Tap(func(from, to string, p []byte) {
			if to == nd.address {
				recorded = append(recorded, bytes.Clone(p))
			}
		})
		l, err := b.Dial(t.Context(), nd.address, ID{})
		require.NoError(t, err)
		defer l.Close()
		<-nd.links
		synctest.Wait()
		n.Tap(nil)
		require.Len(t, recorded, 2, "a hello and a proof")

		refusedAfter := func(say func(conn net.Conn)) string {
			conn := stranger(t, n, nd)
			say(conn)
			require.NoError(t, conn.(*memnet.Conn).CloseWrite())
			_, got := closedAt(conn)
			return string(got)
		}
		require.Contains(t, refusedAfter(func(conn net.Conn) {
			for _, p := range recorded {
				_, err := conn.Write(p)
				require.NoError(t, err)
			}
		}), "no proof of the key", "a recorded handshake")

		require.Contains(t, refusedAfter(func(conn net.Conn) {
			h := impostor(t, conn)
			hello, err := h.hello(PurposeLink, ID{})
			require.NoError(t, err)
			require.NoError(t, h.write(hello))
			h.dialed = [32]byte{}
			_, err = h.readWelcome()
			require.NoError(t, err)
			require.NoError(t, h.write(encodeOpen(h.prove(dialerProof))))
		}), "no proof of the key", "a proof over something else")

		require.Contains(t, refusedAfter(func(conn net.Conn) {
			h := impostor(t, conn)
			_, err := h.hello(PurposeLink, ID{})
			require.NoError(t, err)
			h.self.ID = b.ID()
			hello, err := h.self.encode()
			require.NoError(t, err)
			require.NoError(t, h.write(hello))
		}), "does not belong to the key", "the ID of another")

		synctest.Wait()
		require.Empty(t, nd.links)
		require.Len(t, nd.log.lines(), 1, "three faults of one host within ten seconds are one line")
		time.Sleep(loglimit.Period)
		_, err = stranger(t, n, nd).Write([]byte("GET / HTTP/1.0"))
		require.NoError(t, err)
		synctest.Wait()
		require.Len(t, nd.log.lines(), 2)
		require.Contains(t, nd.log.lines()[1], "not_logged_before=2")
	})
}

func TestALookCannotBecomeALink(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd := startNode(t, n, "a", nil)
		conn := stranger(t, n, nd)
		h := impostor(t, conn)
		require.NoError(t, h.dial(PurposeLook, ID{}))
		require.NoError(t, h.write(encodeOpen(h.prove(dialerProof))))
		time.Sleep(lingerTime)
		synctest.Wait()
		require.Empty(t, nd.links)
		require.Len(t, nd.log.lines(), 1)
	})
}

func TestManyBadPeersCostLittleMemory(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd := startNode(t, n, "a", func(c *Config) { c.MaxPendingPerHost, c.HostRate = -1, -1 })
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range 300 {
			conn := stranger(t, n, nd)
			say := binary.BigEndian.AppendUint32(nil, MaxHandshakeFrame)
			if i%2 == 0 {
				say = append(say, make([]byte, 1000)...)
			}
			_, err := conn.Write(say)
			if err != nil {
				break
			}
		}
		synctest.Wait()
		runtime.GC()
		runtime.ReadMemStats(&after)
		stats := nd.Stats()
		require.Equal(t, 256, stats.Pending)
		require.Equal(t, uint64(44), stats.Crowded)
		require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(16<<20))
		require.Len(t, nd.log.lines(), 1)
		require.Contains(t, nd.log.lines()[0], "too many handshakes at once")

		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Zero(t, nd.Stats().Pending, "all are cut off when their time is over")
	})
}

func TestALinkedPeersBadFramesTakeTheLinkDown(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		x, y := linked(t, a, b)
		_, err := x.conn.Write(binary.BigEndian.AppendUint32(nil, 1<<30))
		require.NoError(t, err)
		err = <-y.down
		require.Equal(t, FailureMalformed, FailureOf(err))
		require.ErrorContains(t, err, "frame of 1073741824 bytes, 1 to 1048576 allowed")
		require.Equal(t, FailureReset, FailureOf(<-x.down))
	})
}

// FuzzHandshake lets data be the other side of a dial and of an accept.
func FuzzHandshake(f *testing.F) {
	e, err := New(Config{Cluster: "test"})
	if err != nil {
		f.Fatal(err)
	}
	h := newHandshake(e, &channel{}, "x")
	hello, err := h.hello(PurposeLink, ID{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(framed(hello))
	f.Add(framed(hello, encodeOpen(make([]byte, 64))))
	f.Add(framed(encodeWelcome(hello, make([]byte, 64))))
	f.Add(framed(encodeRefusal(CodeBusy, "later")))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Add(framed(helloWith(func(e *wire.Encoder) {
		e.Map(1)
		e.Uint(helloDomains)
		e.Array(1)
		e.Array(2)
		e.String("d")
		e.Uint(1)
	})))
	f.Fuzz(func(t *testing.T, data []byte) {
		node, err := New(Config{Cluster: "test"})
		require.NoError(t, err)
		defer node.Close()
		for _, side := range []func(*handshake) error{
			(*handshake).accept,
			func(h *handshake) error { return h.dial(PurposeLink, ID{}) },
		} {
			conn := &tape{Reader: bytes.NewReader(data)}
			err := side(newHandshake(node, &channel{conn: conn}, "x"))
			require.Error(t, err, "nobody can prove a key without knowing the nonce")
			require.NotEmpty(t, FailureOf(err).String())
			require.False(t, strings.ContainsRune(reason(err), '\x1b'), "nothing for the terminal to act upon")
			require.LessOrEqual(t, len(data)-conn.Len(), MaxHandshakeFrame+headerSize)
		}
	})
}

// tape is a connection whose other side was recorded.
type tape struct {
	net.Conn
	*bytes.Reader
}

func (c *tape) Read(p []byte) (int, error)      { return c.Reader.Read(p) }
func (c *tape) Write(p []byte) (int, error)     { return len(p), nil }
func (c *tape) RemoteAddr() net.Addr            { return memnet.Addr{} }
func (c *tape) SetReadDeadline(time.Time) error { return nil }
