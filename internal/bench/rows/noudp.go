package rows

import (
	"context"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/network"
	"github.com/gotribes/tribes/internal/bench/subject"
)

var noUDPRow = Row{
	ID:    "16",
	Title: "Only TCP gets through",
	Method: "All UDP packets are dropped, as many firewalls do. N processes start; 20 s later one is killed. The log " +
		"lines are those that a " +
		"node writes in those 20 s, for a minute.",
	Subjects:  []string{Tribes, LAN},
	Sizes:     []int{5},
	Repeats:   2,
	Alongside: true,
	Network:   true,
	Limit:     5 * time.Minute,
	Run:       runNoUDP,
}

func runNoUDP(ctx context.Context, j *Job) error {
	var rules network.Rules
	if err := rules.Apply(ctx, network.NoUDP()...); err != nil {
		return err
	}
	return booted(withoutUDP)(ctx, j)
}

func withoutUDP(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	const window = 20 * time.Second
	if err := pause(ctx, window); err != nil {
		return err
	}
	lines := 0.0
	for _, n := range nodes {
		s, err := n.Stats(ctx)
		if err != nil {
			return err
		}
		lines += float64(s.LogLines)
	}
	j.Record("log lines of a node", "/min", lines/float64(len(nodes))/window.Minutes())
	i := j.victim(nodes)
	victim, rest := nodes[i], without(nodes, i)
	at := time.Now()
	victim.Kill()
	j.gone(told(ctx, f, rest, subject.Removed, victim.Name, at, 90*time.Second))
	events, _ := f.Since(at)
	j.Record("healthy members dropped", "", float64(dropped(events, rest, names(rest))))
	return nil
}
