// Command tribespeer is a member of a Tribes group that is driven by lines on
// standard input and reports lines of JSON on standard output. It takes the place
// of the Java peer in testdata: the same commands, the same words.
//
//	go run ./internal/tribespeer -addr 127.0.0.1:28401 -peers 127.0.0.1:28400 -domain example
//
// Commands, one a line:
//
//	send|sendstr|sendhex|sendlen <options> all|host:port <data>
//	rpc <options> all|host:port <text>
//	members
//	coordinator
//	addpeer|delpeer host:port[,uid=<32 hex>][,domain=x]
//	sleep <ms>
//	stop    leave
//	halt    end as if killed
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, func() { os.Exit(haltStatus) })
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintf(os.Stderr, "tribespeer: %v\n", err)
		os.Exit(1)
	}
}

// haltStatus is the exit status of a halt.
const haltStatus = 9

// run is the program. It ends with the command stop, or when ctx does.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer, halt func()) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	p := &peer{settings: s, lines: newLines(out), halt: halt}
	return p.run(ctx, in)
}
