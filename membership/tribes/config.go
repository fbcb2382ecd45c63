package tribes

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"time"

	wire "github.com/gotribes/tribes/transport/tribes"
)

// A Mode is one of the ways in which the members of a Tribes group find each
// other. All of a group use the same.
type Mode uint8

// The modes.
const (
	Static  Mode = iota // each is configured with all others, and looks for them
	Service             // each tells the configured others about itself
	Axis2               // well-known members tell newcomers who is there
)

var modeNames = [...]string{"static", "service", "axis2"}

// String returns "static", "service" or "axis2".
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return "unknown"
}

// A Peer is a process that is known by configuration.
type Peer struct {
	// Address is its host:port. A name is resolved once, by Join. No default.
	Address string

	// UID is its unique id, if it is configured with one. Default: whatever it
	// announces.
	UID wire.UID

	// Domain is its domain, in the mode Static. Default: that of the node.
	Domain string

	// Properties are added to what it publishes; its own word counts. So the
	// HTTP port of a Tomcat, which publishes nothing, is known. Default: none.
	Properties map[string]string
}

// A Config describes a node. Advertise has no default. The zero value of every
// other field is what a group of Java peers with default settings expects.
//
// A Config is copied, never changed, and never clamped: what cannot be used is a
// *membership.ConfigError.
type Config struct {
	// Mode says how members find each other. Default: Static.
	Mode Mode

	// Domain is the group's domain, compared byte for byte, up to 255 bytes.
	// Default: "", as in a Tomcat without a setting.
	Domain string

	// Manage names further domains that the node follows without belonging to
	// them, in the mode Axis2: the balancer's application mode. Default: none.
	Manage []string

	// Manager shows this node among the managers of its own domain and not
	// among its members: for a balancer in a group of Tomcats. The others see a
	// member. Default: a member.
	Manager bool

	// Advertise is the address that others dial: an IP address, which is no
	// wildcard, and a port. No default.
	Advertise string

	// Listener accepts connections. It belongs to the node from the call of
	// Join on. Default: listening on Advertise.
	Listener net.Listener

	// Dial makes connections. It must return when its context ends. Default: a
	// net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Resolve gives the addresses of a name in Peers, of which the first is
	// taken. Default: net.DefaultResolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)

	// Peers are the other members, or in the mode Axis2 the well-known ones.
	// The node's own address may be among them. At most 1,024. Default: none.
	Peers []Peer

	// UID is the unique id that the node announces. Peers that list this node
	// with another one ignore its start. With Axis2 it must be zero. Default:
	// zero.
	UID wire.UID

	// Properties are published with the member, as Axis2 does it: httpPort,
	// httpsPort, subDomain. In all with the domain less than 64 KiB. Default:
	// none.
	Properties map[string]string

	// Channel is the name of the channel, which must be the same everywhere, in
	// the mode Service. Tomcat's is "<cluster name>-Channel". Default: "chan".
	Channel string

	// OldLayout sends member blocks in the layout of Tribes 6.0, and no notices
	// of start and stop, until a peer is heard to use the other. What a peer
	// uses is sent to it in any case. Default: the layout of 7.0 and later.
	OldLayout bool

	// NoNotices sends no notices of start and stop, which peers before 7.0.68
	// do not know and log as an error. Default: they are sent.
	NoNotices bool

	// ReadTest makes probes wait for an answer, so that a process that is
	// stopped, whose host still accepts connections, is noticed too. Default: a
	// connection is proof enough.
	ReadTest bool

	// ProbeInterval is the time between two probes of a peer, and in the mode
	// Service between two messages to it, 50 ms to 1 min. Default: 1 s.
	ProbeInterval time.Duration

	// ProbeTimeout bounds connecting to a peer, 50 ms to 1 min; it is then gone.
	// Default: 2 s, in which a lost packet is sent again.
	ProbeTimeout time.Duration

	// ReadTimeout bounds the wait for the answer to a probe with ReadTest, 50 ms
	// to 1 min. Default: 3 s.
	ReadTimeout time.Duration

	// Expiry is how long a member may be silent in the mode Service, at least 2
	// × ProbeInterval and at most 1 h. Default: 5 s.
	Expiry time.Duration

	// AckTimeout bounds the wait for an acknowledgement, 50 ms to 1 min. Default:
	// 3 s.
	AckTimeout time.Duration

	// MaxMembers bounds the processes that the node keeps track of, 2 to
	// 10,000. Further ones are ignored. Default: 1,024.
	MaxMembers int

	// MaxMessage bounds a message with its member block in bytes, 64 KiB to
	// 1 GiB. A peer that announces more loses its connection. Default: 16 MiB.
	MaxMessage int

	// Coordinator says when the node takes part in the election of
	// NonBlockingCoordinator. Default: CoordinatorAuto.
	Coordinator CoordinatorMode

	// Receive is given the messages of the group's domains: those of one
	// connection in order, those of several side by side. An error makes a
	// message fail at its sender, if that waits for the application (Ack and
	// SyncAck). ctx ends when the node does. Default: they are dropped.
	Receive func(ctx context.Context, m Message) error

	// Calls answers the calls of others, by the id of their RPC channel: with
	// nil, a string or bytes. They run side by side, 64 at most. Default: there
	// are none, of which callers are told.
	Calls map[string]func(ctx context.Context, m Message) (any, error)

	// Logger is told what an operator wants to know: seldom, and nothing per
	// probe. Default: silence.
	Logger *slog.Logger
}

// Defaults and bounds of a Config.
const (
	defaultChannel       = "chan"
	defaultProbeInterval = time.Second
	defaultProbeTimeout  = 2 * time.Second
	defaultReadTimeout   = 3 * time.Second
	defaultExpiry        = 5 * time.Second
	defaultAckTimeout    = 3 * time.Second
	leastDuration        = 50 * time.Millisecond
	mostDuration         = time.Minute
	mostExpiry           = time.Hour
	defaultMembers       = 1024
	mostMembers          = 10_000
	mostPeers            = 1024
	mostDomain           = 255
	mostManaged          = 64
	leastMessage         = 64 << 10
	defaultMessage       = 16 << 20
	mostMessage          = 1 << 30
)
