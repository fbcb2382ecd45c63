package main

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership/tribes"
)

// tribesModes are the values of -tribes.
var tribesModes = map[string]tribes.Mode{"static": tribes.Static, "service": tribes.Service, "axis2": tribes.Axis2}

// tribesFlagOf says which flag a field of tribes.Config comes from.
var tribesFlagOf = map[string]string{"Domain": "domain", "Advertise": "advertise", "Peers": "wka", "Properties": "property"}

// subDomainProperty is where Carbon looks for a member's sub-domain.
const subDomainProperty = "subDomain"

// runTribes is the program as a member of a group of Java members.
func runTribes(ctx context.Context, s *settings, web *program.HTTPServer, stdout io.Writer, logger *slog.Logger) error {
	mode, known := tribesModes[s.tribes]
	if !known {
		return program.Bad("tribes", s.tribes, "want static, service or axis2")
	}
	mine := s.config(web.Port())
	cfg := tribes.Config{
		Mode: mode, Domain: s.domain, Advertise: s.advertise, Channel: s.channel, Properties: mine.Properties, Logger: logger,
	}
	if s.subDomain != "" {
		cfg.Properties[subDomainProperty] = s.subDomain
	}
	for _, address := range s.wka {
		cfg.Peers = append(cfg.Peers, tribes.Peer{Address: address})
	}
	node, err := tribes.Join(ctx, cfg)
	if err != nil {
		return program.Config(err, tribesFlagOf)
	}
	defer node.Close()
	web.Serve(answers(node.Self))
	var wg sync.WaitGroup
	defer wg.Wait()
	if s.events {
		events := eventlog.New(stdout)
		wg.Go(func() {
			for c := range node.Own().Changes(context.Background()) { // ends with the node
				events.Change(c, node.Self().ID)
			}
		})
	}
	select {
	case <-ctx.Done():
		err = nil
	case <-node.Done():
		err = node.Err()
	case err = <-web.Failed():
	}
	if left := node.Leave(context.Background()); left != nil {
		logger.Warn("not everybody could be told", "error", left)
	}
	web.Shutdown()
	wg.Wait()
	return err
}
