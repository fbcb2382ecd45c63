package rows

import (
	"context"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/subject"
)

var leaveRow = Row{
	ID:    "4",
	Title: "A member leaves, and is the reason known",
	Method: "The library's call for leaving, in one of N processes; the others stamp the removal, counted from the call. " +
		"Six leave so, one after the other. The reason is right if the application is told 'left' (tribes), or sees that " +
		"state of the node (memberlist).",
	Subjects: []string{Tribes, LAN, Quick},
	Sizes:    []int{20, 60},
	Repeats:  1,
	Limit:    4 * time.Minute,
	Run:      booted(runLeave),
}

// leavesEach is how many members leave in one job.
const leavesEach = 6

func runLeave(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	for range leavesEach {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		i := j.victim(nodes)
		leaver, rest := nodes[i], without(nodes, i)
		at := time.Now()
		if err := leaver.Leave(ctx, 10*time.Second); err != nil {
			return err
		}
		j.Took("the call returns", time.Since(at))
		t := told(ctx, f, rest, subject.Removed, leaver.Name, at, 20*time.Second)
		j.gone(t)
		j.Record("told the right reason", "%", 100*float64(t.causes["left"])/float64(len(rest)))
		leaver.Kill()
		nodes = rest
	}
	return nil
}
