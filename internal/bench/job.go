package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/gotribes/tribes/internal/bench/network"
	"github.com/gotribes/tribes/internal/bench/rows"
)

// runJob runs the one job that is described on standard input and writes its result on standard output. With the
// argument "isolated" its network is a new one, whose loopback has to be brought up first.
func runJob(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == "isolated" {
		if err := network.Up(); err != nil {
			return err
		}
	}
	var j rows.Job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return fmt.Errorf("job: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(rows.Do(ctx, j))
}
