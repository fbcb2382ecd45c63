package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/gotribes/tribes/internal/bench/network"
	"github.com/gotribes/tribes/internal/bench/soak"
)

func init() { commands["soak"] = runSoak }

// insideEnv is set for the soak that has a network of its own.
const insideEnv = "TRIBES_BENCH_SOAK_INSIDE"

// runSoak lets a group run for long under random faults:
//
//	go run . soak -for 30m
func runSoak(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	s := soak.Settings{}
	flags.DurationVar(&s.For, "for", 30*time.Minute, "how long there are faults")
	flags.IntVar(&s.Processes, "processes", 50, "processes, a node each")
	flags.Uint64Var(&s.Seed, "seed", uint64(time.Now().UnixNano()), "which faults")
	flags.DurationVar(&s.Round, "round", 0, "faults between two looks; 0: a minute, or half of -for")
	flags.DurationVar(&s.Settle, "settle", 90*time.Second, "until all must have one view after the last fault of a round")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.Round <= 0 {
		s.Round = min(time.Minute, s.For/2)
	}
	unavailable := network.Available()
	if os.Getenv(insideEnv) == "" && unavailable == nil {
		return again(ctx, args, s.Seed)
	}
	if s.Network = os.Getenv(insideEnv) != ""; s.Network {
		if err := network.Up(); err != nil {
			return err
		}
	} else {
		fmt.Println("NOT TRIED: partitions:", unavailable)
	}
	fmt.Printf("seed %d, %d processes, faults for %s\n", s.Seed, s.Processes, s.For)
	if err := soak.Run(ctx, s, os.Stdout); err != nil {
		fmt.Printf("again: go run . soak -for %s -processes %d -round %s -seed %d\n", s.For, s.Processes, s.Round, s.Seed)
		return err
	}
	fmt.Println("soak: ok")
	return nil
}

// again runs this program once more, in a network of its own.
func again(ctx context.Context, args []string, seed uint64) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, append(append([]string{"soak"}, args...), fmt.Sprintf("-seed=%d", seed))...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	network.Isolate(cmd)
	return cmd.Run()
}
