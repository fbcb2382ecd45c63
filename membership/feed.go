package membership

import (
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
)

// A Feed turns lists of members into numbered views, changes and events, with
// the meaning that those of a Group have. It is for sources of membership other
// than a Node: another protocol, a registry, a file. Its methods may be called
// by many goroutines at once, from inside the loops over its changes too.
type Feed struct {
	domain  string
	done    chan struct{} // closed by Close
	current atomic.Pointer[snapshot]

	mu     sync.Mutex // guards what follows, and orders Publish
	closed bool
	causes causeMemory
}

// NewFeed makes a Feed whose first view is empty and has the number 0. Changes
// begin with the first Publish.
func NewFeed(domain string) *Feed {
	f := &Feed{domain: domain, done: make(chan struct{})}
	f.current.Store(&snapshot{domain: domain, stale: make(chan struct{})})
	return f
}

// Domain returns the feed's domain.
func (f *Feed) Domain() string { return f.domain }

// View returns the current view. It takes no lock and allocates nothing.
func (f *Feed) View() View { return View{f.current.Load()} }

// Publish makes a view of these members the current one, unless that shows the
// same, and returns the current one. Members with Manager set are found with
// View.Managers. causes says why members came or went; of a newcomer that is not
// in it, that it joined. Both arguments are copied. Of two members with one ID
// or one address the later counts. After Close nothing changes any more.
func (f *Feed) Publish(members []Member, causes map[ID]Cause) View {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.current.Load()
	next := MakeView(f.domain, old.number+1, members).s
	why := causeMemory{of: make(map[ID]lastCauses, len(causes))}
	for id, c := range causes {
		why.of[id] = lastCauses{added: c, removed: c}
	}
	next.events = diff(old, next, &why)
	first := old.number == 0
	if f.closed || !first && len(next.events) == 0 && slices.EqualFunc(old.managers, next.managers, (*Member).same) {
		return View{old}
	}
	next.stale = make(chan struct{})
	f.causes.note(next.events, len(next.byID))
	f.current.Store(next)
	close(old.stale)
	return View{next}
}

// Close ends the loops over Changes and Events. The view stays. Further calls do
// nothing.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		close(f.done)
	}
}

// Changes returns the members as they are now and then every change, until ctx
// ends or the feed closes; see Group.Changes. Nobody waits for a change to be
// applied, so Change.Hold does nothing.
func (f *Feed) Changes(ctx context.Context) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		var seen *snapshot
		for {
			now := f.current.Load()
			if ctx.Err() != nil {
				return
			}
			if now != seen && now.number > 0 {
				if !yield(Change{View: View{now}, Events: f.difference(seen, now)}) {
					return
				}
				seen = now
				continue
			}
			select {
			case <-now.stale:
			case <-ctx.Done():
				return
			case <-f.done:
				if f.current.Load() == now {
					return
				}
			}
		}
	}
}

// difference returns the events that lead from one snapshot to a later one.
func (f *Feed) difference(old, now *snapshot) []Event {
	switch {
	case old == nil:
		return everybody(now)
	case old.number+1 == now.number:
		return slices.Clone(now.events) // the caller may do with it as it likes
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return diff(old, now, &f.causes)
}

// Events returns the events of Changes one at a time.
func (f *Feed) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for c := range f.Changes(ctx) {
			for _, e := range c.Events {
				if !yield(e) {
					return
				}
			}
		}
	}
}
