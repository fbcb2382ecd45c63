//go:build !unix

package main

import (
	"context"
	"log/slog"
)

// drain does nothing: there is no signal for it here.
func drain(context.Context, *peer, *slog.Logger) {}
