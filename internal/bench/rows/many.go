package rows

import (
	"context"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/subject"
)

var manyRow = Row{
	ID:    "7",
	Title: "10 of 30 processes are killed at once",
	Method: "What one survivor's application, as a load balancer, is shown: the number of changes that take members away (what is told " +
		"together is one), the largest over the survivors; from the first to the last of them; and when the last survivor has the last.",
	Subjects: []string{Tribes, LAN, Quick},
	Sizes:    []int{30},
	Repeats:  2,
	Limit:    3 * time.Minute,
	Run:      booted(runMany),
}

func runMany(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	// The well-known one survives, as the others look to it.
	j.random.Shuffle(len(nodes)-1, func(a, b int) { nodes[a+1], nodes[b+1] = nodes[b+1], nodes[a+1] })
	rest, victims := nodes[:j.Size-10], nodes[j.Size-10:]
	at := time.Now()
	var wg sync.WaitGroup
	for _, v := range victims {
		wg.Go(v.Kill)
	}
	wg.Wait()
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	settled := f.AwaitSize(limit, at, rest, len(rest)) == nil
	events, _ := f.Since(at)
	changes, spread, last := shown(events, rest, names(victims), at)
	j.Record("changes shown", "", float64(changes))
	if settled {
		j.Took("from the first to the last change", spread)
		j.Took("last survivor has one view", last)
	}
	j.Record("healthy members dropped", "", float64(dropped(events, rest, names(rest))))
	return nil
}

// shown counts the changes that take away any of the members, the most that one observer was shown, with the longest
// time from first to last, and the last of all.
func shown(events []subject.Event, observers []*fleet.Node, gone map[string]bool, since time.Time) (most int, spread, last time.Duration) {
	for _, n := range observers {
		changes := map[int]bool{}
		var from, to time.Duration
		for _, e := range events {
			if e.Node != n.Name || e.Kind != subject.Removed || !gone[e.Who] {
				continue
			}
			to = e.Time().Sub(since)
			if len(changes) == 0 {
				from = to
			}
			changes[e.Change] = true
		}
		most, spread, last = max(most, len(changes)), max(spread, to-from), max(last, to)
	}
	return most, spread, last
}
