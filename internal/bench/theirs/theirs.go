// Package theirs runs hashicorp/memberlist behind the interface of the comparison.
package theirs

import (
	"context"
	"fmt"
	"log"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/gotribes/tribes/internal/bench/subject"
)

// Library starts nodes of memberlist. Profiles: "lan" and "local" are its own; "even" stands a pause of 2 s as the
// defaults of tribes do; "quick" finds a crash much sooner and stands no pause of 1 s; "probe=300ms" is like them with
// another probe interval.
type Library struct{}

type node struct {
	list    *memberlist.Memberlist
	options subject.Options
	lines   *counter
	tell    func(subject.Event)
	size    atomic.Int64
	changes atomic.Int64
	never   chan memberlist.NodeEvent
	once    sync.Once
}

// Start starts a node; it knows nobody until it joins.
func (Library) Start(o subject.Options, tell func(subject.Event)) (subject.Node, error) {
	n := &node{options: o, lines: new(counter), tell: tell}
	cfg, err := profile(o.Subject)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, err
	}
	cfg.Name, cfg.BindAddr, cfg.AdvertiseAddr = o.Name, host, host
	if cfg.BindPort, err = strconv.Atoi(port); err != nil {
		return nil, err
	}
	cfg.AdvertisePort = cfg.BindPort
	cfg.Logger = log.New(n.lines, "", log.LstdFlags)
	cfg.Events = n
	if o.Reader == subject.NeverReads {
		n.never = make(chan memberlist.NodeEvent, 1)
		cfg.Events = &memberlist.ChannelEventDelegate{Ch: n.never}
	}
	if cfg.Transport, err = newBound(host, cfg.BindPort, cfg.Logger); err != nil {
		return nil, err
	}
	if n.list, err = memberlist.Create(cfg); err != nil {
		cfg.Transport.Shutdown()
		return nil, err
	}
	return n, nil
}

func profile(name string) (*memberlist.Config, error) {
	_, p := subject.Split(name)
	switch probe, isProbe := strings.CutPrefix(p, "probe="); {
	case p == "lan":
		return memberlist.DefaultLANConfig(), nil
	case p == "local":
		return memberlist.DefaultLocalConfig(), nil
	case p == "even":
		return tuned(500 * time.Millisecond), nil
	case p == "quick":
		return tuned(200 * time.Millisecond), nil
	case isProbe:
		d, err := time.ParseDuration(probe)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("profile %q: a duration above 0 is wanted", p)
		}
		return tuned(d), nil
	}
	return nil, fmt.Errorf("memberlist has no profile %q; there are lan, local, even, quick, and probe=300ms", p)
}

// tuned is the LAN profile made quick: the probe timeout half of the interval, a shorter suspicion, quicker gossip.
func tuned(probe time.Duration) *memberlist.Config {
	cfg := memberlist.DefaultLANConfig()
	cfg.ProbeInterval, cfg.ProbeTimeout = probe, probe/2
	cfg.SuspicionMult = 3
	cfg.GossipInterval = 50 * time.Millisecond
	return cfg
}

// NotifyJoin, NotifyLeave and NotifyUpdate are called by memberlist, under its lock.
func (n *node) NotifyJoin(m *memberlist.Node) { n.notify(subject.Added, m, n.size.Add(1)) }

// NotifyLeave is called for members that left and for members that are thought dead.
func (n *node) NotifyLeave(m *memberlist.Node) { n.notify(subject.Removed, m, n.size.Add(-1)) }

// NotifyUpdate is called when the metadata of a member changes.
func (n *node) NotifyUpdate(m *memberlist.Node) { n.notify(subject.Updated, m, n.size.Load()) }

func (n *node) notify(k subject.Kind, m *memberlist.Node, size int64) {
	e := subject.Event{Node: n.options.Name, At: time.Now().UnixNano(), Kind: k, Who: m.Name, Address: m.Address(),
		Size: int(size), Change: int(n.changes.Add(1))}
	if k == subject.Removed { // all that it says of why
		e.Cause = stateName(m.State)
	}
	n.tell(e)
	if n.options.Reader == subject.CallsBack && m.Name != n.options.Name {
		n.list.Members()
	}
}

func stateName(s memberlist.NodeStateType) string {
	switch s {
	case memberlist.StateAlive:
		return "alive"
	case memberlist.StateSuspect:
		return "suspect"
	case memberlist.StateDead:
		return "dead"
	case memberlist.StateLeft:
		return "left"
	}
	return strconv.Itoa(int(s))
}

// Join calls memberlist's Join once, or with Options.Retry until it has reached somebody.
func (n *node) Join(ctx context.Context) error {
	others := slices.DeleteFunc(slices.Clone(n.options.Seeds), func(s string) bool { return s == n.options.Address })
	if len(others) == 0 {
		return nil
	}
	for {
		_, err := n.list.Join(others)
		if err == nil || n.options.Retry == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(n.options.Retry):
		}
	}
}

func (n *node) Members() []string {
	members := n.list.Members()
	out := make([]string, 0, len(members))
	for _, m := range members {
		out = append(out, m.Name)
	}
	return out
}

func (n *node) Leave(ctx context.Context) error {
	wait := 10 * time.Second
	if d, ok := ctx.Deadline(); ok {
		wait = time.Until(d)
	}
	return n.list.Leave(wait)
}

func (n *node) Close() (err error) {
	n.once.Do(func() { err = n.list.Shutdown() })
	return err
}

func (n *node) LogLines() int64 { return n.lines.Load() }

// A counter counts lines and forgets them.
type counter struct{ atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.Add(1)
	return len(p), nil
}
