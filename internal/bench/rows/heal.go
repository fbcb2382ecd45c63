package rows

import (
	"context"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/network"
)

var healRow = Row{
	ID:    "9",
	Title: "The network is parted for 100 s, and heals",
	Method: "3 and 3 processes that cannot reach each other for 100 s; the well-known address is in one of the parts. Until all six see " +
		"all again, counted from the heal; given up after 60 s (180 s with -full).",
	Subjects:  []string{Tribes, LAN},
	Sizes:     []int{6},
	Repeats:   1,
	Alongside: true,
	Network:   true,
	Limit:     6 * time.Minute,
	Run:       booted(runHeal),
}

func runHeal(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	began := time.Now()
	var rules network.Rules
	half := j.Size / 2
	if err := rules.Apply(ctx, network.Apart(hosts(nodes[:half]), hosts(nodes[half:]))...); err != nil {
		return err
	}
	if err := pause(ctx, 100*time.Second); err != nil {
		return err
	}
	at := time.Now()
	if err := rules.Heal(ctx); err != nil {
		return err
	}
	limit := 60 * time.Second
	if j.Full {
		limit = 180 * time.Second
	}
	j.whole(ctx, f, nodes, began, at, "all see all, after the heal", limit)
	return nil
}

func hosts(nodes []*fleet.Node) []string {
	out := make([]string, 0, len(nodes))
	for _, n := range nodes {
		out = append(out, n.Host())
	}
	return out
}
