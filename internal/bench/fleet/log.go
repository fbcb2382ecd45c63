package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/bench/subject"
)

// A Log gathers what all nodes of a fleet were told.
type Log struct {
	mu     sync.Mutex
	events []subject.Event
	more   chan struct{} // closed and made anew with every event
}

func newLog() *Log { return &Log{more: make(chan struct{})} }

func (l *Log) add(e subject.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
	close(l.more)
	l.more = make(chan struct{})
}

// Since returns the events stamped at or after a time, and what is closed when there are more.
func (l *Log) Since(t time.Time) ([]subject.Event, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []subject.Event
	for _, e := range l.events {
		if e.At >= t.UnixNano() {
			out = append(out, e)
		}
	}
	return out, l.more
}

// Forget drops the events so far, so that long runs do not gather them for ever.
func (l *Log) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = nil
}

// lull is the shortest time between two looks at the log, so that a flood of events does not cost a look each.
const lull = 20 * time.Millisecond

// Await returns true as soon as enough says so of the events since a time, and false when the context ends before.
func (l *Log) Await(ctx context.Context, since time.Time, enough func([]subject.Event) bool) bool {
	for {
		events, more := l.Since(since)
		if enough(events) {
			return true
		}
		select {
		case <-more:
		case <-ctx.Done():
			events, _ = l.Since(since)
			return enough(events)
		}
		select {
		case <-time.After(lull):
		case <-ctx.Done():
		}
	}
}
