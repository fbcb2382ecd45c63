// Command filehook writes the members of a domain into a file by a template,
// and runs a command when the file has changed: so nginx, HAProxy and others
// follow a domain. The README of the examples says how to run it.
package main

import (
	"context"
	"io"

	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
)

func main() { program.Main("filehook", run) }

// run is the program: start the node and follow the domain until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stdout)
	if err != nil {
		return err
	}
	logger := program.Logger(stderr, "filehook")
	h, err := newHook(s, logger)
	if err != nil {
		return err
	}
	cfg := s.config()
	cfg.Logger = logger
	node, err := membership.Start(cfg)
	if err != nil {
		return program.Config(err, flagOf)
	}
	defer node.Close()
	go s.keyFile.Follow(node, logger) // ends with the node
	group, _ := node.Group(s.manage)  // it manages that domain
	h.follow(ctx, group)
	if err := node.Err(); err != nil {
		return err // it was replaced, say
	}
	program.Leave(node, logger)
	return nil
}
