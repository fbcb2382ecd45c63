package fleet

import "github.com/gotribes/tribes/internal/bench/subject"

// Take returns the events since the last Take and forgets them, so that a run without end needs no memory for them.
func (l *Log) Take() []subject.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.events
	l.events = nil
	return out
}
