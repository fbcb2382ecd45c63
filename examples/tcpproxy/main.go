// Command tcpproxy hands TCP connections to the members of one domain, whatever
// they speak. The README of the examples says how to run it.
package main

import (
	"context"
	"io"
	"net"
	"sync"

	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
)

func main() { program.Main("tcpproxy", run) }

// run is the program: listen, start the node, serve. When ctx ends it takes no
// more connections, lets those that there are end for a while, and leaves.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stdout)
	if err != nil {
		return err
	}
	logger := program.Logger(stderr, "tcpproxy")
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	cfg := s.config()
	cfg.Logger = logger
	node, err := membership.Start(cfg)
	if err != nil {
		return program.Config(err, flagOf)
	}
	defer node.Close()
	go s.keyFile.Follow(node, logger) // ends with the node
	group, _ := node.Group(s.manage)  // it manages that domain
	pool, err := upstream.New(group, upstream.Options{Policy: upstream.LeastInFlight, Port: s.port})
	if err != nil {
		return err
	}
	defer pool.Close()

	p := newProxy(pool, logger)
	var wg sync.WaitGroup
	defer wg.Wait()
	failed := make(chan error, 1)
	wg.Go(func() { failed <- p.serve(listener) })
	select {
	case <-ctx.Done():
		err = nil
	case <-node.Done():
		err = node.Err() // it was replaced, say
	case err = <-failed:
	}
	listener.Close()
	p.end(s.drain)
	program.Leave(node, logger)
	return err
}
