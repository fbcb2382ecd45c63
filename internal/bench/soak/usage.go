package soak

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// usage is what the keepers use, as medians.
type usage struct {
	heap       uint64 // bytes, after a collection
	goroutines float64
	files      float64 // open descriptors
}

// measure asks the keepers what they use. Links that nobody needs are closed after the drop time, so it waits first.
func (r *run) measure(ctx context.Context) (usage, error) {
	if err := pause(ctx, 8*time.Second); err != nil {
		return usage{}, err
	}
	limit, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var heap []uint64
	var goroutines, files []float64
	for i, n := range r.nodes {
		if !keeper(i) {
			continue
		}
		s, err := n.Stats(limit)
		if err != nil {
			return usage{}, fmt.Errorf("BROKEN: %s, which nobody has ended, does not answer: %w", n.Name, err)
		}
		heap = append(heap, s.Heap)
		goroutines = append(goroutines, float64(s.Goroutines))
		files = append(files, float64(s.Files))
	}
	return usage{middle(heap), middle(goroutines), middle(files)}, nil
}

func middle[T uint64 | float64](list []T) T {
	slices.Sort(list)
	return list[len(list)/2]
}

// Growth that is allowed from the first quarter of the looks to the last.
const (
	heapGrowth      = 1.5
	heapMore        = 512 << 10 // bytes: what is remembered of who is gone
	goroutineGrowth = 1.25
	goroutinesMore  = 6
)

// flat requires that the keepers do not use more and more.
func (r *run) flat() error {
	quarter := max(1, len(r.use)/4)
	early, late := most(r.use[:quarter]), most(r.use[len(r.use)-quarter:])
	fmt.Fprintf(r.out, "keepers, first and last quarter: heap %d and %d KiB, goroutines %.1f and %.1f, descriptors %.1f and %.1f\n",
		early.heap>>10, late.heap>>10, early.goroutines, late.goroutines, early.files, late.files)
	switch {
	case float64(late.heap) > heapGrowth*float64(early.heap)+heapMore:
		return fmt.Errorf("BROKEN: memory grows: %d KiB, then %d", early.heap>>10, late.heap>>10)
	case late.goroutines > goroutineGrowth*early.goroutines+goroutinesMore:
		return fmt.Errorf("BROKEN: goroutines grow: %.1f, then %.1f", early.goroutines, late.goroutines)
	case late.files > goroutineGrowth*early.files+goroutinesMore:
		return fmt.Errorf("BROKEN: descriptors grow: %.1f, then %.1f", early.files, late.files)
	}
	return nil
}

func most(list []usage) usage {
	var out usage
	for _, u := range list {
		out = usage{max(out.heap, u.heap), max(out.goroutines, u.goroutines), max(out.files, u.files)}
	}
	return out
}
