// Command elb is a load balancer: it follows domains without belonging to them
// and hands HTTP requests to their members by the Host header. The README of
// the examples says how to run it.
package main

import (
	"context"
	"io"
	"sync"

	"github.com/gotribes/tribes/examples/internal/balance"
	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
)

func main() { program.Main("elb", run) }

// run is the program: listen, start the node, follow its domains, serve. When
// ctx ends it leaves its own domain and then stops serving.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stdout)
	if err != nil {
		return err
	}
	logger := program.Logger(stderr, "elb")
	web, admin, err := listen(s)
	if err != nil {
		return err
	}
	defer web.Close()
	defer admin.Close()
	if s.tribes != "" {
		return runTribes(ctx, s, web, admin, stdout, logger)
	}

	var wg sync.WaitGroup
	defer wg.Wait() // for goroutines that end with the node, which is closed before
	cfg := s.config()
	cfg.Logger = logger
	// Start and not Join: a balancer serves whatever there is, from the first
	// moment on, and may well be the first of all.
	node, err := membership.Start(cfg)
	if err != nil {
		return program.Config(err, flagOf)
	}
	defer node.Close()

	events := eventlog.New(stdout)
	if !s.events {
		events = nil // silent
	}
	dir := newDirectory(node, events)
	wg.Go(dir.run)
	wg.Go(func() { s.keyFile.Follow(node, logger) })
	refused := make(chan error, 1)
	wg.Go(func() {
		if err := program.Joined(ctx, node); err != nil {
			refused <- err
		}
	})
	pools := balance.NewPools(node, s.options())
	defer pools.Close()
	wg.Go(pools.Run)
	proxy := balance.New(s.routes.domainOf, pools.Find, logger)
	defer proxy.Close()
	web.Serve(proxy)
	admin.Serve(dir.handler())

	select {
	case <-ctx.Done():
		err = nil
	case <-node.Done():
		return node.Err() // it was replaced, say
	case err = <-refused:
	case err = <-web.Failed():
	case err = <-admin.Failed():
	}
	program.Leave(node, logger)
	web.Shutdown()
	admin.Shutdown()
	return err
}

// listen takes the addresses for requests and, if there is one, for the views.
func listen(s *settings) (web, admin *program.HTTPServer, err error) {
	if web, err = program.Listen("http", s.http); err != nil {
		return nil, nil, err
	}
	if s.admin == "" {
		return web, nil, nil
	}
	if admin, err = program.Listen("admin", s.admin); err != nil {
		web.Close()
		return nil, nil, err
	}
	return web, admin, nil
}
