package program

import (
	"context"
	"errors"

	"github.com/gotribes/tribes/membership"
)

// Joined waits until the node is part of its group. An error is a refusal that
// waiting will not change, such as that of another cluster; if ctx or the node
// ends before, there is no error, as whoever ends it knows why.
func Joined(ctx context.Context, node *membership.Node) error {
	err := node.Joined(ctx)
	// One that has an error of a context or of the node in it was ended by that.
	if refused, ok := errors.AsType[*membership.JoinError](err); ok && refused.Err == nil {
		return err
	}
	return nil
}
