// Package ours runs this library behind the interface of the comparison.
package ours

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gotribes/tribes/internal/bench/subject"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport"
)

// Domain is the one that all nodes are in.
const Domain = "bench"

// Library starts nodes of this library. Profiles: "" (defaults), "key" (defaults and a cluster key), and
// "drop=2s" (another drop time, with six heartbeats in it).
type Library struct{}

// secret is the key of all nodes with the profile "key": 32 bytes that protect nothing.
var secret = []byte("a key for measuring, not a secret")[:transport.KeySize]

type node struct {
	node   *membership.Node
	cancel context.CancelFunc
	done   sync.WaitGroup
	lines  *counter
}

// Start starts a node and its loop over changes.
func (Library) Start(o subject.Options, tell func(subject.Event)) (subject.Node, error) {
	n := &node{lines: new(counter)}
	cfg, err := config(o)
	if err != nil {
		return nil, err
	}
	cfg.Logger = slog.New(slog.NewTextHandler(n.lines, nil))
	if n.node, err = membership.Start(cfg); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	n.done.Go(func() { n.follow(ctx, o, tell) })
	return n, nil
}

func config(o subject.Options) (membership.Config, error) {
	host, _, err := net.SplitHostPort(o.Address)
	if err != nil {
		return membership.Config{}, err
	}
	// From its own address, so that rules of a firewall for that address hold for both directions.
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
	cfg := membership.Config{Name: o.Name, Domain: Domain, Advertise: o.Address, WellKnown: o.Seeds, Dial: dialer.DialContext}
	_, profile := subject.Split(o.Subject)
	switch drop, isDrop := strings.CutPrefix(profile, "drop="); {
	case profile == "":
	case profile == "key":
		key, err := transport.KeyOf(secret)
		if err != nil {
			return cfg, err
		}
		cfg.Keys = []transport.Key{key}
	case isDrop:
		if cfg.MemberDropTime, err = time.ParseDuration(drop); err != nil {
			return cfg, fmt.Errorf("profile %q: %w", profile, err)
		}
		cfg.HeartbeatInterval = cfg.MemberDropTime / 6
	default:
		return cfg, fmt.Errorf("tribes has no profile %q; there are none, key, and drop=2s", profile)
	}
	return cfg, nil
}

// follow tells of every change until the node ends.
func (n *node) follow(ctx context.Context, o subject.Options, tell func(subject.Event)) {
	number := 0
	for change := range n.node.Own().Changes(ctx) {
		at := time.Now().UnixNano()
		number++
		for _, e := range change.Events {
			tell(subject.Event{Node: o.Name, At: at, Kind: kind(e.Kind), Who: e.Member.Name, Cause: e.Cause.String(),
				Address: e.Member.Address, Size: change.View.Len(), Change: number})
		}
		switch o.Reader {
		case subject.NeverReads:
			<-ctx.Done()
		case subject.CallsBack:
			n.Members()
			n.node.Own().Explain(n.node.Self().ID)
		}
	}
}

func kind(k membership.Kind) subject.Kind {
	switch k {
	case membership.MemberAdded:
		return subject.Added
	case membership.MemberRemoved:
		return subject.Removed
	}
	return subject.Updated
}

// Join waits until the node has joined; it has been trying since it was started.
func (n *node) Join(ctx context.Context) error { return n.node.Joined(ctx) }

func (n *node) Members() []string {
	view := n.node.Own().View()
	out := make([]string, 0, view.Len())
	for m := range view.All() {
		out = append(out, m.Name)
	}
	return out
}

func (n *node) Leave(ctx context.Context) error {
	_, err := n.node.Leave(ctx)
	return err
}

func (n *node) Close() error {
	n.cancel()
	err := n.node.Close()
	n.done.Wait()
	return err
}

func (n *node) LogLines() int64 { return n.lines.Load() }

// A counter counts lines and forgets them.
type counter struct{ atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.Add(1)
	return len(p), nil
}
