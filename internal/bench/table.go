package main

import (
	"context"
	"flag"
	"os"
	"strings"

	"github.com/gotribes/tribes/internal/bench/network"
	"github.com/gotribes/tribes/internal/bench/rows"
)

func runTable(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("table", flag.ContinueOnError)
	only := flags.String("rows", "", "numbers of the rows to run, as in 1,4,7; default: all")
	s := &schedule{network: network.Available(), progress: os.Stderr}
	flags.IntVar(&s.repeats, "repeats", 0, "jobs of each library, profile and size; 0: what each row says")
	flags.Uint64Var(&s.seed, "seed", 1, "of the choices, which are the same for both libraries")
	flags.IntVar(&s.alongside, "alongside", 4, "jobs at a time of the rows that wait more than they work")
	flags.BoolVar(&s.full, "full", false, "the long form of row 13: three minutes of loss")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, r := range rows.All() {
		if *only == "" || strings.Contains(","+*only+",", ","+r.Number()+",") || strings.Contains(","+*only+",", ","+r.ID+",") {
			s.rows = append(s.rows, r)
		}
	}
	_, err := s.run(ctx)
	return err
}

func runFrontier(ctx context.Context, args []string) error { return nil }
