package membership

import "time"

const (
	historyMost     = 1000 // events of a group that are remembered
	transitionsMost = 16   // of one participant that Explain tells
)

// A history remembers a group's latest events, for Explain.
type history struct {
	ring []happened // oldest at next, once it is full
	next int
}

type happened struct {
	id   ID
	gone *Member // of a removal: as it was last
	Transition
}

// note takes in the events that led to a view.
func (h *history) note(events []Event, view uint64, at time.Time) {
	for i := range events {
		e := &events[i]
		x := happened{id: e.Member.ID, Transition: Transition{at, e.Kind, e.Cause, e.Member.State, view}}
		if e.Kind == MemberRemoved {
			x.gone = new(e.Member)
		}
		if len(h.ring) < historyMost {
			h.ring = append(h.ring, x)
			continue
		}
		h.ring[h.next] = x
		h.next = (h.next + 1) % historyMost
	}
}

// of adds what is remembered of a participant to an explanation, and returns
// it as it was when it was last removed.
func (h *history) of(id ID, e *Explanation) (gone *Member) {
	for i := range h.ring {
		x := &h.ring[(h.next+i)%len(h.ring)]
		if x.id == id {
			e.Transitions = append(e.Transitions, x.Transition)
			if x.gone != nil {
				gone = x.gone
			}
		}
	}
	if n := len(e.Transitions) - transitionsMost; n > 0 {
		e.Transitions = e.Transitions[n:]
	}
	return gone
}
