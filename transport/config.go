package transport

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"
	"unicode/utf8"
)

// Config says who this node is and how it links. Zero fields have sound
// defaults; the same Config may be given to several endpoints.
type Config struct {
	// Cluster is the name that all peers must share, up to 255 bytes of
	// UTF-8. Default: the empty name, shared with all others that have none.
	Cluster string

	// Advertise is the address that others dial, up to 255 bytes. It is told
	// to peers; nothing is resolved or checked here.
	Advertise string

	// Key makes this node's ID. Default: a fresh key, which is right for
	// almost everybody, as an ID must never be used by a second run.
	Key ed25519.PrivateKey

	// Birth is what the ID is made of beside the key: the hash of what the node
	// says first, see Birth. Default: zero, and the ID is made of the key alone.
	Birth Birth

	// Keys are the cluster keys: the first is used for new links, all are
	// accepted. At most MaxKeys, each once; not together with TLS. Default:
	// none, and links are neither encrypted nor closed to strangers.
	Keys []Key

	// TLS has links use certificates of the caller's. Both sides must verify:
	// ClientAuth must be RequireAndVerifyClientCert (or RequireAnyClientCert
	// with VerifyConnection or VerifyPeerCertificate), ClientCAs and RootCAs
	// the cluster's own. Certificates must be good for servers and clients.
	// ServerName is what a dialled certificate must be valid for; empty: the
	// host that was dialled. Certificates change through GetCertificate and
	// GetClientCertificate. TLS 1.3 is used, nothing is resumed, and NextProtos
	// is ignored. It is copied. Default: none.
	TLS *tls.Config

	// Bind says what of a peer must stand in its certificate; only with TLS.
	// BindName is not checked here. Default: BindNothing.
	Bind Binding

	// HeartbeatInterval is told to peers; nothing here sends heartbeats.
	// From over 0 to 1 h. Default: 500 ms.
	HeartbeatInterval time.Duration

	// DropTime is how long a peer may be silent. Told to peers; links are
	// refused unless it is at least four times the HeartbeatInterval of the
	// other side. Up to 24 h. Default: 3 s, or six heartbeats if that is more.
	DropTime time.Duration

	// Domains is asked at each handshake which domains this node takes part
	// in: at most 256. It must not block and is called by many goroutines at
	// once. Default: none.
	Domains func() []Domain

	// Asked is given each connection of one who only asks, PurposeAsk, as
	// accept of Serve is given links. Its Peer has a key of its own and, beyond
	// Cluster and ID, nothing that counts. What it sends is cut off at
	// MaxQuestion bytes a frame; eight such connections are taken at once, for
	// as long as they last. Default: they are refused.
	Asked func(*Link)

	// Dial makes connections. Default: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Logger is told of peers that were turned away, at most one line per
	// host in ten seconds. Default: silence.
	Logger *slog.Logger

	// HandshakeTimeout bounds a handshake, on the dialing side with the
	// connect before it. Over 0. Default: 5 s.
	HandshakeTimeout time.Duration

	// MaxPending is how many accepted connections may be in their handshake
	// at once; further ones are told that this node is busy, and closed. Over 0.
	// Default: 256.
	MaxPending int

	// MaxPendingPerHost is how many of these may come from one host. Of IPv6 the first 64 bits are a host.
	// Loopback is not counted, nor is anything once the handshake is over.
	// Negative: no bound but MaxPending. Default: 64.
	MaxPendingPerHost int

	// HostRate is how many connections of a host are taken up in a second, and
	// how many at once after a pause; further ones wait for their handshake, as
	// many as MaxPendingPerHost. Hosts are counted as there. Negative: no bound.
	// Default: 128.
	HostRate int

	// AcceptRate is how many connections are taken up in a second, and how many
	// at once after a pause. Further ones wait in the backlog of the listener.
	// Negative: no bound. Default: 1024.
	AcceptRate int

	// QueueBytes is how much may wait to be sent on one link. One frame is
	// always allowed. A peer that lets more wait loses its link. Over 0.
	// Default: 4 MiB.
	QueueBytes int

	// WriteTimeout is how long a peer may take nothing while there is
	// something to send, before it loses its link. Default: DropTime.
	// Negative: off, and only QueueBytes counts.
	WriteTimeout time.Duration
}

// Bounds and defaults of a Config.
const (
	defaultHeartbeat        = 500 * time.Millisecond
	defaultDropTime         = 3 * time.Second
	defaultHandshakeTimeout = 5 * time.Second
	defaultMaxPending       = 256
	defaultMaxPendingHost   = 64
	defaultHostRate         = 128
	defaultAcceptRate       = 1024
	defaultQueueBytes       = 4 << 20
	maxHeartbeat            = time.Hour
	maxDropTime             = 24 * time.Hour
	dropBeats               = 4 // a drop time must be at least as many heartbeats
)

// complete returns c with its defaults filled in, or an error that names the
// field to change.
func (c Config) complete() (Config, error) {
	if c.Key == nil {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return c, fmt.Errorf("Config.Key: none given and none can be made: %w", err)
		}
		c.Key = key
	}
	c.HeartbeatInterval = or(c.HeartbeatInterval, defaultHeartbeat)
	c.DropTime = or(c.DropTime, max(defaultDropTime, 6*min(c.HeartbeatInterval, maxHeartbeat)))
	c.HandshakeTimeout = or(c.HandshakeTimeout, defaultHandshakeTimeout)
	c.MaxPending = or(c.MaxPending, defaultMaxPending)
	c.MaxPendingPerHost = or(c.MaxPendingPerHost, defaultMaxPendingHost)
	c.HostRate = or(c.HostRate, defaultHostRate)
	c.AcceptRate = or(c.AcceptRate, defaultAcceptRate)
	c.QueueBytes = or(c.QueueBytes, defaultQueueBytes)
	c.WriteTimeout = or(c.WriteTimeout, c.DropTime)
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Domains == nil {
		c.Domains = func() []Domain { return nil }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Keys = slices.Clone(c.Keys)
	if err := CheckKeys(c.Keys); err != nil {
		return c, fmt.Errorf("Config.Keys: %w", err)
	}
	return c, c.check()
}

// check looks at a Config whose defaults are filled in.
func (c *Config) check() error {
	switch {
	case len(c.Cluster) > maxText || !utf8.ValidString(c.Cluster):
		return fmt.Errorf("Config.Cluster: %d bytes, but up to %d of UTF-8 are allowed", len(c.Cluster), maxText)
	case len(c.Advertise) > maxText || !utf8.ValidString(c.Advertise):
		return fmt.Errorf("Config.Advertise: %d bytes, but up to %d of UTF-8 are allowed", len(c.Advertise), maxText)
	case len(c.Key) != ed25519.PrivateKeySize:
		return fmt.Errorf("Config.Key: %d bytes, but an Ed25519 private key has %d", len(c.Key), ed25519.PrivateKeySize)
	case len(c.Keys) > 0 && c.TLS != nil:
		return fmt.Errorf("Config.Keys: set together with Config.TLS; links use one or the other")
	case c.Bind > BindName:
		return fmt.Errorf("Config.Bind: %d is none of the bindings", c.Bind)
	case c.Bind != BindNothing && c.TLS == nil:
		return fmt.Errorf("Config.Bind: %v is set without Config.TLS, whose certificates it is about", c.Bind)
	case c.HeartbeatInterval <= 0 || c.HeartbeatInterval > maxHeartbeat:
		return fmt.Errorf("Config.HeartbeatInterval: %v is not over 0 and up to %v", c.HeartbeatInterval, maxHeartbeat)
	case c.DropTime < dropBeats*c.HeartbeatInterval || c.DropTime > maxDropTime:
		return fmt.Errorf("Config.DropTime: %v is not from %v (%d × HeartbeatInterval) to %v",
			c.DropTime, dropBeats*c.HeartbeatInterval, dropBeats, maxDropTime)
	case c.HandshakeTimeout <= 0:
		return fmt.Errorf("Config.HandshakeTimeout: %v is not over 0", c.HandshakeTimeout)
	case c.MaxPending <= 0:
		return fmt.Errorf("Config.MaxPending: %d is not over 0", c.MaxPending)
	case c.QueueBytes <= 0:
		return fmt.Errorf("Config.QueueBytes: %d is not over 0", c.QueueBytes)
	}
	return nil
}

// or returns v, or d if v is zero.
func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}
