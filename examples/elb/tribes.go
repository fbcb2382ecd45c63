package main

import (
	"context"
	"log/slog"
	"net"

	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership/tribes"
)

// checkTribes finds what does not go with -tribes.
func (s *settings) checkTribes() error {
	mode, known := program.TribesMode(s.tribes)
	switch {
	case s.tribes == "":
		if len(s.httpPorts) > 0 {
			return program.Bad("http-port", "", "want -tribes with it; members of this library publish their port")
		}
		return nil
	case !known:
		return program.BadTribes(s.tribes)
	case s.sources.Given("key-file"):
		return program.Missing("key-file", "want none with -tribes: Java members know no keys")
	case mode != tribes.Axis2 && (len(s.manage) != 1 || s.manage[0] == anyDomain):
		return program.Bad("manage", s.manage.String(), "want the one domain of the Java group with -tribes "+s.tribes)
	}
	for _, d := range s.manage {
		if d == anyDomain {
			return program.Bad("manage", d, "want the domains by name with -tribes")
		}
	}
	for address := range s.httpPorts {
		if err := program.Address("http-port", address); err != nil {
			return err
		}
	}
	return nil
}

// tribesConfig makes the settings of a node among Java members. With static and
// service it is a member of their group, as they see it.
func (s *settings) tribesConfig() tribes.Config {
	mode, _ := program.TribesMode(s.tribes) // checked
	cfg := tribes.Config{Mode: mode, Domain: s.domain, Manage: s.manage, Advertise: s.advertise, Channel: s.channel}
	if cfg.Mode != tribes.Axis2 {
		cfg.Domain, cfg.Manage, cfg.Manager = s.manage[0], nil, true
	}
	for _, address := range s.wka {
		p := tribes.Peer{Address: address}
		if port := s.httpPorts[address]; port != "" {
			p.Properties = map[string]string{members.HTTPPort: port}
		}
		cfg.Peers = append(cfg.Peers, p)
	}
	return cfg
}

// startTribes makes a node among Java members.
func startTribes(ctx context.Context, s *settings, listener net.Listener, logger *slog.Logger) (*cluster, error) {
	cfg := s.tribesConfig()
	cfg.Logger, cfg.Listener = logger, listener
	node, err := tribes.Join(ctx, cfg)
	if err != nil {
		flags := map[string]string{"Domain": "domain", "Manage": "manage", "Advertise": "advertise", "Peers": "wka",
			"Listener": s.flagOf()["Listener"], "Channel": "tribes-channel"}
		return nil, program.Config(err, flags)
	}
	return &cluster{
		self:   node.Self,
		find:   members.FromNode(node),
		groups: groupsOf(node.Groups()),
		joined: func(context.Context) error { return nil },
		done:   node.Done(),
		err:    node.Err,
		leave:  func() { program.LeaveTribes(node, logger) },
		close:  func() { node.Close() },
	}, nil
}
