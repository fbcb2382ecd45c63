package program

import (
	"context"
	"log/slog"

	"github.com/gotribes/tribes/membership/tribes"
)

// TribesMode is the mode that a value of -tribes stands for; false is none.
func TribesMode(text string) (tribes.Mode, bool) {
	for _, m := range []tribes.Mode{tribes.Static, tribes.Service, tribes.Axis2} {
		if m.String() == text {
			return m, true
		}
	}
	return 0, false
}

// BadTribes is the error for any other value.
func BadTribes(text string) error { return Bad("tribes", text, "want static, service or axis2") }

// LeaveTribes takes a node out of its Java group; who could not be told is
// logged. Afterwards the node has ended.
func LeaveTribes(node *tribes.Node, logger *slog.Logger) {
	// Not the context of the program: that one has just ended.
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	if err := node.Leave(ctx); err != nil {
		logger.Warn("not everybody could be told", "error", err)
	}
}
