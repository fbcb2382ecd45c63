package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// pending is what has happened to a group since its last published view
// (docs/protocol.md, "Settling"): changes that belong together are published
// together.
type pending struct {
	open     bool
	urgent   bool // draining, left and replaced are published at once
	crashed  bool
	rejoined bool
	isolated bool // as last published
	crashes  Time // when a view without somebody who had crashed was last published; 0: never
	first    Time
	last     Time
	due      Time
	touched  []touched
}

type touched struct {
	id    wire.ID
	x     *member
	old   *Shown
	cause EventCause
}

// touch notes that x may look different from its last published state.
func (g *group) touch(x *member, cause EventCause) {
	p := &g.pend
	if !x.touched {
		x.touched = true
		p.touched = append(p.touched, touched{id: x.rec.ID, x: x, old: x.shown, cause: cause})
		g.openPending(cause)
		return
	}
	if cause != NoCause {
		for i := range p.touched {
			if p.touched[i].x == x {
				p.touched[i].cause = cause
			}
		}
		g.openPending(cause)
	}
}

// touchNew notes a newcomer. If the same ID was taken out since the last
// published view, the two become one difference.
func (g *group) touchNew(x *member, cause EventCause) {
	p := &g.pend
	x.touched = true
	for i := range p.touched {
		if p.touched[i].id == x.rec.ID {
			p.touched[i].x = x
			p.touched[i].cause = cause
			g.openPending(cause)
			return
		}
	}
	p.touched = append(p.touched, touched{id: x.rec.ID, x: x, cause: cause})
	g.openPending(cause)
}

func (g *group) touchName(name string) {
	for _, x := range g.rings.all() {
		if x.rec.Name == name {
			g.touch(x, NoCause)
		}
	}
}

func (g *group) touchAll(cause EventCause) {
	for _, x := range g.rings.all() {
		g.touch(x, cause)
	}
}

func (g *group) openPending(cause EventCause) {
	p, now := &g.pend, g.m.now
	g.m.busy = true
	if !p.open {
		p.open, p.first, p.crashed = true, now, false
	}
	p.last = now
	switch cause {
	case CauseCrashed:
		p.crashed = true
	case CauseReplaced, CauseLeft:
		p.urgent = true
	}
}

// settle publishes the group's view if the time has come.
func (g *group) settle() {
	p, now := &g.pend, g.m.now
	if !p.open {
		return
	}
	if g.me.rec.State == wire.Left {
		*p = pending{} // who has left has no views any more
		return
	}
	if !p.urgent {
		most := settleSilent
		if p.crashed || !g.silence() {
			most = settleSoon
		}
		p.due = max(p.first+settleFirst, p.last+settleQuiet)
		if g.undecided() {
			p.due = p.first + most
		}
		if p.crashes != 0 && p.crashed && p.first-p.crashes < settleMany {
			// One more of many: the first change has told at once, the next
			// gathers the rest.
			most = settleRest
			p.due = max(p.due, p.last+settleCalm)
			if g.unlinked() {
				p.due = p.first + most
			}
		}
		p.due = min(p.due, p.first+most)
		if now < p.due {
			return
		}
	}
	g.publish()
}

// undecided says that some member stands accused by some, but not enough, of
// its watchers, and lately: more may follow.
func (g *group) undecided() bool {
	for i := range g.pend.touched {
		x := g.pend.touched[i].x
		if q := x.inquiry; q != nil && q.standing(x) > 0 && g.m.now-q.since < settleSilent && g.members[x.rec.ID] == x {
			return true
		}
	}
	return false
}

// unlinked says that a link to some neighbour is still being tried: it may be
// one of those who are gone.
func (g *group) unlinked() bool {
	return slices.ContainsFunc(g.neighbour, func(x *member) bool {
		p := g.m.peers[x.rec.ID]
		return p != nil && p.link == nil
	})
}

// silence says that a pending change comes from silence rather than from a
// refusal: those take longer to come in together.
func (g *group) silence() bool {
	for i := range g.pend.touched {
		t := &g.pend.touched[i]
		if t.cause == CauseSilent {
			return true
		}
		if q := t.x.inquiry; q != nil && q.standing(t.x) > 0 {
			return true
		}
	}
	return false
}

// publish shows the application the difference to the last view, if any.
func (g *group) publish() {
	m, p := g.m, &g.pend
	list, rejoined := p.touched, p.rejoined
	wasIsolated := p.isolated
	*p = pending{isolated: m.isolated, crashes: p.crashes}
	c := &Change{Domain: g.domain, Isolated: m.isolated}
	for i := range list {
		t := &list[i]
		t.x.touched = false
		x := g.members[t.id]
		now := g.show(x)
		if x != nil {
			x.shown = now
		}
		c.Events = appendEvents(c.Events, t.old, now, t.cause)
	}
	self := g.me.shown
	switch {
	case m.isolated && !wasIsolated:
		c.Events = append(c.Events, Event{Kind: IsolatedEvent, Cause: CauseIsolated, Shown: self})
	case rejoined && !m.isolated:
		c.Events = append(c.Events, Event{Kind: RejoinedEvent, Cause: CauseReturned, Shown: self})
	}
	if len(c.Events) == 0 {
		return
	}
	if slices.ContainsFunc(c.Events, func(e Event) bool { return e.Kind == Removed && e.Cause == CauseCrashed }) {
		p.crashes = max(m.now, 1)
	}
	g.number++
	c.Number = g.number
	g.noteUnacked(c)
	m.do(Effect{Kind: DoPublish, Change: c})
}

// show makes the public state of a participant; nil: it is not shown. The old
// value is kept if nothing has changed.
func (g *group) show(x *member) *Shown {
	if x == nil || g.m.isolated && x != g.me {
		return nil
	}
	s := Shown{Record: x.rec, Suspect: x.suspect && x != g.me, NameConflict: g.byName[x.rec.Name] > 1}
	if w := g.words[x.rec.ID]; w != nil && w.raised && x.neighbour {
		s.Unreachable = true
	}
	if x.shown != nil && *x.shown == s {
		return x.shown
	}
	return &s
}

// appendEvents tells the difference between two states of one participant.
func appendEvents(out []Event, old, now *Shown, cause EventCause) []Event {
	switch {
	case old == nil && now == nil, old == now:
		return out
	case old == nil:
		return append(out, Event{Kind: Added, Cause: cause, Shown: now})
	case now == nil:
		return append(out, Event{Kind: Removed, Cause: cause, Shown: old})
	}
	if old.Record.State != now.Record.State {
		switch now.Record.State {
		case wire.Draining:
			out = append(out, Event{Kind: DrainingEvent, Shown: now})
		case wire.Leaving:
			out = append(out, Event{Kind: LeavingEvent, Shown: now})
		default:
			out = append(out, Event{Kind: Updated, Shown: now})
		}
	} else if old.Record != now.Record || old.NameConflict != now.NameConflict ||
		old.Unreachable != now.Unreachable && old.Suspect == now.Suspect {
		out = append(out, Event{Kind: Updated, Cause: cause, Shown: now})
	}
	if old.Suspect != now.Suspect {
		kind := Suspected
		if old.Suspect {
			kind = Recovered
		}
		out = append(out, Event{Kind: kind, Shown: now})
	}
	return out
}
