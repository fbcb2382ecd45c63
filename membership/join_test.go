package membership

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport"
	"github.com/gotribes/tribes/wka"
)

// joinFails starts a node, waits for at most 5 s, and returns the refusal.
func (b *bubble) joinFails(host int, changes ...func(c *Config)) (*JoinError, time.Duration) {
	b.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
	defer cancel()
	n, err := Join(ctx, b.config(host, changes...))
	if err == nil {
		_ = n.Close()
	}
	var failed *JoinError
	require.ErrorAs(b, err, &failed)
	b.Log(err)
	return failed, time.Since(began)
}

func TestWrongClusterIsTheErrorAtOnce(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.join(1, func(c *Config) { c.Cluster = "prod" })
		err, took := b.joinFails(2, func(c *Config) { c.Cluster = "test" })
		require.Less(b, took, time.Second)
		require.NoError(b, err.Err)
		var refusal *Refusal
		require.ErrorAs(b, err, &refusal)
		require.Equal(b, RefusedCluster, refusal.Code)
		require.ErrorContains(b, err, `join domain "d": 10.0.0.1:4000: wrong cluster: `)
		require.ErrorContains(b, err, `"prod"`)
	})
}

func TestSettingsThatDoNotGoTogetherAreTheErrorAtOnce(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.join(1)
		err, took := b.joinFails(2, func(c *Config) { c.HeartbeatInterval = 5 * time.Second })
		require.Less(b, took, time.Second)
		var refusal *Refusal
		require.ErrorAs(b, err, &refusal)
		require.Equal(b, RefusedSettings, refusal.Code)
	})
}

func TestOneWrongAddressDoesNotFailAHealthyJoin(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.join(1, func(c *Config) { c.Cluster = "other" })
		b.start(2, func(c *Config) { c.WellKnown = wka.List{addr(2)} })
		b.net.Latency(ip(3), ip(2), 200*time.Millisecond) // the right one answers last
		n := b.join(3, func(c *Config) { c.WellKnown = wka.List{addr(1), addr(2)} })
		require.Equal(b, 2, n.Own().View().Len())
	})
}

func TestStartGoesOnAfterARefusal(t *testing.T) {
	inBubble(t, func(b *bubble) {
		wrong := b.join(1, func(c *Config) { c.Cluster = "other" })
		n := b.start(2)
		var failed *JoinError
		require.ErrorAs(b, n.Joined(b.Context()), &failed)
		require.NotEmpty(b, b.log.having("well-known address not reached", addr(1)))
		b.crash(wrong)
		b.join(1)
		b.pass(3 * time.Second)
		require.NoError(b, n.Joined(b.Context()))
	})
}

func TestDomainNotServed(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.join(1, balancer("a", "b"))
		err, took := b.joinFails(2, domain("x"))
		require.Equal(b, 5*time.Second, took, "it may be served later")
		require.ErrorIs(b, err, context.DeadlineExceeded)
		require.ErrorContains(b, err,
			`join domain "x": 10.0.0.1:4000: domain not served: domain "x" is not served here; served: a, b`)
	})
}

// The likeliest slip in a copied configuration: the balancer's address is given
// as one's own.
func TestAnotherLivesAtTheAdvertisedAddress(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1)
		n := b.start(2, func(c *Config) {
			c.Advertise = lb.Self().Address
			c.WellKnown = wka.List{lb.Self().Address}
		})
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
		defer cancel()
		require.ErrorContains(b, n.Joined(ctx), lb.Self().Address)
		require.Equal(b, 1, lb.Own().View().Len())
	})
}

func TestNameHeldByALiveMember(t *testing.T) {
	inBubble(t, func(b *bubble) {
		named := func(c *Config) { c.Name = "node-1" }
		first := b.join(1, named)
		err, _ := b.joinFails(2, named)
		require.ErrorContains(b, err, `name held: name "node-1"`)
		second := b.start(2, named)
		b.pass(time.Second)
		require.Equal(b, 1, first.Own().View().Len())
		b.crash(second)
	})
}

func TestUnreachableAdvertisedAddress(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.join(1)
		err, _ := b.joinFails(2, func(c *Config) { c.Advertise = addr(9) })
		require.ErrorContains(b, err,
			"address not reachable: advertised address 10.0.0.9:4000 could not be dialled back from 10.0.0.1:4000")
	})
}

func TestNobodyAnswers(t *testing.T) {
	inBubble(t, func(b *bubble) {
		err, took := b.joinFails(2, func(c *Config) {
			c.WellKnown = wka.List{addr(1), addr(7), "lb.example:4000"}
			c.Resolve = resolveTo("other.example", ip(1))
		})
		require.Equal(b, 5*time.Second, took)
		require.Len(b, err.Attempts, 3)
		require.ErrorContains(b, err, "connection refused")
		require.ErrorContains(b, err, "no such host: lb.example")
		require.ErrorIs(b, err, context.DeadlineExceeded)
	})
}

func TestNameInAJoinErrorComesWithItsAddress(t *testing.T) {
	inBubble(t, func(b *bubble) {
		err, _ := b.joinFails(2, func(c *Config) {
			c.WellKnown = wka.List{"lb.example:4000"}
			c.Resolve = resolveTo("lb.example", ip(1))
		})
		require.ErrorContains(b, err, "10.0.0.1:4000 (lb.example:4000): ")
	})
}

func TestJoinOfANodeThatIsClosedMeanwhile(t *testing.T) {
	inBubble(t, func(b *bubble) {
		n := b.start(2)
		time.AfterFunc(time.Second, func() { _ = n.Close() })
		require.ErrorIs(b, n.Joined(b.Context()), ErrClosed)
	})
}

func TestConfigErrors(t *testing.T) {
	good := func() Config {
		return Config{Domain: "d", Advertise: "127.0.0.1:4100", WellKnown: wka.List{"127.0.0.1:4000"}}
	}
	long := string(make([]byte, 256))
	for _, c := range []struct {
		field, part string
		change      func(c *Config)
	}{
		{"Config.Domain", "1 to 255", func(c *Config) { c.Domain = "" }},
		{"Config.Domain", "1 to 255", func(c *Config) { c.Domain = "*" }},
		{"Config.Domain", "256 bytes", func(c *Config) { c.Domain = long }},
		{"Config.Name", "control", func(c *Config) { c.Name = "a\nb" }},
		{"Config.Cluster", "at most 255", func(c *Config) { c.Cluster = long }},
		{"Config.SubDomain", "UTF-8", func(c *Config) { c.SubDomain = "\xff" }},
		{"Config.Manage[1]", "name of a domain", func(c *Config) { c.Manage = []string{"a", ""} }},
		{"Config.Manage[0]", "256 bytes", func(c *Config) { c.Manage = []string{long} }},
		{"Config.Manage", "2 domains", func(c *Config) { c.Manage, c.MaxDomains = []string{"a", "b"}, 1 }},
		{"Config.Advertise", "0.0.0.0", func(c *Config) { c.Advertise = "0.0.0.0:4100" }},
		{"Config.Advertise", "[::]", func(c *Config) { c.Advertise = "[::]:4100" }},
		{"Config.Advertise", "1 to 65535", func(c *Config) { c.Advertise = "127.0.0.1:0" }},
		{"Config.Advertise", "no port", func(c *Config) { c.Advertise = "127.0.0.1" }},
		{"Config.Advertise", "host:port", func(c *Config) { c.Advertise = "file:./x" }},
		{"Config.Advertise", "Config.Listener", func(c *Config) { c.Advertise = "" }},
		{"Config.WellKnown", "empty", func(c *Config) { c.WellKnown = nil }},
		{"Config.WellKnown", "well-known address 1", func(c *Config) { c.WellKnown = wka.List{"a:1", "b"} }},
		{"Config.Properties", "16 KiB", func(c *Config) { c.Properties = map[string]string{"k": string(make([]byte, 16<<10))} }},
		{"Config.Properties", "empty key", func(c *Config) { c.Properties = map[string]string{"": "v"} }},
		{"Config.Properties", "UTF-8", func(c *Config) { c.Properties = map[string]string{"k": "\xff"} }},
		{"Config.HeartbeatInterval", "-1s", func(c *Config) { c.HeartbeatInterval = -time.Second }},
		{"Config.HeartbeatInterval", "2h", func(c *Config) { c.HeartbeatInterval = 2 * time.Hour }},
		{"Config.MemberDropTime", "-1s", func(c *Config) { c.MemberDropTime = -time.Second }},
		{"Config.MemberDropTime", "2s (4 × HeartbeatInterval)", func(c *Config) { c.MemberDropTime = 1999 * time.Millisecond }},
		{"Config.MaxDomains", "1 to 255", func(c *Config) { c.MaxDomains = 256 }},
		{"Config.MaxMembers", "2 to", func(c *Config) { c.MaxMembers = -1 }},
	} {
		cfg := good()
		c.change(&cfg)
		_, err := Start(cfg)
		var wrong *ConfigError
		require.ErrorAs(t, err, &wrong, "%s %s", c.field, c.part)
		require.Equal(t, c.field, wrong.Field)
		require.ErrorContains(t, err, c.part)
	}
	_, err := Join(t.Context(), Config{})
	var wrong *ConfigError
	require.ErrorAs(t, err, &wrong)
}

func TestDefaultDropTimeFollowsTheHeartbeat(t *testing.T) {
	require.Equal(t, 3*time.Second, (&Config{}).dropTime())
	require.Equal(t, 12*time.Second, (&Config{HeartbeatInterval: 2 * time.Second}).dropTime())
}

// A tracked listener remembers that it was closed.
type tracked struct {
	net.Listener
	mu     sync.Mutex
	closed bool
}

func (l *tracked) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	return l.Listener.Close()
}

func TestListenerIsClosedWhateverHappens(t *testing.T) {
	ln := &tracked{Listener: listenLoopback(t)}
	_, err := Start(Config{Listener: ln, WellKnown: wka.List{"127.0.0.1:4000"}})
	require.Error(t, err)
	require.True(t, ln.closed, "a bad setting")

	ln = &tracked{Listener: listenLoopback(t)}
	_, err = Start(Config{Domain: "d", Advertise: "0.0.0.0:1", Listener: ln, WellKnown: wka.List{"127.0.0.1:4000"}})
	require.Error(t, err)
	require.True(t, ln.closed, "a bad address")

	ln = &tracked{Listener: listenLoopback(t)}
	n, err := Start(Config{Domain: "d", Listener: ln, WellKnown: wka.List{ln.Addr().String()}})
	require.NoError(t, err)
	require.NoError(t, n.Close())
	require.True(t, ln.closed, "the end")
}

func TestListenerThatStrangersReachIsRefused(t *testing.T) {
	wild, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	cfg := Config{Domain: "d", Advertise: "127.0.0.1:4999", Listener: wild, WellKnown: wka.List{"127.0.0.1:4999"}}
	_, err = Start(cfg)
	var wrong *ConfigError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "Config.Listener", wrong.Field)
	for _, way := range []string{"Config.Keys", "Config.TLS", "Config.Insecure"} {
		require.ErrorContains(t, err, way, "the three ways out")
	}

	wild, err = net.Listen("tcp", ":0")
	require.NoError(t, err)
	cfg.Listener, cfg.Advertise = wild, ""
	cfg.Insecure = true
	_, err = Start(cfg)
	require.ErrorAs(t, err, &wrong, "a wildcard cannot be advertised")
	require.ErrorContains(t, err, "Config.Advertise")
}

func TestInsecureIsWarnedOfOnce(t *testing.T) {
	log := &lines{}
	wild, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	n, err := Start(Config{Domain: "d", Advertise: "127.0.0.1:4999", Listener: wild, Insecure: true,
		WellKnown: wka.List{"127.0.0.1:4999"}, Logger: log.logger()})
	require.NoError(t, err)
	require.NoError(t, n.Close())
	require.Len(t, log.having("neither encrypted", "level=WARN"), 1)
}

func TestAKeyOpensTheListenerWithoutAWarning(t *testing.T) {
	log := &lines{}
	wild, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	n, err := Start(Config{Domain: "d", Advertise: "127.0.0.1:4999", Listener: wild, Keys: []transport.Key{transport.NewKey()},
		WellKnown: wka.List{"127.0.0.1:4999"}, Logger: log.logger()})
	require.NoError(t, err)
	require.NoError(t, n.Close())
	require.Empty(t, log.having("level=WARN"))
}

func TestAddressThatIsTaken(t *testing.T) {
	ln := listenLoopback(t)
	defer func() { _ = ln.Close() }()
	_, err := Start(Config{Domain: "d", Advertise: ln.Addr().String(), WellKnown: wka.List{"127.0.0.1:4000"}})
	require.ErrorContains(t, err, ln.Addr().String())
	var wrong *ConfigError
	require.False(t, errors.As(err, &wrong), "the setting is sound")
}

func TestConfigIsCopied(t *testing.T) {
	inBubble(t, func(b *bubble) {
		c := b.config(1)
		c.Properties = map[string]string{"k": "v"}
		n, err := Start(c)
		require.NoError(b, err)
		defer func() { _ = n.Close() }()
		c.Properties["k"] = "changed"
		c.WellKnown[0] = "changed"
		require.Equal(b, "v", n.Self().Property("k"))
		require.Equal(b, addr(1), n.cfg.WellKnown[0])
	})
}
