package rows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/subject"
)

const (
	killsEach = 2                // processes that are killed one after the other in one job
	killsMost = 8                // where that takes less time than killsFor
	killsFor  = 10 * time.Second // as the times of sixty processes on few processors scatter
)

// patience is how long a row waits for a removal before it calls it missing.
const patience = 45 * time.Second

// arrival is how long it waits until all are told of a newcomer.
const arrival = 10 * time.Second

var killedRow = Row{
	ID:    "1",
	Title: "A process is killed (SIGKILL)",
	Method: "Each node is a process. One is killed; the others stamp the removal in the library's callback, first and last of them " +
		"count from the signal. Then another process joins, and the others' stamps of its arrival count from right before its start. " +
		"So two times in each job, and up to eight times within the first 10 s of it. " +
		"The killed process's sockets close at once: for a machine that loses power see row 3.",
	Subjects: []string{Tribes, LAN, Local, Even, Quick},
	Sizes:    []int{5, 20, 60},
	Repeats:  2,
	Limit:    3 * time.Minute,
	Run:      booted(runKilled),
}

func runKilled(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	began := time.Now()
	for done := 0; moreKills(done, time.Since(began)); done++ {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		i := j.victim(nodes)
		victim, rest := nodes[i], without(nodes, i)
		at := time.Now()
		victim.Kill()
		j.gone(told(ctx, f, rest, subject.Removed, victim.Name, at, patience))
		events, _ := f.Since(at)
		j.Record("healthy members dropped", "", float64(dropped(events, rest, names(rest))))
		var t telling
		var err error
		nodes, t, err = replace(ctx, f, rest)
		if err != nil && !errors.Is(err, errNotWhole) {
			return err
		}
		if t.missing == 0 {
			j.Took("newcomer: last of the others told", t.last)
		}
		j.Record(fmt.Sprintf("newcomer: others not told after %v", arrival), "", float64(t.missing))
		if err != nil { // what follows would not begin with a fleet that sees all of itself
			j.Record("newcomer: so long not whole that no more were killed", "", 1)
			return nil
		}
	}
	return nil
}

// moreKills says whether a job that has run for a time kills another.
func moreKills(done int, took time.Duration) bool {
	return done < killsEach || done < killsMost && took < killsFor
}

// gone records a removal.
func (j *Job) gone(t telling) {
	if t.missing == 0 {
		j.Took("first survivor told", t.first)
		j.Took("last survivor told", t.last)
	}
	j.Record("survivors not told", "", float64(t.missing))
}

// replace starts one more node, in the place of one that was killed, and waits until all see all. It returns when the
// others were told by themselves.
func replace(ctx context.Context, f *fleet.Fleet, rest []*fleet.Node) ([]*fleet.Node, telling, error) {
	at := time.Now()
	n, err := f.Start(ctx, f.Options())
	if err != nil {
		return nil, telling{}, err
	}
	t := told(ctx, f, rest, subject.Added, n.Name, at, arrival)
	all := append(slices.Clone(rest), n)
	return all, t, settled(ctx, wholeTime, func(ctx context.Context) error { return f.Settle(ctx, at, all) })
}

// errNotWhole says that a fleet did not come to see all of itself in time.
var errNotWhole = errors.New("not whole in time")

// settled has settle wait for a fleet, within a time.
func settled(ctx context.Context, within time.Duration, settle func(context.Context) error) error {
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := settle(short)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errNotWhole, err)
	}
	return err
}
