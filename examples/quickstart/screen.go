package main

import (
	"fmt"
	"io"
	"sync"
	"text/tabwriter"

	"github.com/gotribes/tribes/examples/internal/balance"
	"github.com/gotribes/tribes/membership"
)

// A screen is written to from several goroutines, a whole text at a time.
type screen struct {
	mu  sync.Mutex // for out alone
	out io.Writer
}

// printf writes a text.
func (s *screen) printf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format, args...)
}

// change writes the events of one change, and who saw them.
func (s *screen) change(who string, c membership.Change) {
	for _, e := range c.Events {
		s.printf("%-9s  view %d of %s: %v\n", who, c.View.Number(), c.View.Domain(), e)
	}
}

// table writes the members of a view.
func (s *screen) table(v membership.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "\nMembers of %s as the balancer sees them:\n", v.Domain())
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tADDRESS\tSTATE\tHTTP PORT")
	for m := range v.All() {
		fmt.Fprintf(w, "%s\t%s\t%v\t%s\n", m.Name, m.Address, m.State, m.Property(balance.PortProperty))
	}
	w.Flush()
}
