package rows

import (
	"context"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
)

var lateRow = Row{
	ID:    "8",
	Title: "The well-known member comes last",
	Method: "N-1 processes start and call the library's join while nobody listens at the well-known address; 5 s later the process " +
		"with that address starts. Until it and all others see N; given up after 60 s.",
	Subjects:  []string{Tribes, LAN},
	Sizes:     []int{5},
	Repeats:   2,
	Alongside: true,
	Limit:     2 * time.Minute,
	Run:       runLate,
}

func runLate(ctx context.Context, j *Job) error {
	f := fleet.New(j.Subject)
	defer f.Close()
	first := f.Options() // has the well-known address
	began := time.Now()
	nodes := make([]*fleet.Node, j.Size)
	var wg sync.WaitGroup
	calls, end := context.WithCancel(ctx)
	defer func() { end(); wg.Wait() }()
	for i := 1; i < j.Size; i++ {
		p, err := f.Spawn()
		if err != nil {
			return err
		}
		nodes[i] = &fleet.Node{Process: p, Options: f.Options()}
		// Whether the call fails, as memberlist's does, or waits, is the library's answer.
		wg.Go(func() { f.StartIn(calls, p, nodes[i].Options) })
	}
	if err := pause(ctx, 5*time.Second); err != nil {
		return err
	}
	at := time.Now()
	var err error
	if nodes[0], err = f.Start(ctx, first); err != nil {
		return err
	}
	j.whole(ctx, f, nodes, began, at, "all see all", 60*time.Second)
	return nil
}

// whole records how long after a moment all nodes see all, or that they never did.
func (j *Job) whole(ctx context.Context, f *fleet.Fleet, nodes []*fleet.Node, since, at time.Time, measure string,
	limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ok := f.AwaitSize(ctx, since, nodes, len(nodes)) == nil
	if ok {
		events, _ := f.Since(at)
		last := time.Duration(0)
		for _, e := range events {
			last = max(last, e.Time().Sub(at))
		}
		j.Took(measure, last)
		j.Record("in time", "%", 100)
		return true
	}
	j.Record("in time", "%", 0)
	return false
}
