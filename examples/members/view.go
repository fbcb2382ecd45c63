package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/inspect"
)

const askTime = 15 * time.Second // for all that one address is asked

// each asks all addresses side by side and returns the errors of those that
// have none to say.
func (s *settings) each(ctx context.Context, ask func(ctx context.Context, c *inspect.Conn, i int) error) []error {
	errs := make([]error, len(s.wellKnown))
	var wg sync.WaitGroup
	for i, address := range s.wellKnown {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, askTime)
			defer cancel()
			c, err := inspect.Dial(ctx, s.asking(), address)
			if err != nil {
				errs[i] = err
				return
			}
			defer c.Close()
			errs[i] = ask(ctx, c, i)
		})
	}
	wg.Wait()
	return errs
}

// list prints the view of each address, with -watch whenever one has changed.
func (s *settings) list(ctx context.Context, out io.Writer) error {
	type known struct {
		id     [16]byte
		number uint64
	}
	last := make([]known, len(s.wellKnown))
	for {
		seen := make([]inspect.Seen, len(s.wellKnown))
		errs := s.each(ctx, func(ctx context.Context, c *inspect.Conn, i int) (err error) {
			if last[i].id != c.Node().ID {
				last[i] = known{id: c.Node().ID}
			}
			seen[i], err = c.View(ctx, s.domain, last[i].number)
			return err
		})
		if ctx.Err() != nil {
			return nil
		}
		for i, v := range seen {
			switch {
			case errs[i] != nil && s.watch:
				fmt.Fprintf(out, "%s: %s\n", s.wellKnown[i], plain(errs[i].Error()))
			case errs[i] == nil && !v.Same:
				last[i].number = v.Number
				s.print(out, s.wellKnown[i], v)
			}
		}
		if !s.watch {
			return errors.Join(errs...)
		}
		select {
		case <-time.After(s.every):
		case <-ctx.Done():
			return nil
		}
	}
}

// A line is a participant as JSON has it.
type line struct {
	Asked, Address, Name, State, SubDomain, ID string
	View                                       uint64
	Manager, Unreachable                       bool
	Properties                                 map[string]string
}

func (s *settings) print(out io.Writer, asked string, v inspect.Seen) {
	var all []line
	add := func(m membership.Member) {
		l := line{asked, m.Address, m.Name, m.State.String(), m.SubDomain, m.ID.String(),
			v.Number, m.Manager, m.Unreachable, map[string]string{}}
		maps.Insert(l.Properties, m.Properties())
		all = append(all, l)
	}
	for m := range v.View.All() {
		add(m)
	}
	for m := range v.View.Managers() {
		add(m)
	}
	if s.json {
		e := json.NewEncoder(out)
		for _, l := range all {
			_ = e.Encode(l)
		}
		return
	}
	fmt.Fprintf(out, "domain %s, as %s sees it: view %d, %d members\n", plain(s.domain), asked, v.Number, v.View.Len())
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ADDRESS\tNAME\tROLE\tSTATE\tID\tPROPERTIES")
	for _, l := range all {
		role := "member"
		if l.Manager {
			role = "manager"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", plain(l.Address), plain(l.Name), role, l.State, l.ID, plain(fmt.Sprint(l.Properties)))
	}
	_ = w.Flush()
}

// why prints what each address knows of a participant.
func (s *settings) why(ctx context.Context, out io.Writer) error {
	told := make([]membership.Explanation, len(s.wellKnown))
	errs := s.each(ctx, func(ctx context.Context, c *inspect.Conn, i int) (err error) {
		told[i], err = c.Explain(ctx, s.domain, s.who)
		return err
	})
	for i, e := range told {
		switch {
		case errs[i] != nil:
		case !e.Known:
			errs[i] = fmt.Errorf("%s does not know %q in domain %q", s.wellKnown[i], s.who, s.domain)
		case s.json:
			_ = json.NewEncoder(out).Encode(e)
		default:
			fmt.Fprintf(out, "asked %s:\n", s.wellKnown[i])
			for text := range strings.Lines(e.String()) {
				fmt.Fprintln(out, plain(strings.TrimRight(text, "\n")))
			}
		}
	}
	return errors.Join(errs...)
}

// plain replaces what a terminal would act upon: names and properties are what
// members say.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
