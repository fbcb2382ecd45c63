package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/bench/network"
	"github.com/gotribes/tribes/internal/bench/report"
	"github.com/gotribes/tribes/internal/bench/rows"
)

// Outputs are the files that a command writes besides its standard output.
type outputs struct {
	json, md, svg string
}

func (s *schedule) flags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.IntVar(&s.repeats, "repeats", 0, "jobs of each library, profile and size; 0: what each row says")
	flags.Uint64Var(&s.seed, "seed", 1, "of the choices, which are the same for both libraries")
	flags.IntVar(&s.alongside, "alongside", 7, "jobs at a time of the rows that wait more than they work")
	return flags
}

func runTable(ctx context.Context, args []string) error {
	s := &schedule{network: network.Available(), progress: os.Stderr}
	var out outputs
	flags := s.flags("table")
	only := flags.String("rows", "", "numbers of the rows to run, as in 1,4,7; 'frontier' for the picture's; default: all of them")
	flags.BoolVar(&s.full, "full", false, "the long form of rows 9 and 13, which takes some minutes more")
	flags.StringVar(&out.json, "json", "", "write everything to this file as JSON")
	flags.StringVar(&out.md, "md", "", "replace the table in this page; default: the table goes to standard output")
	flags.StringVar(&out.svg, "svg", "", "write the picture to this file; default: frontier.svg beside the page of -md")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	s.rows = chosen
	return s.make(ctx, out)
}

func runFrontier(ctx context.Context, args []string) error {
	s := &schedule{network: network.Available(), progress: os.Stderr, rows: rows.Frontier()}
	var out outputs
	flags := s.flags("frontier")
	flags.StringVar(&out.json, "json", "", "write everything to this file as JSON")
	flags.StringVar(&out.svg, "svg", "frontier.svg", "write the picture to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return s.make(ctx, out)
}

// choose returns the rows with these numbers or IDs, all if there are none.
func choose(only string) ([]rows.Row, error) {
	all := append(rows.All(), rows.Frontier()...)
	if only == "" {
		return all, nil
	}
	var out []rows.Row
	for want := range strings.SplitSeq(only, ",") {
		found := false
		for _, r := range all {
			if r.Number() == want || r.ID == want {
				out, found = append(out, r), true
			}
		}
		if !found {
			return nil, fmt.Errorf("-rows %s: there is no row %q; there are 1 to 16 and frontier", only, want)
		}
	}
	return out, nil
}

// make runs the rows and writes what came of them. What could be measured is written also when it is an error that
// something could not.
func (s *schedule) make(ctx context.Context, out outputs) error {
	begun, before := time.Now(), load()
	results, err := s.run(ctx)
	if err != nil {
		return fmt.Errorf("interrupted, nothing is written: %w", err)
	}
	r := report.Report{Header: header(begun, before, s.seed)}
	var points []report.Point
	refused := 0
	for _, row := range s.rows {
		built := report.Build(row, results[row.ID])
		if row.Network && s.network != nil {
			built.Skipped, built.Parts = s.network.Error(), nil
		}
		for _, p := range built.Parts {
			if p.Refused != "" {
				refused++
			}
		}
		if row.ID == rows.Frontier()[0].ID {
			points = report.Points(built)
		}
		r.Rows = append(r.Rows, built)
	}
	r.Aim()
	if err := errors.Join(s.write(out, r, results), draw(out, points, r.Header)); err != nil {
		return err
	}
	if refused > 0 {
		return fmt.Errorf("%d parts of rows are not reported, because one side did not run; the table says why", refused)
	}
	return nil
}

func (s *schedule) write(out outputs, r report.Report, results map[string][]rows.Result) error {
	text := r.Markdown()
	if out.md == "" {
		fmt.Println(text)
	} else {
		page, err := os.ReadFile(out.md)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		text, err = report.Replace(string(page), text)
		if err != nil {
			return fmt.Errorf("%s: %w", out.md, err)
		}
		if err := os.WriteFile(out.md, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if out.json == "" {
		return nil
	}
	b, err := json.MarshalIndent(struct {
		report.Report
		Results map[string][]rows.Result `json:"results"`
	}{r, results}, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(out.json, append(b, '\n'), 0o644)
}

// draw writes the picture if its row was run.
func draw(out outputs, points []report.Point, h report.Header) error {
	file := out.svg
	if file == "" && out.md != "" {
		file = filepath.Join(filepath.Dir(out.md), "frontier.svg")
	}
	if points == nil || file == "" {
		return nil
	}
	text, err := report.Picture(points, fmt.Sprintf("ten processes; memberlist %s; %s", h.Memberlist, h.Begun))
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
