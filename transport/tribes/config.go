package tribes

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"time"
)

// A Config describes an Endpoint. It is copied and never changed. Durations and
// bounds are positive; 0 stands for the default.
type Config struct {
	// Listener accepts the connections of peers. It belongs to the endpoint.
	// No default.
	Listener net.Listener

	// Dial makes connections. It must return when its context ends. Default: a
	// net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Arrived sees every message first, on the goroutine that reads the
	// connection: it must not block. If it returns true the message is dealt
	// with, and is acknowledged as accepted if it asks for that. Controls have
	// been acknowledged before and go nowhere else. Default: nothing is dealt
	// with.
	Arrived func(a *Arrival) (done bool)

	// Deliver is given the other messages: those of one connection in order,
	// those of several side by side. An error makes a message with Ack and
	// SyncAck fail at its sender; the message is not taken as known then, should
	// it be sent again. ctx ends when the endpoint closes. Default: they are
	// dropped.
	Deliver func(ctx context.Context, a *Arrival) error

	// Lost is told that a connection that Send or Hold had opened was ended by
	// the peer. It must not block. Default: nobody.
	Lost func(to netip.AddrPort, err error)

	// MaxBody bounds the body of a frame in bytes. Default: 16 MiB.
	MaxBody int

	// MaxConnections bounds the connections that peers have opened. Beyond it
	// the longest one that has never sent a whole message is closed, or if
	// there is none, the new one. Default: 1,024.
	MaxConnections int

	// MaxPeers bounds the peers to whom connections are kept, on several
	// lanes each. Default: 1,024.
	MaxPeers int

	// DialTimeout bounds connecting. Default: 2 s.
	DialTimeout time.Duration

	// AckTimeout bounds the wait for an acknowledgement, after which a message
	// is sent once more on a new connection. Default: 3 s, as Java has it.
	AckTimeout time.Duration

	// FrameTimeout bounds how long a frame may take from its first byte to its
	// last, in either direction. Between frames a peer may be silent for ever.
	// Default: 30 s.
	FrameTimeout time.Duration

	// Logger is told of bad input, once in ten seconds per host at most.
	// Default: silence.
	Logger *slog.Logger
}

// Defaults of a Config.
const (
	defaultConnections  = 1024
	defaultPeers        = 1024
	defaultDialTimeout  = 2 * time.Second
	defaultAckTimeout   = 3 * time.Second
	defaultFrameTimeout = 30 * time.Second
)

// withDefaults returns c with everything set.
func (c Config) withDefaults() Config {
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if c.Arrived == nil {
		c.Arrived = func(*Arrival) bool { return false }
	}
	if c.Deliver == nil {
		c.Deliver = func(context.Context, *Arrival) error { return nil }
	}
	if c.Lost == nil {
		c.Lost = func(netip.AddrPort, error) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.MaxBody = positive(c.MaxBody, defaultMaxBody)
	c.MaxConnections = positive(c.MaxConnections, defaultConnections)
	c.MaxPeers = positive(c.MaxPeers, defaultPeers)
	c.DialTimeout = positive(c.DialTimeout, defaultDialTimeout)
	c.AckTimeout = positive(c.AckTimeout, defaultAckTimeout)
	c.FrameTimeout = positive(c.FrameTimeout, defaultFrameTimeout)
	return c
}

func positive[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// An Arrival is a message that has come.
type Arrival struct {
	Message *Message       // what has come
	Control Control        // which control it is, if any
	From    netip.AddrPort // the connection's other end, which is not where the sender listens
	Value   any            // whatever Arrived would like Deliver to have
}
