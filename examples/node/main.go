// Command node is a member of a domain: it serves HTTP, and balancers of the
// domain learn from its properties where. The README of the examples says how
// to run it.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
)

func main() { program.Main("node", run) }

// run is the program: listen, join, serve. When ctx ends it leaves first, so
// that nobody sends anything more, and then stops serving.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stdout)
	if err != nil {
		return err
	}
	logger := program.Logger(stderr, "node")
	web, err := program.Listen("http", s.http)
	if err != nil {
		return err
	}
	defer web.Close()
	if s.tribes != "" {
		return runTribes(ctx, s, web, stdout, logger)
	}

	var wg sync.WaitGroup
	defer wg.Wait() // for goroutines that end with the node, which is closed before
	node, err := start(s, web.Port(), stderr)
	if err != nil {
		return err
	}
	defer node.Close()
	web.Serve(answers(node.Self))
	wg.Go(func() { s.keyFile.Follow(node, logger) })

	events := eventlog.New(stdout)
	if !s.events {
		events = nil // silent
	}
	wg.Go(func() {
		// Ends with the node and not with ctx, so that its leaving is shown too.
		for c := range node.Own().Changes(context.Background()) {
			events.Change(c, node.Self().ID)
		}
	})
	wg.Go(func() { drain(ctx, node, logger) })
	refused := make(chan error, 1)
	wg.Go(func() {
		if err := announce(ctx, node, events); err != nil {
			refused <- err
		}
	})

	select {
	case <-ctx.Done():
		program.Leave(node, logger)
		web.Shutdown()
		return nil
	case <-node.Done():
		return node.Err() // it was replaced, say
	case err := <-refused:
		return err
	case err := <-web.Failed():
		program.Leave(node, logger)
		return err
	}
}

// start makes the node of the settings. What they got wrong is an error that
// names the flag.
func start(s *settings, httpPort string, stderr io.Writer) (*membership.Node, error) {
	cfg := s.config(httpPort)
	cfg.Logger = program.Logger(stderr, "node")
	if s.listen != "" {
		listener, err := net.Listen("tcp", s.listen)
		if err != nil {
			return nil, fmt.Errorf("-listen %q: %w", s.listen, err)
		}
		cfg.Listener = listener
	}
	// Start and not Join: a node that comes before its balancer waits for it.
	node, err := membership.Start(cfg)
	if err != nil {
		if cfg.Listener != nil {
			cfg.Listener.Close()
		}
		return nil, program.Config(err, s.flagOf())
	}
	return node, nil
}

// announce waits until the node has joined and every balancer of its domain has
// taken note of it, and says so. An error is a refusal that waiting will not
// change, such as that of another cluster.
func announce(ctx context.Context, node *membership.Node, events *eventlog.Writer) error {
	if err := program.Joined(ctx, node); err != nil {
		return err
	}
	if _, err := node.Ready(ctx); err == nil {
		events.Ready(node.Own().View(), node.Self())
	}
	return nil
}
