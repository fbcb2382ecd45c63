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
	silent   bool // somebody went for silence
	rejoined bool
	isolated bool // as last published
	crashes  Time // when a view without somebody who had crashed was last published; 0: never
	first    Time
	last     Time
	crash    Time // when the last crashed
	fallen   int  // how many have crashed
	before   int  // the same, in views before this that belong to it
	due      Time
	weighed  Time // when it was last found to be due later
	touched  []touched
	gone     map[wire.ID]int32 // which of touched were taken out
}

type touched struct {
	x     *member
	old   *wire.Record // as it was last published; nil: it was not
	marks marks
	cause EventCause
}

// touch notes that x may look different from its last published state.
func (g *group) touch(x *member, cause EventCause) {
	p := &g.pend
	if x.touched == 0 {
		p.touched = append(p.touched, touched{x: x, old: x.shownRec, marks: x.shownMarks, cause: cause})
		x.touched = int32(len(p.touched))
		g.openPending(cause)
		return
	}
	if cause != NoCause {
		p.touched[x.touched-1].cause = cause
		g.openPending(cause)
	}
}

// touchNew notes a newcomer. If the same ID was taken out since the last
// published view, the two become one difference.
func (g *group) touchNew(x *member, cause EventCause) {
	p := &g.pend
	x.touched = p.gone[x.rec.ID]
	if x.touched == 0 {
		p.touched = append(p.touched, touched{})
		x.touched = int32(len(p.touched))
	}
	t := &p.touched[x.touched-1]
	t.x, t.cause = x, cause
	g.openPending(cause)
}

// tookOut remembers who of touched is gone.
func (p *pending) tookOut(x *member) {
	if p.gone == nil {
		p.gone = map[wire.ID]int32{}
	}
	p.gone[x.rec.ID] = x.touched
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
		p.open, p.first, p.crashed, p.silent = true, now, false, false
	}
	p.last = now
	switch cause {
	case CauseCrashed:
		p.crashed, p.crash = true, now
		p.fallen++
	case CauseSilent:
		p.silent = true
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
		for i := range p.touched {
			p.touched[i].x.touched = 0
		}
		*p = pending{} // who has left has no views any more
		return
	}
	if !p.urgent {
		// It is never due before this; and who stands accused, of whom there
		// may be thousands, need not be known at each step.
		soonest := min(max(p.first+settleFirst, p.last+settleQuiet), p.first+settleSoon)
		if soonest = max(soonest, p.weighed+settleQuiet); now < soonest {
			p.due = soonest
			return
		}
		p.weighed = now
		accused, undecided := g.accused()
		most := settleSilent
		if p.crashed || !p.silent && !accused {
			most = settleSoon
		}
		p.due = max(p.first+settleFirst, p.last+settleQuiet)
		if undecided {
			p.due = p.first + most
		}
		if p.crashes != 0 && p.crashed && p.first-p.crashes < settleMany {
			// One more of many: the first change has told at once, the next
			// gathers the rest.
			most = settleRest
			p.due = max(p.due, p.crash+g.calm())
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

// calm returns how long nobody must have crashed before the rest of many is
// shown: longer if it is a good part of the group, as all are busy then.
func (g *group) calm() Time {
	p := &g.pend
	if gone := p.before + p.fallen; settlePart*gone >= g.members.len()+gone {
		return settleCalmMost
	}
	return settleCalm
}

// accused says that somebody whom the pending change touches stands accused:
// silence takes longer to come in together than refusals. undecided: by some,
// but not enough, of its watchers, and lately, so that more may follow.
func (g *group) accused() (accused, undecided bool) {
	for _, x := range g.inquiries {
		if q := x.inquiry; q != nil && x.touched != 0 && q.standing(x) > 0 && g.members.has(x) {
			accused = true
			undecided = undecided || g.m.now-q.since < settleSilent
		}
	}
	return accused, undecided
}

// unlinked says that a link to some neighbour is still being tried: it may be
// one of those who are gone.
func (g *group) unlinked() bool {
	return slices.ContainsFunc(g.neighbour, func(x *member) bool {
		p := g.m.peers[x.rec.ID]
		return p != nil && p.link == nil
	})
}

// publish shows the application the difference to the last view, if any.
func (g *group) publish() {
	m, p := g.m, &g.pend
	list, rejoined := p.touched, p.rejoined
	wasIsolated := p.isolated
	gone := p.fallen
	if p.crashes != 0 && p.first-p.crashes < settleMany {
		gone += p.before
	}
	*p = pending{isolated: m.isolated, crashes: p.crashes, before: gone}
	c := &Change{Domain: g.domain, Isolated: m.isolated, Events: make([]Event, 0, len(list)+1)}
	for i := range list {
		t := &list[i]
		t.x.touched = 0
		x := g.members.get(t.x.rec.ID)
		k, ok := g.show(x)
		var now Shown
		if ok {
			x.shownRec, x.shownMarks = x.rec, k
			now = x.shown()
		} else if x != nil {
			x.shownRec, x.shownMarks = nil, 0
		}
		c.Events = appendEvents(c.Events, shownAs(t.old, t.marks), now, t.cause)
	}
	self := g.me.shown()
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

// show tells how a participant is to be shown; false: not at all.
func (g *group) show(x *member) (marks, bool) {
	if x == nil || g.m.isolated && x != g.me {
		return 0, false
	}
	var k marks
	if x.suspect && x != g.me {
		k |= markSuspect
	}
	if w := g.words[x.rec.ID]; w != nil && w.raised && x.neighbour {
		k |= markUnreachable
	}
	if g.members.named(x.rec.Name, 2) > 1 {
		k |= markNameConflict
	}
	return k, true
}

// appendEvents tells the difference between two states of one participant.
func appendEvents(out []Event, old, now Shown, cause EventCause) []Event {
	switch {
	case old == now:
		return out
	case old.Record == nil:
		return append(out, Event{Kind: Added, Cause: cause, Shown: now})
	case now.Record == nil:
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
