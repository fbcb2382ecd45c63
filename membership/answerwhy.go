package membership

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/wire"
)

// prefixLeast is how many digits of an ID stand for it.
const prefixLeast = 4

// why explains a participant to one who asks.
func (a *asker) why(q *wire.AskWhy) wire.Message {
	g, ok := a.loop.node.groups.get(q.Domain)
	if !ok {
		return a.notServed(q.Domain)
	}
	id, several := g.find(q.Who)
	if several {
		return unanswered(wire.AnswerAmbiguous, "%q stands for more than one participant of domain %q; give the whole ID", q.Who, q.Domain)
	}
	out := &wire.Why{Domain: q.Domain}
	if id == (ID{}) {
		return out
	}
	if e := g.Explain(id); e.Known {
		e.tell(out, a.loop.wall(a.loop.now()))
	}
	return out
}

// tell is what take undoes at the other end; all lists are bounded.
func (e *Explanation) tell(out *wire.Why, now time.Time) {
	out.Member, out.Present = seenOf(&e.Member), e.Present
	if e.Manager {
		out.Member.Marks |= wire.MarkManager
	}
	out.Watched, out.Linked, out.Heard, out.RoundTrip = e.Watched, e.Linked, e.LastHeard, e.RoundTrip
	out.Unreachable = uint8(e.Unreachable)
	for _, w := range e.Watchers[:min(len(e.Watchers), wire.MaxWords)] {
		out.Watchers = append(out.Watchers, wire.WatcherWord{
			ID: wire.ID(w.ID), Address: w.Address, Self: w.Self, Stance: uint8(w.Stance), Cause: uint8(w.Cause),
		})
	}
	out.Others = wordsOf(e.Accusations)
	if r := e.Removal; r != nil {
		out.Removal = &wire.RemovalWord{
			Cause: uint8(r.Cause), Age: now.Sub(r.At), Incarnation: r.Incarnation, Hearsay: r.Hearsay, Evidence: wordsOf(r.Evidence),
		}
	}
	for _, t := range e.Transitions[:min(len(e.Transitions), wire.MaxTransitions)] {
		out.Transitions = append(out.Transitions, wire.TransitionWord{
			Age: now.Sub(t.At), Kind: uint8(t.Kind), Cause: uint8(t.Cause), State: uint8(t.State), View: t.View,
		})
	}
}

func wordsOf(list []Accusation) (out []wire.OtherWord) {
	for _, a := range list[:min(len(list), wire.MaxWords)] {
		out = append(out, wire.OtherWord{By: wire.ID(a.By), Address: a.Address, Cause: uint8(a.Cause)})
	}
	return out
}

// find returns whom an operator means: by the ID or its first digits, the
// address or the name. Of those who are gone an address or a name stands for
// the latest. Zero: nobody.
func (g *Group) find(who string) (id ID, several bool) {
	if raw, err := hex.DecodeString(who); err == nil && len(raw) == len(id) {
		return ID(raw), false
	}
	if s := g.current.Load(); s != nil {
		for i := range len(s.byAddress) + len(s.managers) {
			if m := s.participant(i); meant(m, who) {
				several = several || id != ID{}
				id = m.ID
			}
		}
	}
	if id != (ID{}) {
		return id, several
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.history.gone(who)
}

// gone returns the latest of those who were removed that who stands for.
func (h *history) gone(who string) (id ID, several bool) {
	for i := range h.ring {
		m := h.ring[(h.next+i)%len(h.ring)].gone
		if m == nil || !meant(m, who) {
			continue
		}
		if m.Address != who && m.Name != who {
			several = several || id != ID{} && id != m.ID
		}
		id = m.ID
	}
	return id, several
}

func meant(m *Member, who string) bool {
	return m.Address == who || m.Name == who || len(who) >= prefixLeast && strings.HasPrefix(m.ID.String(), strings.ToLower(who))
}
