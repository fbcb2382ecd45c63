package transport

import (
	"crypto/sha256"
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
)

// liar accepts at x:4000 with the certificate for that host, and advertises the
// address of another one, or what change makes of its hello.
func liar(t *testing.T, n *memnet.Network, ca *authority, change func(h *Hello)) string {
	t.Helper()
	own := &atomic.Pointer[tls.Certificate]{}
	own.Store(ca.sign(time.Hour, "x"))
	e, err := New(Config{Cluster: "test", Advertise: "c:4000", TLS: ca.config(own)})
	require.NoError(t, err)
	ln, err := n.Listen("x:4000")
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = ln.Close(), e.Close() })
	go func() {
		for conn, err := ln.Accept(); err == nil; conn, err = ln.Accept() {
			_ = lie(e, conn, change)
			_ = conn.Close()
		}
	}()
	return "x:4000"
}

// lie does the acceptor's side of a handshake up to the dialer's proof.
func lie(e *Endpoint, conn net.Conn, change func(h *Hello)) error {
	ch, err := e.wrap(conn, false, "a:4000")
	if err != nil {
		return err
	}
	h := newHandshake(e, ch, "a:4000")
	payload, err := h.frames.next()
	if err != nil {
		return err
	}
	h.dialed = sha256.Sum256(payload)
	if h.peer, err = decodeHello(payload); err != nil {
		return err
	}
	if _, err = h.hello(h.peer.Purpose, h.peer.ID); err != nil {
		return err
	}
	change(&h.self)
	hello, err := h.self.encode()
	if err != nil {
		return err
	}
	h.accepted = sha256.Sum256(hello)
	if err := h.write(encodeWelcome(hello, h.prove(acceptorProof))); err != nil {
		return err
	}
	_, err = h.frames.next()
	return err
}

// The rules for those who only ask hold for diallers alone: whoever is dialled
// cannot get rid of its certificate's address, nor of settings that do not
// agree, by claiming to ask.
func TestWhoIsDialledCannotClaimToAsk(t *testing.T) {
	link := func(t *testing.T, a *node, address string) error {
		_, err := a.Dial(t.Context(), address, ID{})
		return err
	}
	look := func(t *testing.T, a *node, address string) error {
		_, err := a.Look(t.Context(), address, ID{})
		return err
	}
	ask := func(t *testing.T, a *node, address string) error {
		_, err := a.Ask(t.Context(), address)
		return err
	}
	asker := func(h *Hello) { h.Purpose, h.Advertise = PurposeAsk, "" }
	for name, c := range map[string]struct {
		dial func(t *testing.T, a *node, address string) error
		lie  func(h *Hello)
		says string
	}{
		"a link to one with another's address": {link, func(*Hello) {}, "certificate not valid for the advertised address c:4000"},
		"a link to one that claims to ask":     {link, asker, "(malformed): it was dialled for purpose 1 and answers"},
		"a look at one that claims to ask":     {look, asker, "(malformed): it was dialled for purpose 2 and answers"},
		"a link to one that claims to look":    {link, func(h *Hello) { h.Purpose = PurposeLook }, "dialled for purpose 1"},
		"a link to one without an address":     {link, func(h *Hello) { h.Advertise = "" }, "(key): certificate not valid"},
		"a question to one without an address": {ask, asker, "(key): certificate not valid"},
		"a link to one with settings that do not agree": {link, func(h *Hello) {
			h.Purpose, h.Advertise, h.HeartbeatInterval = PurposeAsk, "x:4000", time.Hour
		}, "(malformed)"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				ca := newAuthority(t)
				a, _ := certified(t, n, ca, "a", ca.sign(time.Hour, "a"))
				err := c.dial(t, a, liar(t, n, ca, c.lie))
				require.ErrorContains(t, err, c.says)
				require.Contains(t, []Failure{FailureRejected, FailureMalformed}, FailureOf(err))
			})
		})
	}
}

// Who asks has no address that its certificate could be for, and is given to
// nobody but Asked.
func TestWhoAsksWithACertificateNeverBecomesALink(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		ca := newAuthority(t)
		own := &atomic.Pointer[tls.Certificate]{}
		own.Store(ca.sign(time.Hour, "operator"))
		nameless := func(c *Config) { c.TLS, c.Advertise = ca.config(own), "" }
		a := startNode(t, n, "a", nameless)
		shown := &atomic.Pointer[tls.Certificate]{}
		shown.Store(ca.sign(time.Hour, "b", "deaf"))
		bound := func(c *Config) { c.TLS, c.Bind = ca.config(shown), BindAddress }
		b, asked := startAsked(t, n, "b", bound)
		deaf := startNode(t, n, "deaf", bound)

		l, err := a.Ask(t.Context(), b.address)
		require.NoError(t, err)
		require.Equal(t, PurposeAsk, l.Peer().Purpose)
		_, theirs := start(l), start(<-asked)
		require.Equal(t, PurposeAsk, theirs.Peer().Purpose)
		_, err = a.Dial(t.Context(), b.address, ID{})
		require.ErrorContains(t, err, "(key): certificate not valid", "an address is wanted for a link")
		_, err = a.Ask(t.Context(), deaf.address)
		require.ErrorContains(t, err, "(malformed): unknown purpose 3")
		liar := startNode(t, n, "l", func(c *Config) { c.TLS = ca.config(own) })
		_, err = liar.Ask(t.Context(), b.address)
		require.ErrorContains(t, err, "(key): certificate not valid", "an address that it gives must be its own")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Empty(t, asked)
		require.Empty(t, b.links)
		require.Empty(t, deaf.links)
	})
}
