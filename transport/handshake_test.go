package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport/memnet"
	"github.com/stretchr/testify/require"
)

func TestTwoNodesLink(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a := startNode(t, n, "a", func(c *Config) { c.HeartbeatInterval, c.Birth = 200*time.Millisecond, Birth{} })
		b := startNode(t, n, "b", nil)
		l, err := a.Dial(t.Context(), b.address, b.ID())
		require.NoError(t, err)
		m := <-b.links

		require.True(t, l.Dialed())
		require.False(t, m.Dialed())
		require.Equal(t, b.ID(), l.Peer().ID)
		require.Equal(t, a.ID(), m.Peer().ID)
		require.Equal(t, IDOf(m.Peer().PublicKey, Birth{}), m.Peer().ID)
		require.Equal(t, IDOf(l.Peer().PublicKey, birthOf("b")), l.Peer().ID)
		require.Equal(t, b.ID(), m.Peer().Expect)
		require.Equal(t, "a:4000", m.Peer().Advertise)
		require.Equal(t, "test", m.Peer().Cluster)
		require.Equal(t, PurposeLink, m.Peer().Purpose)
		require.Equal(t, []Domain{{"shop", RoleMember}, {"mail", RoleManager}}, m.Peer().Domains)
		require.Equal(t, 3*time.Second, m.Peer().DropTime)
		require.Equal(t, uint16(1), l.Version())
		require.Equal(t, 200*time.Millisecond, l.Heartbeat(), "the shorter of both intervals")
		require.Equal(t, 200*time.Millisecond, m.Heartbeat())
		require.Equal(t, b.address, l.RemoteAddr().String())
		require.NotEqual(t, l.Peer().Nonce, m.Peer().Nonce)

		x, y := start(l), start(m)
		require.NoError(t, x.Send([]byte("from the dialer")))
		require.NoError(t, y.Send([]byte("from the acceptor")))
		require.Equal(t, "from the acceptor", <-x.got)
		require.Equal(t, "from the dialer", <-y.got)
		require.Empty(t, b.log.lines())
	})
}

func TestALookTellsWhoAnswersAndLeavesNothingBehind(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		h, err := a.Look(t.Context(), b.address, ID{7})
		require.NoError(t, err)
		require.Equal(t, b.ID(), h.ID)
		require.Equal(t, PurposeLook, h.Purpose)
		synctest.Wait()
		require.Empty(t, b.links, "no link comes of a look")
		require.Equal(t, EndpointStats{}, b.Stats())
		require.Empty(t, b.log.lines())
	})
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		code   Code
		says   string
	}{
		"another cluster": {func(c *Config) { c.Cluster = "live" }, CodeCluster,
			`no link with b:4000 (cluster): b:4000 belongs to cluster "live", the other side to "test"`},
		"it beats too seldom": {func(c *Config) { c.HeartbeatInterval, c.DropTime = time.Second, 10*time.Second }, CodeSettings,
			"drop time 3s of the other side is under 4 times the heartbeat interval 1s of b:4000"},
		"it drops too soon": {func(c *Config) { c.HeartbeatInterval, c.DropTime = 100*time.Millisecond, time.Second }, CodeSettings,
			"drop time 1s of b:4000 is under 4 times the heartbeat interval 500ms of the other side"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				a := startNode(t, n, "a", nil)
				b := startNode(t, n, "b", c.change)
				_, dialErr := a.Dial(t.Context(), b.address, ID{})
				_, lookErr := a.Look(t.Context(), b.address, ID{})
				for _, err := range []error{dialErr, lookErr} {
					r, ok := errors.AsType[*RefusedError](err)
					require.True(t, ok, "%v", err)
					require.Equal(t, c.code, r.Code)
					require.ErrorContains(t, err, c.says)
					require.Equal(t, FailureRejected, FailureOf(err))
				}
				synctest.Wait()
				require.Len(t, b.log.lines(), 1, "the second line within ten seconds is left out")
				require.Contains(t, b.log.lines()[0], "connection turned away")
				require.Equal(t, uint64(2), b.Stats().TurnedAway)
				require.Zero(t, b.Stats().Pending)
			})
		})
	}
}

func TestARefusalArrivesThoughTheDialerKeepsTalking(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		b := startNode(t, n, "b", nil)
		n.Latency("s", "b", 10*time.Millisecond)
		conn := stranger(t, n, b)
		hello := framed(helloWith(func(e *wire.Encoder) { e.Map(0) }))
		for range 6 { // the later ones are under way when the refusal is sent
			_, err := conn.Write(hello)
			require.NoError(t, err)
			time.Sleep(5 * time.Millisecond)
		}
		payload, err := handshakeReader(conn).next()
		require.NoError(t, err)
		require.Contains(t, string(payload), "hello without its first word")
	})
}

func TestANodeRecognisesItself(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a := startNode(t, n, "a", nil)
		_, err := a.Dial(t.Context(), a.address, ID{})
		r, ok := errors.AsType[*RefusedError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, CodeSelf, r.Code)
	})
}

func TestTheHighestCommonVersionIsAgreed(t *testing.T) {
	for _, c := range []struct {
		aMin, aMax, bMin, bMax, want uint16
		code                         Code
	}{
		{1, 3, 2, 5, 3, 0},
		{1, 1, 1, 9, 1, 0},
		{1, 2, 3, 4, 0, CodeVersion},
		{3, 4, 1, 2, 0, CodeVersion},
		{0, 4, 1, 2, 0, CodeMalformed},
		{3, 2, 1, 2, 0, CodeMalformed},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
				a.minVersion, a.maxVersion = c.aMin, c.aMax
				b.minVersion, b.maxVersion = c.bMin, c.bMax
				l, err := a.Dial(t.Context(), b.address, ID{})
				if c.code == 0 {
					require.NoError(t, err)
					require.Equal(t, c.want, l.Version())
					require.Equal(t, c.want, (<-b.links).Version())
					return
				}
				r, ok := errors.AsType[*RefusedError](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, c.code, r.Code)
			})
		})
	}
}

// The same checks must hold when the other side does not make them.
func TestTheDialerChecksTheAcceptorItself(t *testing.T) {
	good := Hello{MinVersion: 1, MaxVersion: 1, HeartbeatInterval: time.Second, DropTime: 4 * time.Second, Purpose: PurposeLink}
	self, peer := good, good
	self.PublicKey, peer.PublicKey = make([]byte, 32), append(make([]byte, 31), 1)
	self.ID, peer.ID = IDOf(self.PublicKey, Birth{}), IDOf(peer.PublicKey, Birth{})
	v, err := checkPeer(&self, &peer, "x")
	require.NoError(t, err)
	require.Equal(t, uint16(1), v)
	for name, c := range map[string]struct {
		change func(*Hello)
		code   Code
	}{
		"key":                 {func(h *Hello) { h.PublicKey = self.PublicKey }, CodeMalformed},
		"birth":               {func(h *Hello) { h.Birth = Birth{1} }, CodeMalformed},
		"purpose":             {func(h *Hello) { h.Purpose = 9 }, CodeMalformed},
		"no heartbeat":        {func(h *Hello) { h.HeartbeatInterval = 0 }, CodeSettings},
		"negative heartbeat":  {func(h *Hello) { h.HeartbeatInterval = -1 << 63 }, CodeSettings},
		"monstrous heartbeat": {func(h *Hello) { h.HeartbeatInterval = 1<<63 - 1 }, CodeSettings},
		"monstrous drop time": {func(h *Hello) { h.DropTime = 1<<63 - 1 }, CodeSettings},
		"negative drop time":  {func(h *Hello) { h.DropTime = -1 }, CodeSettings},
		"cluster":             {func(h *Hello) { h.Cluster = "x" }, CodeCluster},
	} {
		p := peer
		c.change(&p)
		_, err := checkPeer(&self, &p, "x")
		r, ok := errors.AsType[*RefusedError](err)
		require.True(t, ok, "%s: %v", name, err)
		require.Equal(t, c.code, r.Code, name)
	}
}

// answerWith makes host:4000 answer one connection by f.
func answerWith(t *testing.T, n *memnet.Network, host string, f func(net.Conn)) string {
	t.Helper()
	ln, err := n.Listen(host + ":4000")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			f(conn)
			_ = conn.Close()
		}
	}()
	return host + ":4000"
}

func TestWhatElseMayAnswerADial(t *testing.T) {
	readHello := func(conn net.Conn) []byte {
		p, _ := handshakeReader(conn).next()
		return append([]byte(nil), p...)
	}
	for name, c := range map[string]struct {
		answer  func(net.Conn)
		failure Failure
		says    string
	}{
		"a web server": {func(c net.Conn) { readHello(c); fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n") },
			FailureMalformed, `address x:4000 does not speak tribes: got "HTTP/1.1 400 Bad Request"`},
		"one that wants TLS": {func(c net.Conn) { readHello(c); c.Write([]byte{0x15, 3, 1, 0, 2, 2, 70}) },
			FailureMalformed, "address x:4000 does not speak tribes: got TLS"},
		"a frame of nonsense": {func(c net.Conn) { readHello(c); c.Write(framed([]byte("nonsense"))) },
			FailureMalformed, "address x:4000 does not speak tribes"},
		"a welcome without a hello": {func(c net.Conn) { readHello(c); c.Write(framed(encodeWelcome(nil, nil))) },
			FailureMalformed, "address x:4000 does not speak tribes: hello"},
		"half a refusal": {func(c net.Conn) { readHello(c); c.Write(framed(encodeRefusal(CodeBusy, "x")[:3])) },
			FailureMalformed, "address x:4000 does not speak tribes"},
		"a refusal of a later version": {func(c net.Conn) { readHello(c); c.Write(framed(encodeRefusal(77, "no\n\x1b[2J"))) },
			FailureRejected, "no link with x:4000 (code(77)): no??[2J"},
		"one that closes": {func(c net.Conn) { readHello(c) },
			FailureReset, "address x:4000 closed the connection before the handshake ended"},
		"one that resets": {func(c net.Conn) {}, FailureReset, "x:4000"},
		"one that is silent": {func(c net.Conn) { readHello(c); c.Read(make([]byte, 1)) },
			FailureSilent, "address x:4000: connected, but no complete handshake in time"},
		"my own hello": {func(c net.Conn) { c.Write(framed(encodeWelcome(readHello(c), make([]byte, 64)))) },
			FailureMalformed, "it does not hold the key of the ID that it claims"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				a := startNode(t, n, "a", nil)
				x := answerWith(t, n, "x", c.answer)
				begin := time.Now()
				_, err := a.Dial(t.Context(), x, ID{})
				require.ErrorContains(t, err, c.says)
				require.Equal(t, c.failure, FailureOf(err), "%v", err)
				require.LessOrEqual(t, time.Since(begin), 5*time.Second)
				_, err = a.Look(t.Context(), x, ID{})
				require.Equal(t, c.failure, FailureOf(err), "%v", err)
			})
		})
	}
}

func TestDialsThatReachNobody(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a := startNode(t, n, "a", nil)
		b := startNode(t, n, "b", nil)
		_, err := a.Dial(t.Context(), "c:4000", ID{})
		require.Equal(t, FailureRefused, FailureOf(err), "%v", err)

		n.Cut("a", "b")
		begin := time.Now()
		_, err = a.Dial(t.Context(), b.address, ID{})
		require.ErrorContains(t, err, "address b:4000: no connection in time")
		require.Equal(t, FailureSilent, FailureOf(err))
		require.Equal(t, 5*time.Second, time.Since(begin))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = a.Dial(ctx, b.address, ID{})
		require.Equal(t, FailureSilent, FailureOf(err))
		require.Equal(t, 6*time.Second, time.Since(begin))

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = a.Dial(ctx, b.address, ID{})
		require.Equal(t, FailureClosed, FailureOf(err))

		time.AfterFunc(time.Second, func() { _ = a.Close() })
		_, err = a.Dial(t.Context(), b.address, ID{})
		require.ErrorIs(t, err, ErrClosed)
		_, err = a.Look(t.Context(), b.address, ID{})
		require.ErrorIs(t, err, ErrClosed)
	})
}

func TestOwnDomainsThatDoNotFitAreALocalFailure(t *testing.T) {
	for name, c := range map[string]struct {
		domains []Domain
		says    string
	}{
		"too many":    {make([]Domain, 257), "257 domains, at most 256"},
		"nameless":    {make([]Domain, 1), `name ""`},
		"not UTF-8":   {[]Domain{{"\xff", 1}}, "UTF-8"},
		"together":    {manyDomains(200, 200), "fewer than 200 domains"},
		"a long name": {manyDomains(1, 256), "1 to 255 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				a := startNode(t, n, "a", func(cfg *Config) { cfg.Domains = func() []Domain { return c.domains } })
				b := startNode(t, n, "b", nil)
				_, err := a.Dial(t.Context(), b.address, ID{})
				require.ErrorContains(t, err, c.says)
				require.Equal(t, FailureLocal, FailureOf(err))
				_, err = b.Dial(t.Context(), a.address, ID{})
				require.Equal(t, FailureReset, FailureOf(err))
				synctest.Wait() // the line is written once the connection is closed
				require.Len(t, a.log.lines(), 1)
			})
		})
	}
}

func manyDomains(n, size int) []Domain {
	all := make([]Domain, n)
	for i := range all {
		all[i] = Domain{strings.Repeat("d", size), RoleMember}
	}
	return all
}
