package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"github.com/gotribes/tribes/examples/internal/balance"
	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership/tribes"
	"github.com/gotribes/tribes/membership/upstream"
)

// tribesModes are the values of -tribes.
var tribesModes = map[string]tribes.Mode{"static": tribes.Static, "service": tribes.Service, "axis2": tribes.Axis2}

// checkTribes finds what does not go with -tribes.
func (s *settings) checkTribes() error {
	mode, known := tribesModes[s.tribes]
	switch {
	case s.tribes == "":
		if len(s.httpPorts) > 0 {
			return program.Bad("http-port", "", "want -tribes with it; members of this library publish their port")
		}
		return nil
	case !known:
		return program.Bad("tribes", s.tribes, "want static, service or axis2")
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
	cfg := tribes.Config{Mode: tribesModes[s.tribes], Domain: s.domain, Manage: s.manage, Advertise: s.advertise, Channel: s.channel}
	if cfg.Mode != tribes.Axis2 {
		cfg.Domain, cfg.Manage, cfg.Manager = s.manage[0], nil, true
	}
	for _, address := range s.wka {
		p := tribes.Peer{Address: address}
		if port := s.httpPorts[address]; port != "" {
			p.Properties = map[string]string{balance.PortProperty: port}
		}
		cfg.Peers = append(cfg.Peers, p)
	}
	return cfg
}

// runTribes is the program in front of Java members.
func runTribes(ctx context.Context, s *settings, web, admin *program.HTTPServer, stdout io.Writer, logger *slog.Logger) error {
	cfg := s.tribesConfig()
	cfg.Logger = logger
	node, err := tribes.Join(ctx, cfg)
	if err != nil {
		return program.Config(err, tribesFlagOf)
	}
	defer node.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	if s.events {
		events := eventlog.New(stdout)
		for g := range node.Groups() {
			wg.Go(func() {
				for c := range g.Changes(context.Background()) { // ends with the node
					events.Change(c, node.Self().ID)
				}
			})
		}
	}
	pools, err := tribesPools(node, s.options())
	if err != nil {
		return err
	}
	defer pools.close()
	proxy := balance.New(s.routes.domainOf, pools.find, logger)
	defer proxy.Close()
	web.Serve(proxy)
	admin.Serve(tribesViews(node))

	select {
	case <-ctx.Done():
		err = nil
	case <-node.Done():
		err = node.Err()
	case err = <-web.Failed():
	case err = <-admin.Failed():
	}
	if left := node.Leave(context.Background()); left != nil {
		logger.Warn("not everybody could be told", "error", left)
	}
	web.Shutdown()
	admin.Shutdown()
	wg.Wait()
	return err
}

// poolsByDomain are the pools of a node among Java members, whose domains are
// all known at its start.
type poolsByDomain map[string]*upstream.Pool

func tribesPools(node *tribes.Node, options upstream.Options) (poolsByDomain, error) {
	pools := poolsByDomain{}
	for g := range node.Groups() {
		pool, err := upstream.New(g, options)
		if err != nil {
			pools.close()
			return nil, err
		}
		pools[g.Domain()] = pool
	}
	return pools, nil
}

func (p poolsByDomain) find(domain string) *upstream.Pool { return p[domain] }

func (p poolsByDomain) close() {
	for _, pool := range p {
		pool.Close()
	}
}

// tribesFlagOf says which flag a field of tribes.Config comes from.
var tribesFlagOf = map[string]string{"Domain": "domain", "Manage": "manage", "Advertise": "advertise", "Peers": "wka"}

// tribesViews answers GET /members with all views.
func tribesViews(node *tribes.Node) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /members", func(w http.ResponseWriter, _ *http.Request) {
		views := []view{}
		for g := range node.Groups() {
			views = append(views, viewOf(g.View()))
		}
		w.Header().Set("Content-Type", "application/json")
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		_ = out.Encode(views) // only the client's absence can fail it
	})
	return mux
}
