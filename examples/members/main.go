// Command members asks a well-known member who is in a domain, why a member is
// held as it is, or what is wrong with a set-up. It takes part in nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/gotribes/tribes/examples/internal/program"
)

const usage = `members [flags]              prints the view of -domain
members why ID [flags]       explains a member, also one that is gone: by ID, its first digits, address or name
members doctor [flags]       says what is wrong with a set-up, and what to do
Exit status: 0 all is well, 1 failure, 2 a flag must be changed; of doctor, the first thing found:
  10 name does not resolve   11 port not reachable      12 not this protocol    13 another cluster
  14 key                     15 protocol version        16 too old to answer    17 settings do not agree
  18 domain not served       19 cannot be dialled back  20 busy                 21 TLS on one side only
  22 another authority       23 certificate's time      24 certificate's name   25 certificate not accepted otherwise
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	os.Exit(status(err, os.Stderr))
}

// status is that of program.Status, or the code of what doctor has found.
func status(err error, stderr io.Writer) int {
	if f, ok := errors.AsType[*finding](err); ok {
		return f.Code
	}
	return program.Status("members", err, stderr)
}

func run(ctx context.Context, args []string, stdout, _ io.Writer) error {
	s, err := parse(args, stdout)
	if err != nil {
		return err
	}
	switch s.command {
	case "why":
		return s.why(ctx, stdout)
	case "doctor":
		return s.doctor(ctx, stdout)
	}
	return s.list(ctx, stdout)
}

func printUsage(out io.Writer) { fmt.Fprint(out, usage) }
