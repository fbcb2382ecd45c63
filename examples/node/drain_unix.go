//go:build unix

package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/gotribes/tribes/membership"
)

// drain turns maintenance on and off with each SIGUSR1, until ctx or the node
// ends: one that drains gets no new clients, and keeps those that stick to it.
func drain(ctx context.Context, node *peer, logger *slog.Logger) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	defer signal.Stop(signals)
	next := map[bool]membership.State{false: membership.Draining, true: membership.Alive}
	draining := false
	for {
		select {
		case <-signals:
			if err := node.setState(ctx, next[draining]); err != nil {
				logger.Warn("the state was not changed", "to", next[draining], "error", err)
				continue
			}
			draining = !draining
		case <-node.done:
			return
		case <-ctx.Done():
			return
		}
	}
}
