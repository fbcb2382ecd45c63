package tribes

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

func TestBadSettingsAreNamed(t *testing.T) {
	good := func() Config { return Config{Advertise: at(1), Peers: peersAt(2)} }
	for _, c := range []struct {
		field  string
		change func(c *Config)
	}{
		{"Config.Mode", func(c *Config) { c.Mode = 3 }},
		{"Config.Coordinator", func(c *Config) { c.Coordinator = 3 }},
		{"Config.Advertise", func(c *Config) { c.Advertise = "" }},
		{"Config.Advertise", func(c *Config) { c.Advertise = "name:4000" }},
		{"Config.Advertise", func(c *Config) { c.Advertise = "0.0.0.0:4000" }},
		{"Config.Advertise", func(c *Config) { c.Advertise = "10.0.0.1:0" }},
		{"Config.Advertise", func(c *Config) { c.Advertise = "[fe80::1%eth0]:4000" }},
		{"Config.Domain", func(c *Config) { c.Domain = strings.Repeat("x", 256) }},
		{"Config.Manage", func(c *Config) { c.Manage = []string{"a"} }},
		{"Config.Manage[1]", func(c *Config) { c.Mode, c.Manage = Axis2, []string{"a", ""} }},
		{"Config.Manage[0]", func(c *Config) { c.Mode, c.Domain, c.Manage = Axis2, "a", []string{"a"} }},
		{"Config.UID", func(c *Config) { c.Mode, c.UID = Axis2, wire.UID{1} }},
		{"Config.Peers", func(c *Config) { c.Peers = make([]Peer, mostPeers+1) }},
		{"Config.Peers[0].Address", func(c *Config) { c.Peers = []Peer{{Address: "host"}} }},
		{"Config.Peers[0].Address", func(c *Config) { c.Peers = []Peer{{Address: "host:0"}} }},
		{"Config.Properties", func(c *Config) { c.Properties = map[string]string{"k": strings.Repeat("x", 65_536)} }},
		{"Config.ProbeInterval", func(c *Config) { c.ProbeInterval = time.Millisecond }},
		{"Config.ProbeTimeout", func(c *Config) { c.ProbeTimeout = -1 }},
		{"Config.ReadTimeout", func(c *Config) { c.ReadTimeout = time.Hour }},
		{"Config.AckTimeout", func(c *Config) { c.AckTimeout = time.Hour }},
		{"Config.Expiry", func(c *Config) { c.Expiry, c.ProbeInterval = time.Second, time.Second }},
		{"Config.MaxMembers", func(c *Config) { c.MaxMembers = 1 }},
		{"Config.MaxMessage", func(c *Config) { c.MaxMessage = 1 }},
	} {
		cfg := good()
		c.change(&cfg)
		_, err := Join(t.Context(), cfg)
		var bad *membership.ConfigError
		require.ErrorAs(t, err, &bad, c.field)
		require.Equal(t, c.field, bad.Field)
	}
	_, err := good().checked()
	require.NoError(t, err)
}

func TestNamesOfPeersAreResolvedOnce(t *testing.T) {
	inSite(t, func(s *site) {
		asked := 0
		cfg := Config{Peers: []Peer{{Address: "two:4000"}, {Address: at(1)}}}
		cfg.Resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
			asked++
			if host != "two" {
				return nil, errors.New("no such host")
			}
			return []netip.Addr{netip.MustParseAddr("::ffff:10.0.0.2")}, nil
		}
		a, seen := s.join(1, cfg)
		b := s.start(2, Config{Peers: peersAt(1)})
		s.wants("found by its name", time.Second, seen, "added #1 (joined)", "added #2 (joined)")
		require.Equal(s, 1, asked)
		require.Error(s, a.AddPeer(s.Context(), Peer{Address: "three:4000"}))
		require.Error(s, a.AddPeer(s.Context(), Peer{Address: "three"}))
		require.NoError(s, a.RemovePeer(s.Context(), "two:4000"))
		s.wants("removed", time.Minute, seen, "removed #2 (left)")
		require.NoError(s, a.AddPeer(s.Context(), Peer{Address: at(2), Properties: map[string]string{"httpPort": "8080"}}))
		s.wants("added", time.Second, seen, "added #2 (joined)")
		m, _ := a.Own().View().Get(idAt(2))
		require.Equal(s, "8080", m.Property("httpPort"), "as configured, since it publishes nothing")
		block, ok := a.Block(idAt(2))
		require.True(s, ok)
		require.Equal(s, at(2), block.Address().String())
		_, ok = a.Block(membership.ID{1})
		require.False(s, ok)
		b.Own().ReportFailure(idAt(1), errors.New("http: no answer"))
		b.Own().ReportFailure(membership.ID{1}, nil)
		require.NoError(s, a.AddPeer(s.Context(), Peer{Address: at(1)}), "itself, which is left out")
	})
	_, err := Join(t.Context(), Config{Advertise: at(1), Peers: []Peer{{Address: "two:4000"}},
		Resolve: func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }})
	require.ErrorContains(t, err, `peer "two:4000"`)
}

func TestAnEndedNodeSaysWhy(t *testing.T) {
	inSite(t, func(s *site) {
		a := s.start(1, Config{Manager: true})
		require.NoError(s, a.Err())
		require.Zero(s, a.Own().View().Len(), "a manager is no member")
		require.NoError(s, a.Close())
		require.NoError(s, a.Close())
		<-a.Done()
		require.ErrorIs(s, a.Err(), membership.ErrClosed)
		require.Error(s, send(a, Async, "x", idAt(1)))
		_, ok := a.Coordinator()
		require.False(s, ok)
		require.NoError(s, a.Leave(s.Context()))
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		listener, err := s.net.Listen(at(2))
		require.NoError(s, err)
		s.net.PowerLoss(host(3))
		_, err = Join(ctx, Config{Advertise: at(2), Listener: listener, Peers: peersAt(3), Dial: s.net.Host(host(2)).DialContext})
		require.ErrorIs(s, err, context.Canceled)
	})
}

// What a member does not read waits, up to a bound; then the sender is told.
func TestAsynchronousMessagesHaveABound(t *testing.T) {
	inSite(t, func(s *site) {
		stuck := make(chan struct{})
		s.start(2, Config{Peers: peersAt(1), Receive: func(ctx context.Context, _ Message) error {
			select {
			case <-stuck:
			case <-ctx.Done():
			}
			return nil
		}})
		a := s.start(1, Config{Peers: peersAt(2)})
		s.pass(time.Second)
		var err error
		sent := 0
		for ; err == nil && sent < 10_000; sent++ {
			err = send(a, Async|Ack|SyncAck, "x", idAt(2))
		}
		require.ErrorContains(s, err, "too much under way")
		require.LessOrEqual(s, sent, boxMost+2)
		close(stuck)
	})
}

// Pools and proxies take the groups of either package by what both have.
var _, _ interface {
	Domain() string
	View() membership.View
	Changes(ctx context.Context) iter.Seq[membership.Change]
	Events(ctx context.Context) iter.Seq[membership.Event]
	ReportFailure(id membership.ID, err error)
} = (*Group)(nil), (*membership.Group)(nil)
