// Command elb is a load balancer: it follows domains without belonging to them
// and hands HTTP requests to their members by host and tenant. It takes the
// configuration files of the originals, or flags. The README of the examples
// says how to run it.
package main

import (
	"context"
	"crypto/tls"
	"io"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/examples/internal/program"
)

func main() { program.Main("elb", run) }

// run is the program: listen, start the node, follow its domains, serve. When
// ctx ends it stops accepting, finishes what is under way, and leaves its own
// domain.
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
	logger := program.Logger(stderr, "elb")
	for _, n := range s.notes {
		logger.Info("a setting of a file is not used", "at", n.Place.String(), "setting", n.Setting, "why", n.Why)
	}
	before := program.LookAt(s.watched())
	files, err := load(s)
	if err != nil {
		return err
	}
	doors, err := open(s)
	if err != nil {
		return err
	}
	defer doors.close()

	var wg sync.WaitGroup
	defer wg.Wait() // for goroutines that end with the node, which is closed before
	node, err := start(ctx, s, logger)
	if err != nil {
		return err
	}
	defer node.close()

	desk := newDesk(s, node, logger)
	defer desk.close()
	b := newBalancer(s, args, doors, desk.over(stderr), logger)
	defer b.gw.Close()
	b.find, b.manage, b.rekey, b.before = node.find, node.manage, node.rekey, before
	b.apply(s, files)
	var events *eventlog.Writer // silent
	if s.events {
		events = eventlog.New(stdout)
	}
	dir := newDirectory(node, desk.follower(events))
	wg.Go(dir.run)
	refused := make(chan error, 1)
	wg.Go(func() {
		if err := node.joined(ctx); err != nil {
			refused <- err
		} else if ctx.Err() == nil {
			desk.joined.Store(true)
		}
	})
	desk.open(b, dir, doors)
	doors.serve(b)
	return attend(ctx, b, node, doors, desk, hangup, refused)
}

// attend waits for the end, and meanwhile reads files again that have changed,
// or all of them on SIGHUP.
func attend(ctx context.Context, b *balancer, node *cluster, doors *doors, desk *desk, hangup <-chan os.Signal,
	refused <-chan error) error {
	changed := make(chan struct{}, 1)
	watching, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	var files atomic.Pointer[[]string] // the watcher runs beside this
	files.Store(new(b.now.watched()))
	wg.Go(func() {
		program.Watch(watching, program.WatchTime, b.before, func() []string { return *files.Load() }, func() {
			select {
			case changed <- struct{}{}:
			default: // it will be read anyway
			}
		})
	})
	var err error
	for waiting := true; waiting; {
		waiting = false
		select {
		case <-hangup:
			b.reload()
			files.Store(new(b.now.watched()))
			waiting = true
		case <-changed:
			b.refresh()
			waiting = true
		case <-ctx.Done():
		case <-node.done:
			return node.err() // it was replaced, say
		case err = <-refused:
		case err = <-doors.plain.Failed():
		case err = <-doors.secure.Failed():
		case err = <-doors.admin.Failed():
		}
	}
	desk.ending.Store(true)
	doors.shutdown()
	node.leave()
	desk.close()
	doors.admin.Shutdown()
	return err
}

// doors are where requests come in. Each may be nil.
type doors struct{ plain, secure, admin *program.HTTPServer }

// open takes the addresses. One that is taken is an error: nothing is moved to
// another one.
func open(s *settings) (*doors, error) {
	d := &doors{}
	for _, one := range []struct {
		flagName, address string
		to                **program.HTTPServer
	}{{"http", s.http, &d.plain}, {"https", s.https, &d.secure}, {"admin", s.admin, &d.admin}} {
		if one.address == "" {
			continue
		}
		server, err := program.Listen(one.flagName, one.address)
		if err != nil {
			d.close()
			return nil, err
		}
		*one.to = server.Bound(program.Limits{Header: s.maxHeader, Connections: s.maxConnections, Stop: s.drain})
	}
	return d, nil
}

// port is the one that a server listens on, or "".
func port(s *program.HTTPServer) string {
	if s == nil {
		return ""
	}
	return s.Port()
}

// serve begins to answer.
func (d *doors) serve(b *balancer) {
	if d.plain != nil {
		d.plain.Log(b.gw.ErrorLog())
		d.plain.Serve(b.gw.Handler(false, d.plain.Port()))
	}
	if d.secure != nil {
		d.secure.Log(b.gw.ErrorLog())
		d.secure.Secure(&tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: b.certificate})
		d.secure.Serve(b.gw.Handler(true, d.secure.Port()))
	}
}

// shutdown lets requests under way end, at all doors for clients at the same time.
func (d *doors) shutdown() {
	var wg sync.WaitGroup
	wg.Go(d.plain.Shutdown)
	wg.Go(d.secure.Shutdown)
	wg.Wait()
}

// close cuts everything off.
func (d *doors) close() {
	d.plain.Close()
	d.secure.Close()
	d.admin.Close()
}
