package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/bench/network"
	"github.com/gotribes/tribes/internal/bench/rows"
)

// A schedule runs the jobs of some rows: those that count in milliseconds alone, the others alongside each other.
type schedule struct {
	rows      []rows.Row
	repeats   int // 0: what each row says
	seed      uint64
	full      bool
	alongside int // jobs at a time of the rows that allow it
	network   error
	progress  io.Writer

	mu   sync.Mutex
	done int
}

// jobs lists the jobs of a row: repeat by repeat, so that the subjects alternate.
func (s *schedule) jobs(r rows.Row) []rows.Job {
	repeats := func(size int) int {
		if s.repeats > 0 {
			return s.repeats
		}
		return r.RepeatsAt(size)
	}
	most := 0
	for _, size := range r.Sizes {
		most = max(most, repeats(size))
	}
	var out []rows.Job
	for repeat := range most {
		for _, size := range r.Sizes {
			if repeat >= repeats(size) {
				continue
			}
			subjects := r.At(size)
			for k := range subjects {
				// Another one begins each time, so that none always follows the same.
				name := subjects[(k+repeat)%len(subjects)]
				out = append(out, rows.Job{Row: r.ID, Subject: name, Size: size, Repeat: repeat, Seed: s.seed, Full: s.full})
			}
		}
	}
	return out
}

// run runs everything and returns the results by row.
func (s *schedule) run(ctx context.Context) (map[string][]rows.Result, error) {
	var alone, along []rows.Job
	// Those that may take longest begin first, so that nobody waits long for the last.
	for _, r := range slices.SortedStableFunc(slices.Values(s.rows), func(a, b rows.Row) int { return cmp.Compare(b.Limit, a.Limit) }) {
		switch {
		case r.Network && s.network != nil: // left out; the report says why
		case r.Alongside:
			along = append(along, s.jobs(r)...)
		default:
			alone = append(alone, s.jobs(r)...)
		}
	}
	total := len(alone) + len(along)
	out := map[string][]rows.Result{}
	take := func(j rows.Job) {
		result := s.one(ctx, j)
		s.mu.Lock()
		defer s.mu.Unlock()
		out[j.Row] = append(out[j.Row], result)
		s.done++
		fmt.Fprintf(s.progress, "%s %d/%d row %s %s n=%d: %s\n", time.Now().Format(time.TimeOnly), s.done, total, j.Row,
			j.Subject, j.Size, brief(result))
	}
	for _, j := range alone {
		if ctx.Err() == nil {
			take(j)
		}
	}
	slots := make(chan struct{}, s.places())
	var wg sync.WaitGroup
	for _, j := range along {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() == nil {
				take(j)
			}
		})
	}
	wg.Wait()
	return out, ctx.Err()
}

// places is how many jobs may run alongside: one, if they share a network and so its ports.
func (s *schedule) places() int {
	if s.network != nil {
		return 1
	}
	return max(1, s.alongside)
}

// one runs a job in a process of its own.
func (s *schedule) one(ctx context.Context, j rows.Job) rows.Result {
	failed := func(err error) rows.Result { return rows.Result{Job: j, Error: err.Error()} }
	self, err := os.Executable()
	if err != nil {
		return failed(err)
	}
	in, err := json.Marshal(j)
	if err != nil {
		return failed(err)
	}
	cmd := exec.CommandContext(ctx, self, "job")
	if s.network == nil {
		cmd.Args = append(cmd.Args, "isolated")
		network.Isolate(cmd)
	}
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &errs
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return failed(fmt.Errorf("%w: %s", err, lastLines(errs.String())))
	}
	var r rows.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return failed(fmt.Errorf("result: %w", err))
	}
	return r
}

// lastLines is the end of what a process wrote.
func lastLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// brief tells a result in a line.
func brief(r rows.Result) string {
	if r.Error != "" {
		return "FAILED: " + r.Error
	}
	var out []string
	for _, m := range r.Samples {
		out = append(out, fmt.Sprintf("%s %.4g%s", m.Measure, m.Value, m.Unit))
	}
	return strings.Join(slices.Compact(out), ", ")
}
