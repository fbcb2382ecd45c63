// Bench runs this library and hashicorp/memberlist side by side and makes the table of docs/compare.md.
//
//	go run . table                 all rows, in less than 30 minutes on two quiet cores
//	go run . table -rows 1,4,7     some of them
//	go run . soak -for 30m         a group under random faults, and whether what it was told is true
//	go run . crowd                 500 nodes in a few processes, and what limits that
//	go run . frontier              the picture: time to find a crash against the longest pause that is survived
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/gotribes/tribes/internal/bench/fleet"
)

// commands are what the first argument can be.
var commands = map[string]func(context.Context, []string) error{
	"table":    runTable,
	"frontier": runFrontier,
	"job":      runJob, // started by the others: one job in a process of its own
}

func main() {
	fleet.Serve()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("say what to do: table, frontier, soak or crowd; see go doc")
	}
	command, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("%q is not a command; there are table, frontier, soak and crowd", args[0])
	}
	return command(ctx, args[1:])
}
