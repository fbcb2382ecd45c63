package membership

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/gotribes/tribes/transport"
	"github.com/gotribes/tribes/wka"
)

// A Config describes a node and the groups that it takes part in. Domain has
// no default, and one of WellKnown and Discover must say where to look for
// others. The zero value of every other field is a sound choice within one data
// centre.
//
// A Config is copied, never changed, and never clamped: what cannot be used is
// a *ConfigError that names the field, the value, and what is allowed.
type Config struct {
	// Cluster is the name of the cluster, up to 255 bytes. Nodes of different
	// clusters refuse each other. Default: "default".
	Cluster string

	// Name is the member's name, unique within its domain, up to 255 bytes.
	// Default: the advertised address.
	Name string

	// Domain names the group that this node belongs to: 1 to 255 bytes, not
	// "*". No default.
	Domain string

	// SubDomain is a part of the domain, for instance "mgt" or "worker", up to
	// 255 bytes. Default: none.
	SubDomain string

	// Manage names further domains that this node follows without belonging to
	// them, as a load balancer does. "*" among them stands for any domain that
	// members bring. Its own Domain is allowed among them and means nothing.
	// Default: none.
	Manage []string

	// Advertise is the address that others dial, "host:port": neither a
	// wildcard nor port 0. Default: the address of Listener, for which the same
	// holds.
	Advertise string

	// WellKnown says where to look for the group: for ever, side by side, with
	// names looked up again for as long as the node runs. The node's own address may be among
	// them; a node that is to start a group alone names just itself.
	WellKnown wka.List

	// Discover is a further source of well-known addresses: a service
	// catalogue, a cloud's tags. It is asked again and again, at most once a
	// second, in a goroutine of its own, and must return when its context
	// ends. Default: none.
	Discover wka.Func

	// Resolve gives the addresses of a host name in WellKnown, or in what
	// Discover returns. It must return when its context ends. Addresses that
	// members advertise are left to Dial. Default: net.DefaultResolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)

	// Properties are published with the member: ports, weights, versions. At
	// most 256, with 16 KiB of keys and values in all, in UTF-8; keys are not
	// empty. Default: none.
	Properties map[string]string

	// Listener accepts connections of other nodes. It belongs to the node from
	// the call of Join or Start on, which close it also when they fail.
	// Default: listening on Advertise, host and port.
	Listener net.Listener

	// Dial makes connections. It must return when its context ends. Default: a
	// net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Keys are the cluster keys, which all nodes of a cluster share: the first
	// is used for new links, all are accepted, so that they can be changed; see
	// Node.SetKeys. At most 16, each once. Not together with TLS. Links are
	// encrypted, and who has no key learns nothing and gets nowhere. Default:
	// none.
	Keys []transport.Key

	// TLS has links use certificates of the caller's instead. Both sides must
	// verify the other's; what that takes is said at transport.Config.TLS.
	// Certificates are renewed through GetCertificate and GetClientCertificate.
	// It is copied. Default: none.
	TLS *tls.Config

	// Bind says what of a member must stand in its certificate:
	// transport.BindAddress, the host of its advertised address, or
	// transport.BindName, its name. Only with TLS. Default: nothing, and
	// whoever has a certificate may say any of itself.
	Bind transport.Binding

	// Insecure allows a listener that is not on loopback without Keys and TLS.
	// Links are neither encrypted nor closed to strangers: whoever can reach
	// the address can join. It means nothing where there are keys or
	// certificates. Default: such a listener is refused.
	Insecure bool

	// HeartbeatInterval is the time between two heartbeats on a link, 10 ms to
	// 1 h. One that comes is answered if this node's last was sent half of it ago,
	// so with a round trip of that or more, or a peer with a shorter interval, up
	// to twice as many are sent. Default: 500 ms.
	HeartbeatInterval time.Duration

	// MemberDropTime is how long a member may be silent until a watcher says
	// that it is down, from 4 × HeartbeatInterval to 24 h. Default: 3 s, or
	// 6 × HeartbeatInterval if that is longer.
	MemberDropTime time.Duration

	// MaxDomains bounds the domains that are followed by Manage, 1 to 255.
	// Further ones are refused. Default: 64.
	MaxDomains int

	// MaxMembers bounds the participants of a domain, 2 to 1,000,000. Further
	// ones are refused. Default: 10,000.
	MaxMembers int

	// Logger is told what an operator wants to know: seldom, and nothing per
	// heartbeat. Its handler should not block for long, as the node waits for
	// it. Default: silence.
	Logger *slog.Logger
}

// Defaults and bounds of a Config.
const (
	defaultCluster   = "default"
	defaultHeartbeat = 500 * time.Millisecond
	leastHeartbeat   = 10 * time.Millisecond
	mostHeartbeat    = time.Hour
	defaultDropTime  = 3 * time.Second
	dropBeats        = 4 // a drop time has at least as many heartbeats
	defaultDropBeats = 6
	mostDropTime     = 24 * time.Hour
	defaultDomains   = 64
	mostDomains      = 255
	defaultMembers   = 10_000
	mostMembers      = 1_000_000
	anyDomain        = "*"
)

func (c *Config) cluster() string { return or(c.Cluster, defaultCluster) }

func (c *Config) heartbeat() time.Duration { return or(c.HeartbeatInterval, defaultHeartbeat) }

func (c *Config) dropTime() time.Duration {
	return or(c.MemberDropTime, max(defaultDropTime, defaultDropBeats*min(c.heartbeat(), mostHeartbeat)))
}

func (c *Config) maxDomains() int { return or(c.MaxDomains, defaultDomains) }

func (c *Config) maxMembers() int { return or(c.MaxMembers, defaultMembers) }

func (c *Config) logger() *slog.Logger { return or(c.Logger, slog.New(slog.DiscardHandler)) }

// or returns v, or d if v is zero.
func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}
