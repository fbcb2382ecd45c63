package rows

import (
	"context"
	"fmt"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/subject"
)

// Names of the two figures of a point.
const (
	FrontierCrash = "a crash is known to the last"
	FrontierPause = "longest pause survived"
)

var frontierRow = Row{
	ID:    "frontier",
	Title: "Time to find a crash against the longest pause that is survived",
	Method: "Ten processes. A crash: SIGKILL, until the last of the others is told, the median of three. The longest " +
		"pause survived: of 0.25, " +
		"0.5, 1, 1.5, 2, 3, 4, 6 and 8 s, upwards, the last after which nobody dropped the process that was stopped for so long (each is " +
		"tried twice, with two processes); 0 if it did not survive the first.",
	Subjects: []string{"tribes/drop=1s", "memberlist/probe=100ms", Quick, Tribes, "memberlist/probe=300ms", Even,
		"tribes/drop=6s", LAN, Local},
	Sizes:     []int{10},
	Repeats:   1,
	Alongside: true,
	Limit:     4 * time.Minute,
	Run:       booted(runFrontier),
}

// frontierPauses are tried in this order until one is fatal.
var frontierPauses = []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2 * time.Second,
	3 * time.Second, 4 * time.Second, 6 * time.Second, 8 * time.Second}

func runFrontier(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	for range 3 {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		i := j.victim(nodes)
		victim, rest := nodes[i], without(nodes, i)
		at := time.Now()
		victim.Kill()
		t := told(ctx, f, rest, subject.Removed, victim.Name, at, patience)
		if t.missing > 0 {
			return fmt.Errorf("%d of %d were not told of a crash in %v", t.missing, len(rest), patience)
		}
		j.Took(FrontierCrash, t.last)
		var err error
		if nodes, _, err = replace(ctx, f, rest); err != nil {
			return err
		}
	}
	longest := time.Duration(0)
	for _, d := range frontierPauses {
		for range 2 {
			if err := pause(ctx, 2*time.Second); err != nil {
				return err
			}
			drops, _, err := j.onePause(ctx, f, nodes, j.victim(nodes), d)
			if err != nil {
				return err
			}
			if drops > 0 {
				j.Took(FrontierPause, longest)
				return nil
			}
		}
		longest = d
	}
	j.Took(FrontierPause, longest)
	return nil
}
