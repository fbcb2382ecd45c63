package rows

import (
	"context"
	"fmt"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
)

var pausesRow = Row{
	ID:    "14",
	Title: "A healthy process pauses (SIGSTOP, SIGCONT)",
	Method: "One of N processes is stopped for 1, 2, 3, 6 and 10 s. How many of the N-1 others dropped it, and how long " +
		"after SIGCONT all " +
		"see all again. tribes promises to stand 2 s with its default drop time of 3 s, and drops one that is silent for longer.",
	Subjects:  []string{Tribes, LAN, Local, Even, Quick},
	Sizes:     []int{10},
	Repeats:   1,
	Alongside: true,
	Limit:     6 * time.Minute,
	Run:       booted(runPauses),
}

var hogRow = Row{
	ID:    "14b",
	Title: "The processors are kept busy",
	Method: "One of N processes keeps all processors busy with four goroutines each, for 20 s. How often anybody was told " +
		"that somebody is " +
		"gone, though nobody is.",
	Subjects: []string{Tribes, LAN, Quick},
	Sizes:    []int{10},
	Repeats:  1,
	Limit:    2 * time.Minute,
	Run:      booted(runHog),
}

// pausesOf is how long a process is stopped, one after the other.
var pausesOf = []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 6 * time.Second, 10 * time.Second}

func runPauses(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	for _, d := range pausesOf {
		if err := pause(ctx, 3*time.Second); err != nil {
			return err
		}
		i := j.victim(nodes)
		drops, back, err := j.onePause(ctx, f, nodes, i, d)
		if err != nil {
			return err
		}
		j.Record(fmt.Sprintf("dropped by, of %d, after %v", j.Size-1, d), "", float64(drops))
		if drops > 0 {
			j.Took(fmt.Sprintf("all see all again after %v", d), back)
		}
	}
	return nil
}

// onePause stops a process for a while and returns how many others dropped it, and when all were whole again.
func (j *Job) onePause(ctx context.Context, f *fleet.Fleet, nodes []*fleet.Node, i int, d time.Duration) (drops int,
	back time.Duration, err error) {
	at := time.Now()
	if err := nodes[i].Stop(); err != nil {
		return 0, 0, err
	}
	if err := pause(ctx, d); err != nil {
		return 0, 0, err
	}
	over := time.Now()
	if err := nodes[i].Continue(); err != nil {
		return 0, 0, err
	}
	// What the pause has set going may still take its course.
	if err := pause(ctx, time.Second); err != nil {
		return 0, 0, err
	}
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if !j.sees(limit, nodes) {
		return 0, 0, fmt.Errorf("a minute after a pause of %v not all see all", d)
	}
	events, _ := f.Since(at)
	rest := without(nodes, i)
	last := time.Duration(0)
	for _, e := range events {
		last = max(last, e.Time().Sub(over))
	}
	return len(firstTold(events, rest, "removed", nodes[i].Name)), last, nil
}

func runHog(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	at := time.Now()
	if err := nodes[1].Spin(ctx, 20*time.Second, 4); err != nil {
		return err
	}
	if err := pause(ctx, 3*time.Second); err != nil {
		return err
	}
	events, _ := f.Since(at)
	j.Record("members dropped", "", float64(dropped(events, nodes, names(nodes))))
	return nil
}
