package membership

import (
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
	"github.com/gotribes/tribes/wka"
)

const (
	dialsAtOnce = 64          // connections that a node dials at the same time
	callerTime  = time.Second // that Close waits for functions of the caller
)

// A Node is this process's own participant in its groups. It runs until Leave,
// Close, or until it finds that it was replaced.
type Node struct {
	cfg       Config
	advertise string
	entries   []wka.Entry
	resolver  wka.Resolver

	ctx      context.Context // ends when the node begins to end
	cancel   context.CancelFunc
	endpoint *transport.Endpoint
	loop     *loop
	serving  sync.WaitGroup // the loop, and who accepts
	tasks    sync.WaitGroup // dials, looks, resolutions
	dials    *semaphore.Weighted
	done     chan struct{}

	own      *Group
	groups   registry
	joins    joins
	confirms confirms

	mu       sync.Mutex // guards what follows
	err      error      // why the node ends
	closeErr error
	leaving  *departure
}

// Join starts a node and waits until it is part of its group, or ctx ends. ctx
// bounds only the joining. On an error the node is closed.
//
// A bad setting is a *ConfigError. Otherwise, and unless the listener cannot be
// had, the error is a *JoinError with the last error of every well-known
// address. It comes early if every address was tried and all that answered have
// refused for good: another cluster, a key or certificate that is not accepted,
// no common version, settings that do not go together. All else is tried again until ctx ends: who does not answer, a
// domain that is not served there, a name that is held by another, an
// advertised address that was not reached, who is busy.
//
// A node that is itself among the well-known addresses has joined when every
// other one was tried once. A node that finds members in a domain that it
// manages has joined, too, whether or not its own domain has others.
func Join(ctx context.Context, cfg Config) (*Node, error) {
	n, err := Start(cfg)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		_ = n.Close()
		return nil, &JoinError{Domain: cfg.Domain, Err: context.Cause(ctx)}
	}
	if err := n.Joined(ctx); err != nil {
		_ = n.Close()
		return nil, err
	}
	return n, nil
}

// Start is Join without waiting: the node is a group of one until it meets
// others, for which it goes on looking whatever they answer. Joined says when
// it has.
func Start(cfg Config) (*Node, error) {
	cfg = cfg.copied()
	entries, err := cfg.check()
	if err != nil {
		if cfg.Listener != nil {
			_ = cfg.Listener.Close()
		}
		return nil, err
	}
	ln, advertise, err := cfg.listen()
	if err != nil {
		return nil, err
	}
	n, err := newNode(cfg, entries, advertise)
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	n.start(ln)
	return n, nil
}

// newNode makes a node that does not run yet.
func newNode(cfg Config, entries []wka.Entry, advertise string) (*Node, error) {
	_, key, err := ed25519.GenerateKey(crand.Reader)
	if err != nil {
		return nil, fmt.Errorf("no key for the node's ID can be made: %w", err)
	}
	var seed [16]byte
	if _, err := crand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("no random numbers: %w", err)
	}
	n := &Node{
		cfg: cfg, advertise: advertise, entries: entries,
		resolver: wka.Resolver{LookupHost: cfg.Resolve},
		dials:    semaphore.NewWeighted(dialsAtOnce),
		done:     make(chan struct{}),
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.joins.init(n)
	n.confirms.init()
	n.loop = newLoop(n)
	random := rand.New(rand.NewPCG(binary.BigEndian.Uint64(seed[:8]), binary.BigEndian.Uint64(seed[8:])))
	n.loop.m = machine.New(n.machineConfig(key, random))
	n.endpoint, err = transport.New(transport.Config{
		Cluster: cfg.cluster(), Advertise: advertise, Key: key, Birth: transport.Birth(n.loop.m.Birth()),
		HeartbeatInterval: cfg.heartbeat(), DropTime: cfg.dropTime(),
		Domains: n.loop.domains, Asked: n.loop.asked, Dial: cfg.Dial, Logger: cfg.Logger,
		Keys: cfg.Keys, TLS: cfg.TLS, Bind: cfg.Bind,
	})
	if err != nil {
		n.cancel()
		return nil, err
	}
	return n, nil
}

func (n *Node) machineConfig(key ed25519.PrivateKey, random *rand.Rand) machine.Config {
	c := &n.cfg
	names, any := c.managed()
	out := machine.Config{
		Signer: wire.Ed25519Signer{Key: key}, Verify: (&verifier{}).verify, Rand: random,
		Name: or(c.Name, n.advertise), Address: n.advertise, Domain: c.Domain, SubDomain: c.SubDomain,
		Properties: sortedProperties(c.Properties), Manage: names, ManageAny: any,
		MaxDomains: c.maxDomains(), MaxMembers: c.maxMembers(),
		Heartbeat: c.heartbeat(), DropTime: c.dropTime(),
	}
	for i, e := range n.entries {
		address, _ := e.Literal()
		out.WellKnown = append(out.WellKnown, machine.WellKnown{Text: c.WellKnown[i], Address: address})
	}
	if c.Discover != nil {
		out.WellKnown = append(out.WellKnown, machine.WellKnown{Text: discoverText})
	}
	return out
}

// start sets the node going. The view of each group has the node itself in it
// when start returns.
func (n *Node) start(ln net.Listener) {
	n.loop.begin()
	n.own, _ = n.groups.get(n.cfg.Domain)
	if exposed(ln) && !n.cfg.secured() {
		n.loop.log.Warn("links are neither encrypted nor closed to strangers", "listener", ln.Addr().String(), "advertise", n.advertise)
	}
	n.serving.Go(n.loop.run)
	n.serving.Go(func() {
		err := n.endpoint.Serve(ln, n.loop.accepted)
		if !errors.Is(err, transport.ErrClosed) {
			n.end(fmt.Errorf("the node's listener has failed: %w", err))
		}
	})
	go n.reap()
}

// end makes the node end, unless it does already.
func (n *Node) end(err error) {
	n.mu.Lock()
	if n.err == nil {
		n.err = err
	}
	n.mu.Unlock()
	n.cancel()
}

// reap waits for the node's end and sees that nothing is left of it, but for
// functions of the caller that do not return.
func (n *Node) reap() {
	<-n.ctx.Done()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		err := n.endpoint.Close()
		n.serving.Wait()
		n.tasks.Wait() // nobody begins one after the loop has ended
		n.mu.Lock()
		n.closeErr = err
		n.mu.Unlock()
	}()
	patience, cancel := context.WithTimeout(context.Background(), callerTime)
	defer cancel()
	select {
	case <-gone:
	case <-patience.Done():
	}
	close(n.done)
}

// Close ends the node at once and without a word; the others find that it has
// crashed. Leave is the friendly way. It returns when all goroutines of the
// node are gone; for functions of the caller that do not return (Dial, Resolve,
// Discover, the Logger's handler) it waits a second at most, so that even they
// may call it. Further calls, and calls after Leave, do nothing. The error is
// that of closing the listener.
func (n *Node) Close() error {
	n.end(ErrClosed)
	<-n.done
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closeErr
}

// Done returns a channel that is closed when the node has ended.
func (n *Node) Done() <-chan struct{} { return n.done }

// Err returns nil while the node runs, and then why it has ended: ErrLeft,
// ErrClosed, an error that wraps ErrReplaced, or the failure of its listener.
func (n *Node) Err() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// Self returns the node's own participant, as its own group's view shows it.
func (n *Node) Self() Member { return *n.own.current.Load().self }

// Own returns the group that the node belongs to.
func (n *Node) Own() *Group { return n.own }

// Group returns the group of a domain: the node's own or one that it manages.
// It returns false for any other, such as one that a manager of any domain
// has not met yet; see Groups.
func (n *Node) Group(domain string) (*Group, bool) { return n.groups.get(domain) }
