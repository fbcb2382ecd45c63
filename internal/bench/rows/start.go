package rows

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/subject"
)

var startRow = Row{
	ID:    "5",
	Title: "All start at once",
	Method: "N nodes in one process on loopback, one of them the well-known address, all started in the same moment; until each sees " +
		"all N for the first time. One process, so that the system's work for N processes is not counted; both cores are busy.",
	Subjects: []string{Tribes, LAN, Quick},
	Sizes:    []int{50, 100, 200},
	Repeats:  3,
	Limit:    3 * time.Minute,
	Run:      runStart,
}

func runStart(ctx context.Context, j *Job) error {
	f := fleet.New(j.Subject)
	defer f.Close()
	p, err := f.Spawn()
	if err != nil {
		return err
	}
	began, nodes, err := crowd(ctx, f, p, j.Size)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	last := time.Duration(0)
	var seen map[string]bool
	f.Await(limit, began, func(events []subject.Event) bool {
		seen = map[string]bool{}
		for _, e := range events {
			if e.Size == j.Size && !seen[e.Node] {
				seen[e.Node] = true
				last = max(last, e.Time().Sub(began))
			}
		}
		return len(seen) == len(nodes)
	})
	if len(seen) == len(nodes) {
		j.Took("all see all", last)
	}
	j.Record("nodes that do not see all after 30 s", "", float64(len(nodes)-len(seen)))
	return nil
}

// crowd starts n nodes at once in one process. They tell only of a whole view.
func crowd(ctx context.Context, f *fleet.Fleet, p *fleet.Process, n int) (began time.Time, nodes []*fleet.Node, err error) {
	nodes = make([]*fleet.Node, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	began = time.Now()
	for i := range n {
		o := f.Options()
		o.Only = n
		// Nobody is there yet when it is called first: a program that uses memberlist calls again.
		o.Retry = 50 * time.Millisecond
		wg.Go(func() { nodes[i], errs[i] = f.StartIn(ctx, p, o) })
	}
	wg.Wait()
	return began, nodes, errors.Join(errs...)
}
