package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
)

func init() { commands["crowd"] = runCrowd }

// runCrowd runs many nodes in a few processes on loopback and says what each costs:
//
//	go run . crowd -nodes 500 -processes 5
func runCrowd(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("crowd", flag.ContinueOnError)
	nodes := flags.Int("nodes", 500, "nodes")
	processes := flags.Int("processes", 5, "processes that share them")
	step := flags.Int("step", 25, "nodes that are started at a time, the next when these have joined")
	quiet := flags.Duration("quiet", 20*time.Second, "how long to look at what they cost when nothing happens")
	limit := flags.Duration("limit", 10*time.Minute, "until they must have one view")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *nodes < 1 || *processes < 1 || *step < 1 {
		return fmt.Errorf("-nodes, -processes and -step are at least 1")
	}
	f := fleet.New("tribes")
	defer f.Close()
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	workers, all, err := fill(limited, f, *nodes, *processes, *step)
	if err != nil {
		return err
	}
	joined := time.Since(began)
	if err := f.AwaitSize(limited, began, all, *nodes); err != nil {
		return err
	}
	fmt.Printf("%d nodes in %d processes, %d at a time: all joined after %s, one view after %s\n",
		*nodes, *processes, *step, joined.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	return cost(ctx, workers, *nodes, *quiet)
}

// fill starts the nodes, step by step, each told of the first two.
func fill(ctx context.Context, f *fleet.Fleet, nodes, processes, step int) ([]*fleet.Process, []*fleet.Node, error) {
	var workers []*fleet.Process
	for range processes {
		p, err := f.Spawn()
		if err != nil {
			return nil, nil, err
		}
		workers = append(workers, p)
	}
	all := make([]*fleet.Node, nodes)
	errs := make([]error, nodes)
	for first := 0; first < nodes; first += step {
		var starting sync.WaitGroup
		for i := first; i < min(first+step, nodes); i++ {
			o := f.Options()
			o.Only = nodes // only the change that shows all of them is told: the others would be a quarter of a million
			o.Seeds = append(o.Seeds, fleet.Address(1))
			starting.Go(func() { all[i], errs[i] = f.StartIn(ctx, workers[i%processes], o) })
		}
		starting.Wait()
		if err := errors.Join(errs...); err != nil {
			return nil, nil, err
		}
	}
	return workers, all, nil
}

// cost says what a node costs while nothing happens.
func cost(ctx context.Context, workers []*fleet.Process, nodes int, quiet time.Duration) error {
	if err := wait(ctx, 10*time.Second); err != nil { // links that nobody needs are closed
		return err
	}
	var cpu, heap, stacks, goroutines, files float64
	for _, p := range workers {
		s, err := p.Stats(ctx)
		if err != nil {
			return err
		}
		cpu -= float64(s.CPUAfter)
		heap += float64(s.Heap)
		stacks += float64(s.Stacks)
		goroutines += float64(s.Goroutines)
		files += float64(s.Files)
	}
	if err := wait(ctx, quiet); err != nil {
		return err
	}
	for _, p := range workers {
		s, err := p.Stats(ctx)
		if err != nil {
			return err
		}
		cpu += float64(s.CPU)
	}
	n := float64(nodes)
	fmt.Printf("each node: heap %.0f KiB, stacks %.0f KiB, %.1f goroutines, %.1f descriptors, %.4f s of processor time a minute\n",
		heap/n/1024, stacks/n/1024, goroutines/n, files/n, cpu/1e9/n/quiet.Minutes())
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
