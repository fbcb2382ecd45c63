// Command node is a member of a domain: it serves HTTP, and balancers of the
// domain learn from its properties where. The README of the examples says how
// to run it.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/examples/internal/program"
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
	// From here on, as before it is caught the signal would end the process.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	if err := s.keyFile.Read(); err != nil {
		return err
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
	node, err := start(ctx, s, properties, logger)
	if err != nil {
		return err
	}
	defer node.close()
	doors.serve(s, node.self)
	state := &health{}
	doors.health.Serve(state.handler())
	context.AfterFunc(ctx, func() { state.leaving.Store(true) })

	events := eventlog.New(stdout)
	if !s.events {
		events = nil // silent
	}
	wg.Go(func() {
		// Ends with the node and not with ctx, so that its leaving is shown too.
		for c := range node.changes {
			events.Change(c, node.self().ID)
		}
	})
	wg.Go(func() { drain(ctx, node, logger) })
	refused := make(chan error, 1)
	wg.Go(func() {
		if err := node.announce(ctx, events, state); err != nil {
			refused <- err
		}
	})
	return attend(ctx, s, args, node, doors, hangup, refused, logger)
}

// attend waits for the end, and meanwhile reads files again that have changed,
// or all of them on SIGHUP.
func attend(ctx context.Context, s *settings, args []string, node *peer, doors *doors, hangup <-chan os.Signal,
	refused <-chan error, logger *slog.Logger) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	if s.store.File != "" {
		wg.Go(func() {
			program.Watch(watching, program.WatchTime, doors.before, s.store.Files, func() { doors.renew(s, logger) })
		})
	}
	for {
		select {
		case <-hangup:
			reload(ctx, s, args, node, doors, logger)
			continue
		case <-ctx.Done():
			node.leave()
			doors.shutdown()
			return nil
		case <-node.done:
			return node.err() // it was replaced, say
		case err := <-refused:
			return err
		case err := <-doors.plain.Failed():
			node.leave()
			return err
		case err := <-doors.secure.Failed():
			node.leave()
			return err
		}
	}
}

// reload reads the files again, publishes the properties that they have now, and
// takes their keys and certificates. All else takes a new start. What cannot be
// used is logged, and the old goes on, as a whole.
func reload(ctx context.Context, old *settings, args []string, node *peer, doors *doors, logger *slog.Logger) {
	s, err := parse(args, nil)
	if err == nil && (s.domain != old.domain || s.subDomain != old.subDomain || s.advertise != old.advertise ||
		s.http != old.http || s.https != old.https || !slices.Equal(s.wka, old.wka)) {
		err = errors.New("it takes a new start to change more than properties, keys and certificates")
	}
	var properties map[string]string
	if err == nil {
		properties, err = s.published(port(doors.plain), port(doors.secure))
	}
	var certs []tls.Certificate
	if err == nil {
		certs, err = doors.read(old)
	}
	if err == nil {
		err = s.keyFile.Read()
	}
	if err == nil {
		err = node.publish(ctx, properties)
	}
	if err == nil && s.keyFile.Keys() != nil {
		err = node.rekey(s.keyFile.Keys()) // checked: what goes wrong now is that the node has ended
	}
	if err != nil {
		logger.Error("the configuration cannot be used; the old one goes on", "error", err)
		return
	}
	if certs != nil {
		doors.certs.Store(&certs)
	}
	logger.Info("the configuration was read again")
}
