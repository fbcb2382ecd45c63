package program

import (
	"context"
	"log/slog"
	"time"

	"github.com/gotribes/tribes/membership"
)

// leaveTime is how long balancers may take to confirm that they send nothing
// more to this member.
const leaveTime = 10 * time.Second

// Leave takes a node out of its group and waits until every balancer has
// confirmed it, or time is up; who has not confirmed is logged. Afterwards the
// node has ended.
func Leave(node *membership.Node, logger *slog.Logger) {
	// Not the context of the program: that one has just ended.
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	report, err := node.Leave(ctx)
	if err != nil || len(report.Missing) > 0 {
		missing := make([]string, 0, len(report.Missing))
		for _, m := range report.Missing {
			missing = append(missing, m.Address)
		}
		logger.Warn("left without a word from everybody", "missing", missing, "error", err)
	}
}
