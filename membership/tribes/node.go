package tribes

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/gotribes/tribes/internal/loglimit"
	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// Bounds of what a node does at once.
const (
	inboxMost = 1024 // inputs of the loop that wait
	jobsMost  = 1024 // sends and calls of the node's own under way
	callsMost = 64   // calls of others being answered by Config.Calls
)

// leaveTime bounds telling the others that the node leaves, if the context of
// Leave does not.
const leaveTime = 2 * time.Second

// A Node is this process's membership in a Tribes group. Its methods may be
// called from many goroutines at once, from Config.Receive and Config.Calls too,
// but for Leave and Close, which wait for these.
type Node struct {
	cfg     Config
	log     *slog.Logger
	lines   loglimit.Lines
	ep      *wire.Endpoint
	address netip.AddrPort
	begun   time.Time
	own     wire.Member // as of begun; see block
	served  map[string]bool
	groups  map[string]*Group
	order   []*Group // its own first

	ctx     context.Context // ends with the node
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	inbox   chan func()
	jobs    *semaphore.Weighted
	callers *semaphore.Weighted

	book        book
	calls       calls
	boxes       outboxes
	state       state // the loop's
	coordinator atomic.Pointer[membership.Member]

	once   sync.Once
	done   chan struct{}
	err    error      // valid once done is closed
	mu     sync.Mutex // guards ending
	ending bool       // no further job may start
}

// Join starts a node and looks once at every configured peer. That none is there
// is no error: the node is the first then, and goes on looking. ctx bounds only
// this; if it ends before, nothing is left running.
func Join(ctx context.Context, cfg Config) (*Node, error) {
	listener := cfg.Listener
	fail := func(err error) (*Node, error) {
		if listener != nil {
			listener.Close()
		}
		return nil, err
	}
	cfg, err := cfg.checked()
	if err != nil {
		return fail(err)
	}
	peers, err := cfg.resolved(ctx)
	if err != nil {
		return fail(err)
	}
	if listener == nil {
		if listener, err = net.Listen("tcp", cfg.Advertise); err != nil {
			return nil, err
		}
	}
	n := &Node{
		cfg: cfg, log: cfg.Logger, address: cfg.address(), begun: time.Now(), served: map[string]bool{},
		groups: map[string]*Group{}, inbox: make(chan func(), inboxMost), jobs: semaphore.NewWeighted(jobsMost),
		callers: semaphore.NewWeighted(callsMost), done: make(chan struct{}),
	}
	n.own = cfg.self(n.begun)
	n.ctx, n.cancel = context.WithCancel(context.Background())
	for _, domain := range append([]string{cfg.Domain}, cfg.Manage...) {
		n.served[domain] = true
		n.groups[domain] = &Group{n, membership.NewFeed(domain)}
		n.order = append(n.order, n.groups[domain])
	}
	for _, p := range cfg.Peers {
		if p.Domain != "" && cfg.Mode == Static {
			n.served[p.Domain] = true // its messages are welcome
		}
	}
	if n.ep, err = wire.New(wire.Config{
		Listener: listener, Dial: cfg.Dial, Arrived: n.arrived, Deliver: n.deliver, Lost: n.lost,
		MaxBody: cfg.MaxMessage, MaxPeers: cfg.MaxMembers + jobsMost, DialTimeout: cfg.ProbeTimeout,
		AckTimeout: cfg.AckTimeout, Logger: cfg.Logger,
	}); err != nil {
		return fail(err)
	}
	looked := n.start(peers)
	select {
	case <-looked:
		return n, nil
	case <-ctx.Done():
		n.Close()
		return nil, ctx.Err()
	}
}

// block returns the node's own member block as it is now. In the mode Service,
// as in Java, the time is that since the start.
func (n *Node) block(layout wire.Layout) wire.Member {
	m := n.own
	m.Layout = layout
	if n.cfg.Mode == Service {
		m.Alive = time.Since(n.begun).Milliseconds()
	}
	return m
}

// Self returns this node as a member of its own domain.
func (n *Node) Self() membership.Member {
	m := shown(n.own, nil, 1, 1)
	m.Manager = n.cfg.Manager
	return m
}

// Own returns the group of the node's own domain.
func (n *Node) Own() *Group { return n.order[0] }

// Group returns the group of a domain that the node belongs to or manages.
func (n *Node) Group(domain string) (*Group, bool) {
	g, ok := n.groups[domain]
	return g, ok
}

// Groups returns all groups, that of the node's own domain first.
func (n *Node) Groups() iter.Seq[*Group] { return slices.Values(n.order) }

// Done returns a channel that is closed when the node has ended.
func (n *Node) Done() <-chan struct{} { return n.done }

// Err returns nil while the node runs, and then why it ended:
// membership.ErrClosed or membership.ErrLeft.
func (n *Node) Err() error {
	select {
	case <-n.done:
		return n.err
	default:
		return nil
	}
}

// Leave tells the others that the node stops, where Tribes has a message for
// that, and ends it. ctx bounds the telling, 2 s at most. The error says who
// could not be told; the node has ended in any case.
func (n *Node) Leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	err := n.farewell(ctx)
	n.end(membership.ErrLeft)
	return err
}

// Close ends the node at once, without telling anybody, and waits until all its
// goroutines have ended. Further calls do nothing.
func (n *Node) Close() error {
	n.end(membership.ErrClosed)
	return nil
}

func (n *Node) end(why error) {
	n.once.Do(func() {
		n.err = why
		n.mu.Lock()
		n.ending = true
		n.mu.Unlock()
		n.cancel()
		n.ep.Close()
		n.wg.Wait()
		for _, g := range n.order {
			g.feed.Close()
		}
		close(n.done)
	})
	<-n.done
}

// post hands an input to the loop. It returns false when the node has ended.
func (n *Node) post(f func()) bool {
	select {
	case n.inbox <- f:
		return true
	case <-n.ctx.Done():
		return false
	}
}

// errBusy is the error of a job for which there is no room.
var errBusy = errors.New("too much under way at once")

// job runs f beside the loop, if there is room.
func (n *Node) job(f func(ctx context.Context)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ending {
		return wire.ErrClosed
	}
	if !n.jobs.TryAcquire(1) {
		n.complain("jobs", "too much under way at once, something was not sent", "bound", jobsMost)
		return errBusy
	}
	n.wg.Go(func() {
		defer n.jobs.Release(1)
		f(n.ctx)
	})
	return nil
}

// complain writes a line about something, if there was none lately.
func (n *Node) complain(about, text string, attrs ...any) {
	if skipped, ok := n.lines.Allow(about, time.Now()); ok {
		if skipped > 0 {
			attrs = append(attrs, "skipped", skipped)
		}
		n.log.Warn(text, attrs...)
	}
}
