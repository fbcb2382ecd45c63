package tribes

import (
	"context"
	"errors"
	"sync"
)

// Bounds of the window of messages that may be sent again.
const (
	windowIDs     = 1024 // per sender, the latest
	windowSenders = 512  // the latest
)

// errFailedBefore is how a message failed whose first copy did.
var errFailedBefore = errors.New("the first copy of the message failed")

// A window remembers messages that asked for an acknowledgement, so that one
// that is sent again, because its acknowledgement was lost or late, is not
// delivered twice. The zero value is ready; safe for concurrent use.
type window struct {
	mu      sync.Mutex
	senders map[Identity]*seenFrom
	order   []Identity // as they came
}

type seenFrom struct {
	turns map[MessageID]*turn
	ring  [windowIDs]MessageID
	next  int
}

// A turn is the first copy of a message on its way through the application.
type turn struct {
	w     *window
	from  Identity
	id    MessageID
	done  chan struct{}
	ok    bool  // valid once done is closed
	again *turn // set instead of the others: a later copy, which waits for this one
}

// enter returns the turn of a message, and whether this is its first copy. Of
// the first, leave must be called.
func (w *window) enter(from Identity, id MessageID) (t *turn, first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.senders[from]
	if s == nil {
		if w.senders == nil {
			w.senders = map[Identity]*seenFrom{}
		}
		if len(w.order) >= windowSenders {
			delete(w.senders, w.order[0])
			w.order = w.order[1:]
		}
		s = &seenFrom{turns: map[MessageID]*turn{}}
		w.senders[from] = s
		w.order = append(w.order, from)
	}
	if t := s.turns[id]; t != nil {
		return t, false
	}
	if len(s.turns) >= windowIDs {
		delete(s.turns, s.ring[s.next])
	}
	t = &turn{w: w, from: from, id: id, done: make(chan struct{})}
	s.turns[id] = t
	s.ring[s.next] = id
	s.next = (s.next + 1) % windowIDs
	return t, true
}

// leave says how the first copy fared. One that failed may come again.
func (t *turn) leave(ok bool) {
	if t == nil {
		return
	}
	if !ok {
		t.w.mu.Lock()
		if s := t.w.senders[t.from]; s != nil && s.turns[t.id] == t {
			delete(s.turns, t.id)
		}
		t.w.mu.Unlock()
	}
	t.ok = ok
	close(t.done)
}

// wait returns how the first copy fared.
func (t *turn) wait(ctx context.Context) error {
	select {
	case <-t.done:
		if t.ok {
			return nil
		}
		return errFailedBefore
	case <-ctx.Done():
		return ctx.Err()
	}
}
