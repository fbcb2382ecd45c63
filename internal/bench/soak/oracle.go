package soak

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/bench/subject"
)

// folds are what the events of each node make of its view: who was added and not removed since.
type folds map[string]map[string]bool

// fold takes in events in the order in which each node was told; an error says what cannot be.
func (f folds) fold(events []subject.Event) error {
	for _, e := range events {
		view := f[e.Node]
		if view == nil {
			view = map[string]bool{}
			f[e.Node] = view
		}
		switch e.Kind {
		case subject.Added:
			if view[e.Who] {
				return fmt.Errorf("%s was told that %s is added, which it had already", e.Node, e.Who)
			}
			view[e.Who] = true
		case subject.Removed:
			if !view[e.Who] {
				return fmt.Errorf("%s was told that %s is removed, which it did not have", e.Node, e.Who)
			}
			delete(view, e.Who)
		}
	}
	return nil
}

// differs says how a view is not the one that it should be, or "".
func differs(got, want []string) string {
	slices.Sort(got)
	slices.Sort(want)
	var out []string
	for _, x := range want {
		if !slices.Contains(got, x) {
			out = append(out, "without "+x)
		}
	}
	for _, x := range got {
		if !slices.Contains(want, x) {
			out = append(out, "with "+x)
		}
	}
	return strings.Join(out, ", ")
}

// look waits until every node's view is that of all who run, and then requires that the events say the same.
func (r *run) look(ctx context.Context, began time.Time) error {
	start := time.Now()
	want := make([]string, 0, len(r.nodes))
	for _, n := range r.nodes {
		want = append(want, n.Name)
	}
	for {
		if err := r.folds.fold(r.fleet.Take()); err != nil {
			return fmt.Errorf("BROKEN: %w", err)
		}
		trouble := r.compare(ctx, want)
		if trouble == "" {
			break
		}
		if time.Since(start) > r.Settle {
			return fmt.Errorf("BROKEN: no common view %s after the last fault: %s", r.Settle, trouble)
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	took := time.Since(start)
	for name := range maps.Keys(r.folds) { // of those who were told something after their end
		if !slices.Contains(want, name) {
			delete(r.folds, name)
		}
	}
	u, err := r.measure(ctx)
	if err != nil {
		return err
	}
	r.use = append(r.use, u)
	fmt.Fprintf(r.out, "%6s  one view of %d and the events agree after %5s; keepers: heap %4d KiB, %5.1f goroutines, "+
		"%5.1f descriptors (medians)\n",
		time.Since(began).Round(time.Second), len(want), took.Round(100*time.Millisecond), u.heap>>10, u.goroutines, u.files)
	return nil
}

// compare says where a view, or what the events make of it, is not as wanted; "": nowhere.
func (r *run) compare(ctx context.Context, want []string) string {
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for _, n := range r.nodes {
		got, err := n.Members(limit)
		if err != nil {
			return n.Name + ": " + err.Error()
		}
		if d := differs(got, want); d != "" {
			return "the view of " + n.Name + " is " + d
		}
		if d := differs(slices.Collect(maps.Keys(r.folds[n.Name])), want); d != "" {
			return "the events of " + n.Name + " make a view " + d
		}
	}
	return ""
}
