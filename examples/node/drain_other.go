//go:build !unix

package main

import (
	"context"
	"log/slog"

	"github.com/gotribes/tribes/membership"
)

// drain does nothing: there is no signal for it here.
func drain(context.Context, *membership.Node, *slog.Logger) {}
