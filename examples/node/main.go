// Command node is a member of a domain: it serves HTTP, and balancers of the
// domain learn from its properties where. The README of the examples says how
// to run it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/examples/internal/members"
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
	if s.printConfig {
		s.print(stdout)
	}
	if s.printConfig || s.checkConfig {
		return nil
	}
	logger := program.Logger(stderr, "node")
	for _, n := range s.notes {
		logger.Info("a setting of a file is not used", "at", n.Place.String(), "setting", n.Setting, "why", n.Why)
	}
	doors, err := open(s, logger)
	if err != nil {
		return err
	}
	defer doors.close()

	var wg sync.WaitGroup
	defer wg.Wait() // for goroutines that end with the node, which is closed before
	properties, err := s.published(port(doors.plain), port(doors.secure))
	if err != nil {
		return err
	}
	for _, lost := range astray(properties, properties[members.HTTPPort], properties[members.HTTPSPort]) {
		logger.Warn("a port mapping leads to a port that is not served here", "property", lost,
			members.HTTPPort, properties[members.HTTPPort], members.HTTPSPort, properties[members.HTTPSPort])
	}
	node, err := start(s, properties, logger)
	if err != nil {
		return err
	}
	defer node.Close()
	doors.serve(s, node)

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
	refused := make(chan error, 1)
	wg.Go(func() {
		if err := announce(ctx, node, events); err != nil {
			refused <- err
		}
	})
	return attend(ctx, s, args, node, doors, refused, logger)
}

// attend waits for the end, and meanwhile reads files again that have changed,
// or all of them on SIGHUP.
func attend(ctx context.Context, s *settings, args []string, node *membership.Node, doors *doors, refused <-chan error,
	logger *slog.Logger) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	var wg sync.WaitGroup
	defer wg.Wait()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	if s.store.File != "" {
		wg.Go(func() {
			program.Watch(watching, program.WatchTime, s.store.Files, func() { doors.renew(s, logger) })
		})
	}
	for {
		select {
		case <-hangup:
			doors.renew(s, logger)
			reload(ctx, s, args, node, doors, logger)
			continue
		case <-ctx.Done():
			program.Leave(node, logger)
			doors.shutdown()
			return nil
		case <-node.Done():
			return node.Err() // it was replaced, say
		case err := <-refused:
			return err
		case err := <-doors.plain.Failed():
			program.Leave(node, logger)
			return err
		case err := <-doors.secure.Failed():
			program.Leave(node, logger)
			return err
		}
	}
}

// reload reads the files again and publishes the properties that they have now.
// All else takes a new start. What cannot be used is logged, and the old goes on.
func reload(ctx context.Context, old *settings, args []string, node *membership.Node, doors *doors, logger *slog.Logger) {
	s, err := parse(args, nil)
	if err == nil && (s.domain != old.domain || s.subDomain != old.subDomain || s.advertise != old.advertise ||
		s.http != old.http || s.https != old.https || !slices.Equal(s.wka, old.wka)) {
		err = errors.New("it takes a new start to change more than properties, keys and certificates")
	}
	var properties map[string]string
	if err == nil {
		properties, err = s.published(port(doors.plain), port(doors.secure))
	}
	if err == nil {
		err = node.SetProperties(ctx, properties)
	}
	if err != nil {
		logger.Error("the configuration cannot be used; the old one goes on", "error", err)
		return
	}
	logger.Info("the configuration was read again")
}

// start makes the node of the settings. What they got wrong is an error that
// names the flag.
func start(s *settings, properties map[string]string, logger *slog.Logger) (*membership.Node, error) {
	cfg := s.config(properties)
	cfg.Logger = logger
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
