// Package program is what the example programs have in common: how they read
// their flags, end on a signal, and tell the world what was wrong.
//
// The exit status is 0 after SIGINT, SIGTERM or -h, 2 for a flag or setting
// that cannot be, and 1 for anything else. Standard output belongs to what the
// program has to say; logs and errors go to standard error, an error as one
// line that names what to change.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Exit statuses of the examples.
const (
	ExitOK      = 0 // done, or asked to end
	ExitFailure = 1 // it ran and failed, or could not start
	ExitUsage   = 2 // a flag or setting must be changed
)

// A Run is a whole program. It returns when its work is done or, after leaving
// cleanly, when ctx ends; args are without the program's name.
type Run func(ctx context.Context, args []string, stdout, stderr io.Writer) error

// Main runs a program in this process and does not return. ctx ends with the
// first SIGINT or SIGTERM; a second one ends the process at once.
func Main(name string, run Run) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Handing the signals back makes the second one deadly, for whoever does
	// not want to wait until everybody has been told.
	context.AfterFunc(ctx, stop)
	os.Exit(Status(name, run(ctx, os.Args[1:], os.Stdout, os.Stderr), os.Stderr))
}

// Status gives the exit status for what a [Run] returned, and prints the error,
// if it is one, as a single line that begins with the program's name.
func Status(name string, err error, stderr io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return ExitOK
	}
	// Errors that were joined stand on lines of their own; a log wants one.
	text := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " ")
	fmt.Fprintf(stderr, "%s: %s\n", name, text)
	if _, bad := errors.AsType[*SettingError](err); bad {
		return ExitUsage
	}
	return ExitFailure
}
