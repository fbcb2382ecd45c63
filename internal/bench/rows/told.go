package rows

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/subject"
)

// A telling is when and how the observers were told of one thing.
type telling struct {
	first, last time.Duration // after it was done
	missing     int           // observers that were not told in time
	causes      map[string]int
}

// told waits until all observers were told of a member since a time, at most for a limit.
func told(ctx context.Context, f *fleet.Fleet, observers []*fleet.Node, kind subject.Kind, who string, since time.Time,
	limit time.Duration) telling {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var seen map[string]subject.Event
	f.Await(ctx, since, func(events []subject.Event) bool {
		seen = firstTold(events, observers, kind, who)
		return len(seen) == len(observers)
	})
	t := telling{missing: len(observers) - len(seen), causes: map[string]int{}}
	for _, e := range seen {
		d := e.Time().Sub(since)
		if t.first == 0 || d < t.first {
			t.first = d
		}
		t.last = max(t.last, d)
		t.causes[e.Cause]++
	}
	return t
}

// firstTold maps each observer that was told of it to the first event.
func firstTold(events []subject.Event, observers []*fleet.Node, kind subject.Kind, who string) map[string]subject.Event {
	want := map[string]bool{}
	for _, n := range observers {
		want[n.Name] = true
	}
	seen := map[string]subject.Event{}
	for _, e := range events {
		if _, ok := seen[e.Node]; !ok && want[e.Node] && e.Kind == kind && e.Who == who {
			seen[e.Node] = e
		}
	}
	return seen
}

// dropped counts how often any of the observers was told that one of the given members is gone.
func dropped(events []subject.Event, observers []*fleet.Node, of map[string]bool) int {
	by := names(observers)
	count := 0
	for _, e := range events {
		if by[e.Node] && e.Kind == subject.Removed && of[e.Who] {
			count++
		}
	}
	return count
}

// names are the names of nodes, as a set.
func names(nodes []*fleet.Node) map[string]bool {
	out := map[string]bool{}
	for _, n := range nodes {
		out[n.Name] = true
	}
	return out
}

// without returns the nodes but the i-th.
func without(nodes []*fleet.Node, i int) []*fleet.Node {
	out := make([]*fleet.Node, 0, len(nodes))
	for k, n := range nodes {
		if k != i {
			out = append(out, n)
		}
	}
	return out
}

// sorted returns the events by the time of their stamps.
func sorted(events []subject.Event) []subject.Event {
	out := slices.Clone(events)
	slices.SortStableFunc(out, func(a, b subject.Event) int { return cmp.Compare(a.At, b.At) })
	return out
}
