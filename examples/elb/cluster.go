package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net"

	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport"
)

// A group is a domain that the balancer belongs to or follows.
type group interface {
	members.Group
	Domain() string
}

// A cluster is the balancer's node, whatever protocol it speaks with members.
type cluster struct {
	stats  func() membership.Stats // nil if there are none
	self   func() membership.Member
	find   members.Find
	manage func(domain string) error // follows one more; nil: none can be
	groups iter.Seq[group]           // also those that come later, until the node ends
	joined func(ctx context.Context) error
	rekey  func([]transport.Key) error // nil: it has no keys
	done   <-chan struct{}
	err    func() error // why it has ended
	leave  func()
	close  func()
}

// start makes the node of the settings. What they got wrong is an error that
// names the flag.
func start(ctx context.Context, s *settings, logger *slog.Logger) (*cluster, error) {
	listener, err := s.listener()
	if err != nil {
		return nil, err
	}
	var c *cluster
	if s.tribes != "" {
		c, err = startTribes(ctx, s, listener, logger)
	} else {
		c, err = startNode(s, listener, logger)
	}
	if err != nil && listener != nil {
		listener.Close()
	}
	return c, err
}

// listener is the one for members; nil if the library is to listen.
func (s *settings) listener() (net.Listener, error) {
	if s.listen == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return nil, fmt.Errorf("-listen %q: %w", s.listen, err)
	}
	return listener, nil
}

// startNode makes a node among members of this library.
func startNode(s *settings, listener net.Listener, logger *slog.Logger) (*cluster, error) {
	cfg := s.config()
	cfg.Logger, cfg.Listener = logger, listener
	// Start and not Join: a balancer serves whatever there is, from the first
	// moment on, and may well be the first of all.
	node, err := membership.Start(cfg)
	if err != nil {
		return nil, program.Config(err, s.flagOf())
	}
	return &cluster{
		stats:  node.Stats,
		self:   node.Self,
		find:   members.FromNode(node),
		manage: func(domain string) error { _, err := node.Follow(domain); return err },
		groups: groupsOf(node.Groups(context.Background())),
		joined: func(ctx context.Context) error { return program.Joined(ctx, node) },
		rekey:  node.SetKeys,
		done:   node.Done(),
		err:    node.Err,
		leave:  func() { program.Leave(node, logger) },
		close:  func() { node.Close() },
	}, nil
}

// groupsOf are groups of one kind.
func groupsOf[G group](all iter.Seq[G]) iter.Seq[group] {
	return func(yield func(group) bool) {
		for g := range all {
			if !yield(g) {
				return
			}
		}
	}
}
