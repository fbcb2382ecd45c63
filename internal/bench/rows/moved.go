package rows

import (
	"context"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/subject"
)

var movedRow = Row{
	ID:    "10",
	Title: "A process is killed and started again under the same name at a new address",
	Method: "As a pod is: 200 ms after SIGKILL, with the same name and another address. Join is called again every 5 s where the library " +
		"does not try by itself. Until all others see the name at the new address; given up after 60 s.",
	Subjects:  []string{Tribes, LAN},
	Sizes:     []int{5},
	Repeats:   2,
	Alongside: true,
	Limit:     3 * time.Minute,
	Run:       booted(runMoved),
}

func runMoved(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	i := j.victim(nodes)
	victim, rest := nodes[i], without(nodes, i)
	victim.Kill()
	if err := pause(ctx, 200*time.Millisecond); err != nil {
		return err
	}
	o := f.Options()
	o.Name = victim.Name
	at := time.Now()
	p, err := f.Spawn()
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	go j.keepJoining(limit, f, p, o)
	last := time.Duration(0)
	ok := f.Await(limit, at, func(events []subject.Event) bool {
		seen := map[string]bool{}
		last = 0
		for _, e := range events {
			if e.Who == o.Name && e.Address == o.Address && e.Kind != subject.Removed && e.Node != o.Name && !seen[e.Node] {
				seen[e.Node] = true
				last = max(last, e.Time().Sub(at))
			}
		}
		return len(seen) == len(rest)
	})
	j.Record("in time", "%", percent(ok))
	if ok {
		j.Took("all see the new address", last)
	}
	return nil
}

// keepJoining starts a node and calls join anew every 5 s, as a program would.
func (j *Job) keepJoining(ctx context.Context, f *fleet.Fleet, p *fleet.Process, o subject.Options) {
	n, _ := f.StartIn(ctx, p, o) // an error shows in what the others see
	for pause(ctx, 5*time.Second) == nil {
		n.Join(ctx)
	}
}

func percent(ok bool) float64 {
	if ok {
		return 100
	}
	return 0
}
