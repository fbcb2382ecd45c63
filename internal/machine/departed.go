package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// departures are the participants that are gone: remembered for an hour, and
// at most the larger of 1,000 and the size that the group had at its largest, so
// that old records cannot bring them back, would-be watchers can look for them,
// and "why" can be answered. Its size now would not do: when more than half of
// a large group goes at once, the first would be forgotten while others still
// had them.
type departures struct {
	byID  map[wire.ID]*departed
	order []*departed // oldest first; may hold entries that are taken back
	next  Time        // when the next of them is to be tried
}

type departed struct {
	id          wire.ID
	incarnation uint32
	cause       wire.Cause
	address     string
	at          Time
	try         Time // when a would-be watcher looks for it again
	wait        Time
	cutOff      bool // concluded while no link was healthy
	back        bool // taken back
	evidence    []*wire.Accusation
	hearsay     bool // another's memory, unsigned: it bars nobody who comes with a newer incarnation
}

func (d *departures) init() { d.byID = map[wire.ID]*departed{} }

func (d *departures) get(id wire.ID) *departed { return d.byID[id] }

// add remembers a departure; a later incarnation or a final cause replaces
// what was known.
func (g *group) depart(id wire.ID, incarnation uint32, cause wire.Cause, address string) *departed {
	now := g.m.now
	if old := g.gone.byID[id]; old != nil {
		if old.final() || !final(cause) && incarnation <= old.incarnation {
			return old
		}
		g.gone.takeBack(old)
	}
	e := &departed{
		id: id, incarnation: incarnation, cause: cause, address: address, at: now,
		try: now + g.m.jitter(downTryFirst), wait: downTryFirst, cutOff: g.m.cutSince != 0,
	}
	g.gone.byID[id] = e
	g.gone.order = append(g.gone.order, e)
	if e.tried() {
		g.gone.next = min(g.gone.next, e.try)
	}
	g.forgetDeparted()
	return e
}

func (e *departed) final() bool { return final(e.cause) && !e.hearsay }

// final says that an ID with this cause never returns. One that was replaced
// ends by itself, when it finds another at its address; if it does not, it was
// a mistake, and it may come back.
func final(c wire.Cause) bool { return c == wire.CauseLeft }

// tried says that would-be watchers look for it.
func (e *departed) tried() bool {
	return !e.back && !e.hearsay && e.cause != wire.CauseLeft && e.cause != wire.CauseReplaced
}

// takeBack forgets a departure: it has returned, or departed anew.
func (d *departures) takeBack(e *departed) {
	e.back, e.evidence = true, nil
	delete(d.byID, e.id)
}

func (g *group) forgetDeparted() {
	d := &g.gone
	most := max(departedLeast, g.largest)
	for len(d.order) > 0 {
		e := d.order[0]
		if !e.back && g.m.now-e.at < departedFor && len(d.byID) <= most {
			break
		}
		if !e.back {
			delete(d.byID, e.id)
		}
		d.order[0] = nil
		d.order = d.order[1:]
	}
	// Members that come and go all the time do not fill the order.
	if len(d.order) > 2*len(d.byID)+16 {
		d.order = slices.DeleteFunc(d.order, func(e *departed) bool { return e.back })
	}
}

// tryDeparted dials those who were dropped, if this node would watch them:
// one that is alive hears on the link that it is held as down.
func (g *group) tryDeparted() {
	m := g.m
	d := &g.gone
	if m.now < d.next || m.isolated {
		return
	}
	g.forgetDeparted()
	d.next = m.now + downTryLater
	for _, e := range d.order {
		if !e.tried() {
			continue
		}
		if e.try <= m.now {
			g.tryOne(e)
			e.wait = min(2*e.wait, downTryMost)
			if m.now-e.at > downTrySoon {
				e.wait = downTryLater
			}
			e.try = m.now + m.jitter(e.wait)
		}
		d.next = min(d.next, e.try)
	}
}

func (g *group) tryOne(e *departed) {
	m := g.m
	var buf [2 * everybodyUpTo]*member
	mine := false
	for _, y := range g.rings.around(e.id.Places(), buf[:0]) {
		mine = mine || y == g.me
	}
	if !mine || g.members.at(e.address) != nil {
		return
	}
	p := m.peer(e.id, e.address)
	if m.failedLately(p) && !p.refused && g.lostMany() {
		g.sayLate(e)
	}
	switch {
	case p.attempt != 0:
	case p.link == nil || m.stale(p):
		m.dial(p)
	default:
		g.sayHeld(p.link, e)
	}
}

// lostMany says that so many have gone of late that no two nodes see the same
// watchers.
func (g *group) lostMany() bool {
	n := 0
	for i := len(g.gone.order) - 1; i >= 0 && n < lateMany; i-- {
		e := g.gone.order[i]
		if g.m.now-e.at >= lateWords {
			break
		}
		if !e.back && !e.hearsay {
			n++
		}
	}
	return n >= lateMany
}

// sayLate accuses a member that this node has dropped before it had reason to
// say a word of its own, now that it has met silence there. While many are lost
// at once, those who watch a member change all the time, and no two nodes see
// the same ones: who became a watcher late, and has dropped it since, would
// vouch for it with all who could not count the verdict.
func (g *group) sayLate(e *departed) {
	m := g.m
	if e.cause == wire.CauseLeft || e.hearsay || m.now-e.at >= lateWords || !m.hearsSomebody() || g.back.held ||
		e.accusedBy(m.self) || len(e.evidence) >= wire.MaxAccusers {
		return
	}
	a := g.accusation(e.id, e.incarnation, true, wire.Silent)
	e.evidence = append(e.evidence, a)
	g.floods = append(g.floods, flood{accusation: a})
	m.busy = true
}

// hearLate takes in the word of a watcher on a member that is gone already, and
// passes it on for whoever still has it; false: nothing new.
func (g *group) hearLate(a *wire.Accusation, from *link) bool {
	e := g.gone.get(a.Subject)
	if e == nil || e.cause == wire.CauseLeft || e.incarnation != a.Incarnation || g.m.now-e.at >= lateWords ||
		!a.Raised || a.Reason != wire.Silent || a.Watcher == g.m.self || a.Domain != g.domain ||
		g.members.get(a.Watcher) == nil || e.accusedBy(a.Watcher) || len(e.evidence) >= wire.MaxAccusers ||
		!g.verified(a.Verify(g.m.cfg.Verify), from, "accusation") {
		return false
	}
	e.evidence = append(e.evidence, a)
	return true
}

func (e *departed) accusedBy(watcher wire.ID) bool {
	return slices.ContainsFunc(e.evidence, func(a *wire.Accusation) bool { return a.Watcher == watcher })
}

// departures lists what is remembered, the newest first, for a hand-over.
func (g *group) departures(most int, keep func(id wire.ID) bool) []wire.Departure {
	var out []wire.Departure
	for i := len(g.gone.order) - 1; i >= 0 && len(out) < most; i-- {
		if e := g.gone.order[i]; !e.back && keep(e.id) {
			out = append(out, wire.Departure{ID: e.id, Incarnation: e.incarnation, Cause: e.cause, Address: e.address})
		}
	}
	return out
}
