package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net"

	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport"
)

// A peer is this program as a member, whatever protocol its group speaks.
type peer struct {
	self     func() membership.Member
	changes  iter.Seq[membership.Change] // of its domain, until it ends
	announce func(ctx context.Context, events *eventlog.Writer, state *health) error
	publish  func(ctx context.Context, properties map[string]string) error
	setState func(ctx context.Context, state membership.State) error
	rekey    func([]transport.Key) error // nil: it has no keys
	done     <-chan struct{}
	err      func() error // why it has ended
	leave    func()
	close    func()
}

// start makes the member of the settings. What they got wrong is an error that
// names the flag.
func start(ctx context.Context, s *settings, properties map[string]string, logger *slog.Logger) (*peer, error) {
	var listener net.Listener
	if s.listen != "" {
		var err error
		if listener, err = net.Listen("tcp", s.listen); err != nil {
			return nil, fmt.Errorf("-listen %q: %w", s.listen, err)
		}
	}
	var p *peer
	var err error
	if s.tribes != "" {
		p, err = startTribes(ctx, s, properties, listener, logger)
	} else {
		p, err = startNode(s, properties, listener, logger)
	}
	if err != nil && listener != nil {
		listener.Close()
	}
	return p, err
}

// startNode makes a member of a group of this library.
func startNode(s *settings, properties map[string]string, listener net.Listener, logger *slog.Logger) (*peer, error) {
	cfg := s.config(properties)
	cfg.Logger, cfg.Listener = logger, listener
	// Start and not Join: a node that comes before its balancer waits for it.
	node, err := membership.Start(cfg)
	if err != nil {
		return nil, program.Config(err, s.flagOf())
	}
	return &peer{
		self:    node.Self,
		changes: node.Own().Changes(context.Background()),
		announce: func(ctx context.Context, events *eventlog.Writer, state *health) error {
			return announce(ctx, node, events, state)
		},
		publish:  node.SetProperties,
		setState: node.SetState,
		rekey:    node.SetKeys,
		done:     node.Done(),
		err:      node.Err,
		leave:    func() { program.Leave(node, logger) },
		close:    func() { node.Close() },
	}, nil
}

// announce waits until the node has joined and every balancer of its domain has
// taken note of it, and says so. An error is a refusal that waiting will not
// change, such as that of another cluster.
func announce(ctx context.Context, node *membership.Node, events *eventlog.Writer, state *health) error {
	if err := program.Joined(ctx, node); err != nil {
		return err
	}
	if _, err := node.Ready(ctx); err == nil {
		state.known.Store(true)
		events.Ready(node.Own().View(), node.Self())
	}
	return nil
}
