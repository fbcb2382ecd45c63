package membership

import (
	"context"
	"iter"
	"sync"
)

// A registry holds the groups of a node. The loop adds and removes, anybody
// reads.
type registry struct {
	mu      sync.Mutex
	list    []*Group // in the order in which they came
	serial  uint64   // of the last one
	changed chan struct{}
}

// get returns the group of a domain.
func (r *registry) get(domain string) (*Group, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.list {
		if g.domain == domain {
			return g, true
		}
	}
	return nil, false
}

// add puts in a group that is not there.
func (r *registry) add(g *Group) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serial++
	g.serial = r.serial
	r.list = append(r.list[:len(r.list):len(r.list)], g) // readers may hold the old one
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// remove takes a group out and ends its subscriptions.
func (r *registry) remove(domain string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := make([]*Group, 0, len(r.list))
	for _, g := range r.list {
		if g.domain == domain {
			close(g.dropped)
			continue
		}
		kept = append(kept, g)
	}
	r.list = kept
}

// all returns the groups there are, and a channel that is closed when another
// one comes.
func (r *registry) all() (list []*Group, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return r.list, r.changed
}

// Groups returns the node's own group, those that it manages, and then each
// one that comes while it waits, until ctx ends or the node does. Without
// "*" in Config.Manage and without Follow none come. A domain that had no
// members for ten minutes is dropped again, unless Config.Manage names it or
// Follow did; should it come back, it is a new Group.
func (n *Node) Groups(ctx context.Context) iter.Seq[*Group] {
	return func(yield func(*Group) bool) {
		seen := uint64(0)
		for {
			list, more := n.groups.all()
			for _, g := range list {
				if g.serial <= seen {
					continue
				}
				if ctx.Err() != nil || n.ctx.Err() != nil {
					return
				}
				seen = g.serial
				if !yield(g) {
					return
				}
			}
			select {
			case <-more:
			case <-ctx.Done():
				return
			case <-n.ctx.Done():
				return
			}
		}
	}
}
