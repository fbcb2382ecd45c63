package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"

	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/tribes"
)

// subDomainProperty is where Carbon looks for a member's sub-domain.
const subDomainProperty = "subDomain"

// checkTribes finds what does not go with -tribes.
func (s *settings) checkTribes() error {
	if s.tribes == "" {
		return nil
	}
	if _, known := program.TribesMode(s.tribes); !known {
		return program.BadTribes(s.tribes)
	}
	if s.sources.Given("key-file") {
		return program.Missing("key-file", "want none with -tribes: Java members know no keys")
	}
	if s.advertise == "" {
		return program.Missing("advertise", "want the host:port that other members dial, as 127.0.0.1:4100, with -tribes")
	}
	return nil
}

// errFixed is why a member of a Java group stays as it is.
var errFixed = errors.New("with -tribes it takes a new start to change what a member publishes")

// startTribes makes a node in a group of Java members.
func startTribes(ctx context.Context, s *settings, properties map[string]string, listener net.Listener, logger *slog.Logger) (
	*peer, error) {
	mode, _ := program.TribesMode(s.tribes) // checked
	if s.subDomain != "" {
		properties[subDomainProperty] = s.subDomain
	}
	cfg := tribes.Config{
		Mode: mode, Domain: s.domain, Advertise: s.advertise, Channel: s.channel, Properties: properties,
		Listener: listener, Logger: logger,
	}
	for _, address := range s.wka {
		cfg.Peers = append(cfg.Peers, tribes.Peer{Address: address})
	}
	node, err := tribes.Join(ctx, cfg)
	if err != nil {
		flags := map[string]string{"Domain": "domain", "Advertise": "advertise", "Peers": "wka", "Properties": "property",
			"Listener": s.flagOf()["Listener"], "Channel": "tribes-channel"}
		return nil, program.Config(err, flags)
	}
	return &peer{
		self:    node.Self,
		changes: node.Own().Changes(context.Background()),
		announce: func(_ context.Context, _ *eventlog.Writer, state *health) error {
			state.known.Store(true) // as far as it can be known: Join has asked all, and Java members confirm nothing
			return nil
		},
		publish: func(_ context.Context, now map[string]string) error {
			if s.subDomain != "" {
				now[subDomainProperty] = s.subDomain
			}
			if !maps.Equal(now, properties) {
				return errFixed
			}
			return nil // certificates may have changed
		},
		setState: func(context.Context, membership.State) error { return errFixed },
		done:     node.Done(),
		err:      node.Err,
		leave:    func() { program.LeaveTribes(node, logger) },
		close:    func() { node.Close() },
	}, nil
}
