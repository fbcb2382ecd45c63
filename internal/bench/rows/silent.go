package rows

import (
	"context"
	"fmt"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/network"
	"github.com/gotribes/tribes/internal/bench/subject"
)

var stoppedRow = Row{
	ID:    "2",
	Title: "A process hangs (SIGSTOP), at equal pause tolerance",
	Method: "As row 1, but the process is stopped, so that its system goes on answering for it. Then it is continued, and the " +
		"others' stamps of its return count from there. What tolerance is equal is measured as well: processes are stopped for 2.2 s " +
		"and for 2.5 s, begun at any time between two heartbeats, two for each. memberlist/even has been tuned to stand 2 s; " +
		"tribes/drop=2.7s to stand what that does among 20, and tribes with its defaults stands more.",
	Subjects:  []string{Tribes, TribesEven, Even, LAN},
	Sizes:     []int{20},
	Repeats:   2,
	Alongside: true,
	Limit:     4 * time.Minute,
	Run:       booted(runStopped),
}

var cutRow = Row{
	ID:    "3",
	Title: "A machine loses power (everything to and from its address is dropped)",
	Method: "As row 2, but with rules of a firewall for the address of the process: no word comes from it or its system, neither a " +
		"closed connection nor a refused one. Then the rules go, as after a cable is plugged in again.",
	Subjects:  []string{Tribes, Even, LAN},
	Sizes:     []int{20},
	Repeats:   2,
	Alongside: true,
	Network:   true,
	Limit:     3 * time.Minute,
	Run:       booted(runCut),
}

func runStopped(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	err := j.silence(ctx, f, nodes, func(n *fleet.Node) error { return n.Stop() }, func(n *fleet.Node) error { return n.Continue() })
	if err != nil {
		return err
	}
	for _, d := range stood {
		for range 2 {
			if err := pause(ctx, 2*time.Second+time.Duration(j.random.IntN(500))*time.Millisecond); err != nil {
				return err
			}
			drops, _, err := j.onePause(ctx, f, nodes, j.victim(nodes), d)
			if err != nil {
				return err
			}
			j.Record(fmt.Sprintf("dropped by, of %d, after %v", j.Size-1, d), "", float64(drops))
		}
	}
	return nil
}

// stood are pauses of which the shorter is stood by all, the longer by those that are slower.
var stood = []time.Duration{2200 * time.Millisecond, 2500 * time.Millisecond}

func runCut(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	var rules network.Rules
	return j.silence(ctx, f, nodes, func(n *fleet.Node) error { return rules.Apply(ctx, network.Cut(n.Host())...) },
		func(*fleet.Node) error { return rules.Heal(ctx) })
}

// silence makes members silent, one after the other.
func (j *Job) silence(ctx context.Context, f *fleet.Fleet, nodes []*fleet.Node, begin, end func(*fleet.Node) error) error {
	for range killsEach {
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
		i := j.victim(nodes)
		victim, rest := nodes[i], without(nodes, i)
		at := time.Now()
		if err := begin(victim); err != nil {
			return err
		}
		j.gone(told(ctx, f, rest, subject.Removed, victim.Name, at, patience))
		over := time.Now()
		if err := end(victim); err != nil {
			return err
		}
		back := told(ctx, f, rest, subject.Added, victim.Name, over, patience)
		if back.missing == 0 {
			j.Took("back: last survivor told", back.last)
		}
		j.Record("back: survivors not told", "", float64(back.missing))
		events, _ := f.Since(at)
		j.Record("healthy members dropped", "", float64(dropped(events, rest, names(rest))))
	}
	return nil
}
