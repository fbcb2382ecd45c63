package transport

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/loglimit"
	"github.com/gotribes/tribes/transport/memnet"
)

func withKeys(keys ...Key) func(*Config) { return func(c *Config) { c.Keys = keys } }

// refusal returns what a dial from a to b was refused for.
func refusal(t *testing.T, a, b *node) *RefusedError {
	t.Helper()
	_, err := a.Dial(t.Context(), b.address, ID{})
	r, ok := errors.AsType[*RefusedError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, FailureRejected, FailureOf(err))
	return r
}

func TestNothingCanBeReadOnTheWireWithAKey(t *testing.T) {
	words := []string{"secret-cluster", "secret-domain", "secret-property", "a:4000"}
	for _, keys := range [][]Key{nil, {NewKey()}} {
		bubble(t, func(t *testing.T, n *memnet.Network) {
			change := func(c *Config) {
				c.Keys, c.Cluster = keys, "secret-cluster"
				c.Domains = func() []Domain { return []Domain{{"secret-domain", RoleMember}} }
			}
			a, b := startNode(t, n, "a", change), startNode(t, n, "b", change)
			var wire bytes.Buffer
			n.Tap(func(_, _ string, p []byte) { wire.Write(p) })
			x, y := linked(t, a, b)
			require.NoError(t, x.Send([]byte("secret-property")))
			require.Equal(t, "secret-property", <-y.got)
			synctest.Wait()
			n.Tap(nil)
			for _, w := range words {
				require.Equal(t, keys == nil, bytes.Contains(wire.Bytes(), []byte(w)), "%s: without a key all is to be read", w)
			}
			require.Equal(t, "secret-domain", y.Peer().Domains[0].Name)
		})
	}
}

func TestAWrongKeyIsToldWithinTwoRoundTrips(t *testing.T) {
	const trip = 100 * time.Millisecond
	one, two := NewKey(), NewKey()
	for name, c := range map[string]struct {
		dialer, acceptor []Key
		trips            time.Duration // after the connect
		there            string        // in the log of the acceptor
	}{
		"the acceptor's is wrong": {[]Key{one}, []Key{two, one}, 1, "the dialer does not accept the key of this node"},
		"the dialer's is wrong": {[]Key{two, one}, []Key{one}, 2,
			"the dialer holds none of the keys of this node (fingerprints here: " + one.Fingerprint() + ")"},
		"both, which is the commonest way": {[]Key{two}, []Key{one}, 1, "the dialer does not accept the key of this node"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				a, b := startNode(t, n, "a", withKeys(c.dialer...)), startNode(t, n, "b", withKeys(c.acceptor...))
				n.Latency("a", "b", trip/2)
				for i := range 3 {
					began := time.Now()
					r := refusal(t, a, b)
					require.Equal(t, trip+c.trips*trip, time.Since(began), "the connect, and so many round trips")
					require.Equal(t, CodeKey, r.Code)
					require.Contains(t, r.Text, "key not accepted by b:4000", i)
					require.NotContains(t, r.Error(), "cluster")
				}
				_, err := a.Look(t.Context(), b.address, ID{})
				require.ErrorContains(t, err, "key not accepted by b:4000", "a look is not told more")
				time.Sleep(2 * lingerTime)
				synctest.Wait()
				require.Len(t, b.log.lines(), 1, "one line in ten seconds")
				require.Contains(t, b.log.lines()[0], c.there)
				require.Zero(t, b.Stats().Pending)
				require.Empty(t, b.links)
			})
		})
	}
}

func TestOneSideWithAKeyAndOneWithout(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		plain, secure := startNode(t, n, "a", nil), startNode(t, n, "b", withKeys(NewKey()))
		r := refusal(t, plain, secure)
		require.Equal(t, CodeKey, r.Code)
		require.ErrorContains(t, r, "no link with b:4000 (key): the other side wants a key")
		r = refusal(t, secure, plain)
		require.Equal(t, CodeKey, r.Code)
		require.ErrorContains(t, r, "key not accepted by a:4000: it has none itself and speaks in plain")
		synctest.Wait()
		require.Len(t, plain.log.lines(), 1)
		require.Contains(t, plain.log.lines()[0], "sent TLS, and this node has neither key nor certificate")
		require.Len(t, secure.log.lines(), 1)
		require.Contains(t, secure.log.lines()[0], "the dialer has no key and speaks in plain")
	})
}

func TestForeignersAtANodeWithAKey(t *testing.T) {
	for name, c := range map[string]struct {
		say, log string
		after    time.Duration
	}{
		"HTTP":                  {"GET / HTTP/1.1\r\n\r\n", `does not speak tribes: sent \"GET / HTTP/1.1\"`, 0},
		"half a record":         {"\x16\x03\x01\x02\x00\x01", "waiting for its TLS handshake", 5 * time.Second},
		"nothing":               {"", "waiting for its TLS handshake", 5 * time.Second},
		"a ClientHello of junk": {"\x16\x03\x01\x00\x08\x01\x00\x00\x04junk", "malformed", lingerTime},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				nd := startNode(t, n, "a", withKeys(NewKey()))
				conn := stranger(t, n, nd)
				_, err := conn.Write([]byte(c.say))
				require.NoError(t, err)
				began := time.Now()
				_, _ = closedAt(conn)
				time.Sleep(lingerTime)
				synctest.Wait()
				require.GreaterOrEqual(t, c.after+lingerTime, time.Since(began))
				require.Len(t, nd.log.lines(), 1)
				require.Contains(t, nd.log.lines()[0], c.log)
				require.Equal(t, EndpointStats{TurnedAway: 1}, nd.Stats())
			})
		})
	}
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd := startNode(t, n, "a", withKeys(NewKey()))
		require.NoError(t, stranger(t, n, nd).Close())
		synctest.Wait()
		require.Empty(t, nd.log.lines(), "a port check is no fault")
		require.Equal(t, EndpointStats{}, nd.Stats())
	})
}

// A node at whose address something else answers.
func TestANodeWithAKeyAmongForeigners(t *testing.T) {
	for name, say := range map[string]string{
		"SSH": "SSH-2.0-OpenSSH_9.9\r\n", "HTTP": "HTTP/1.1 400 Bad Request\r\n\r\n", "an alert of TLS 1.0": "\x15\x03\x01\x00\x02\x02\x46",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				a := startNode(t, n, "a", withKeys(NewKey()))
				ln, err := n.Listen("w:4000")
				require.NoError(t, err)
				defer ln.Close()
				go func() {
					conn, err := ln.Accept()
					if err == nil {
						_, _ = conn.Write([]byte(say))
						time.Sleep(time.Second)
						_ = conn.Close()
					}
				}()
				_, err = a.Dial(t.Context(), "w:4000", ID{})
				time.Sleep(2 * time.Second)
				require.ErrorContains(t, err, "w:4000")
				if say[0] != 0x15 {
					require.Equal(t, FailureMalformed, FailureOf(err))
					require.ErrorContains(t, err, "does not speak tribes")
				}
			})
		})
	}
}

// The public half of a key is shown to whoever connects. It is of no use alone.
func TestACopiedCertificateIsNotEnough(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd := startNode(t, n, "a", withKeys(NewKey()))
		var copied [][]byte
		_, own, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)
		for range 2 {
			conn := stranger(t, n, nd)
			tc := tls.Client(conn, &tls.Config{
				InsecureSkipVerify: true, NextProtos: []string{applicationProtocol},
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					return &tls.Certificate{Certificate: copied, PrivateKey: own}, nil
				},
			})
			err = tc.Handshake()
			if err == nil {
				_, err = tc.Read(make([]byte, 1))
			}
			require.Error(t, err)
			if len(tc.ConnectionState().PeerCertificates) > 0 {
				copied = [][]byte{tc.ConnectionState().PeerCertificates[0].Raw}
			}
			time.Sleep(loglimit.Period)
		}
		require.NotEmpty(t, copied, "a stranger gets to see it")
		require.Empty(t, nd.links)
		require.Equal(t, uint64(2), nd.Stats().TurnedAway)
		lines := nd.log.lines()
		require.Len(t, lines, 2)
		require.Contains(t, lines[1], "invalid signature by the client certificate")
	})
}

// Who holds a key that both sides accept, and stands between them, can end the
// TLS of either side; but what they sign is good for one connection only.
func TestAProofCannotBeRelayed(t *testing.T) {
	shared := NewKey()
	for _, bound := range []bool{true, false} {
		bubble(t, func(t *testing.T, n *memnet.Network) {
			b := startNode(t, n, "b", withKeys(shared))
			between, err := New(Config{Cluster: "test", Keys: []Key{shared}})
			require.NoError(t, err)
			defer between.Close()
			dialer, err := New(Config{Cluster: "test", Keys: []Key{shared}})
			require.NoError(t, err)
			defer dialer.Close()

			near, far := secured(t, n, dialer, between)
			conn, err := n.Host("m").DialContext(t.Context(), "tcp", b.address)
			require.NoError(t, err)
			onward, err := between.wrap(conn, true, b.address)
			require.NoError(t, err)
			relay(t, far.conn, onward.conn)
			require.NotEqual(t, far.binding, onward.binding)
			if !bound {
				near.binding = onward.binding // as if nothing tied a proof to its connection
			}
			h := newHandshake(dialer, near, "m")
			err = h.dial(PurposeLink, ID{})
			require.Equal(t, bound, err != nil)
			if bound {
				require.ErrorContains(t, err, "does not hold the key of the ID that it claims")
			}
			synctest.Wait()
			_ = near.conn.Close()
			_ = onward.conn.Close()
			_ = far.conn.Close()
		})
	}
}

// secured returns both ends of a connection inside TLS between two endpoints.
func secured(t *testing.T, n *memnet.Network, dialer, acceptor *Endpoint) (near, far *channel) {
	t.Helper()
	ln, err := n.Listen("m:5000")
	require.NoError(t, err)
	defer ln.Close()
	got := make(chan *channel, 1)
	go func() {
		conn, _ := ln.Accept()
		c, _ := acceptor.wrap(conn, false, "d")
		got <- c
	}()
	conn, err := n.Host("d").DialContext(t.Context(), "tcp", "m:5000")
	require.NoError(t, err)
	near, err = dialer.wrap(conn, true, "m:5000")
	require.NoError(t, err)
	far = <-got
	require.NotNil(t, far)
	require.Equal(t, near.binding, far.binding, "both ends derive the same")
	require.Len(t, near.binding, 32)
	return near, far
}

// relay copies both directions until either ends.
func relay(t *testing.T, a, b net.Conn) {
	t.Helper()
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		go func() {
			buf := make([]byte, 4096)
			for {
				n, err := way[0].Read(buf)
				if err != nil {
					return
				}
				if _, err := way[1].Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

func TestMoreThanAHandshakeNeedsIsNotRead(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd := startNode(t, n, "a", withKeys(NewKey()))
		conn := stranger(t, n, nd)
		// A handshake message of 60,000 bytes in records of 16 bytes each.
		record := append([]byte{22, 3, 1, 0, 16}, make([]byte, 16)...)
		sent := 0
		go func() {
			first := bytes.Clone(record)
			copy(first[5:], []byte{1, 0, 0xea, 0x60})
			_, _ = conn.Write(first)
			for {
				k, err := conn.Write(record)
				sent += k
				if err != nil {
					return
				}
			}
		}()
		_, _ = closedAt(conn)
		_ = conn.Close()
		synctest.Wait()
		require.Len(t, nd.log.lines(), 1)
		require.Contains(t, nd.log.lines()[0], "more than 65536 bytes before the end of the handshake")
		require.Less(t, sent, MaxHandshakeBytes+2*memnet.Window)
	})
}

func TestALinkWithAKeyCarriesMoreThanAHandshakeMay(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		k := NewKey()
		a, b := startNode(t, n, "a", withKeys(k)), startNode(t, n, "b", withKeys(k))
		x, y := linked(t, a, b)
		big := strings.Repeat("x", MaxFrame)
		require.NoError(t, x.Send([]byte(big)))
		require.NoError(t, y.Send([]byte(big)))
		require.Equal(t, big, <-y.got)
		require.Equal(t, big, <-x.got)
		x.CloseAfterFlush(nil)
		require.Equal(t, FailureReset, FailureOf(<-y.down), "the end is an end, as without a key")
		require.ErrorIs(t, <-x.down, ErrClosed)
	})
}

func TestClosingALinkWithAKeyDoesNotWaitForThePeer(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		k := NewKey()
		a := startNode(t, n, "a", func(c *Config) { c.Keys, c.QueueBytes = []Key{k}, 100<<10 })
		b := startNode(t, n, "b", withKeys(k))
		x, y := linked(t, a, b)
		n.Stall("b", true) // takes nothing any more
		began := time.Now()
		var err error
		for err == nil {
			err = x.Send(make([]byte, 50<<10))
			synctest.Wait()
		}
		require.ErrorIs(t, err, ErrSlowPeer)
		require.Zero(t, time.Since(began), "crypto/tls would try for 5 s to say goodbye")
		require.ErrorIs(t, <-x.down, ErrSlowPeer)
		n.Stall("b", false)
		<-y.down
	})
}

func TestBytesChangedOnTheWayEndTheLink(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		k := NewKey()
		a, b := startNode(t, n, "a", withKeys(k)), startNode(t, n, "b", withKeys(k))
		x, y := linked(t, a, b)
		// A frame that the network puts in: below TLS, it is noise.
		raw := x.conn.(*secureConn).raw
		_, err := raw.Conn.Write([]byte{23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
		require.NoError(t, err)
		require.Equal(t, FailureMalformed, FailureOf(<-y.down))
		require.Equal(t, FailureMalformed, FailureOf(<-x.down), "it is told so")
		require.Empty(t, y.got)
	})
}
