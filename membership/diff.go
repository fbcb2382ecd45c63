package membership

import (
	"slices"

	"github.com/gotribes/tribes/internal/machine"
)

// next returns the snapshot that a change leads to. s itself stays as it is.
func (s *snapshot) next(c *machine.Change, self ID) *snapshot {
	n := &snapshot{domain: s.domain, number: c.Number, isolated: c.Isolated, self: s.self, stale: make(chan struct{})}
	changed := make(map[ID]*Member, len(c.Events)) // nil: removed
	for i := range c.Events {
		e := &c.Events[i]
		id := ID(e.Shown.Record.ID)
		switch {
		case e.Kind == machine.IsolatedEvent, e.Kind == machine.RejoinedEvent:
		case e.Kind == machine.Removed:
			changed[id] = nil
		default:
			changed[id] = memberOf(e.Shown)
			if id == self {
				n.self = changed[id]
			}
		}
	}
	var members, managers []*Member
	for _, m := range changed {
		switch {
		case m == nil:
		case m.Manager:
			managers = append(managers, m)
		default:
			members = append(members, m)
		}
	}
	n.byAddress = merge(s.byAddress, changed, members, byAddressAndID)
	n.byID = merge(s.byID, changed, members, byID)
	n.managers = merge(s.managers, changed, managers, byAddressAndID)
	n.events = removalsFirst(publicEvents(s, n, c))
	return n
}

// merge returns a sorted list without those that have changed and with the
// fresh ones in their places. fresh is sorted on the way.
func merge(list []*Member, changed map[ID]*Member, fresh []*Member, order func(a, b *Member) int) []*Member {
	slices.SortFunc(fresh, order)
	out := make([]*Member, 0, len(list)+len(fresh))
	for _, m := range list {
		if _, ok := changed[m.ID]; ok {
			continue
		}
		for len(fresh) > 0 && order(fresh[0], m) < 0 {
			out, fresh = append(out, fresh[0]), fresh[1:]
		}
		out = append(out, m)
	}
	return append(out, fresh...)
}

// publicEvents turns the machine's events into those of members. It goes by
// what the two snapshots show, so that the events always add up.
func publicEvents(old, now *snapshot, c *machine.Change) []Event {
	var out []Event
	for i := range c.Events {
		e := &c.Events[i]
		id, cause := ID(e.Shown.Record.ID), causeOf(e.Cause)
		if e.Kind == machine.IsolatedEvent || e.Kind == machine.RejoinedEvent {
			if now.self != nil {
				out = append(out, Event{Kind: kindOf(e.Kind), Cause: cause, Member: *now.self})
			}
			continue
		}
		before, after := old.get(id), now.get(id)
		switch {
		case before == nil && after == nil: // a manager
		case before == nil:
			out = append(out, Event{Kind: MemberAdded, Cause: cause, Member: *after})
		case after == nil:
			out = append(out, Event{Kind: MemberRemoved, Cause: cause, Member: before.gone(cause)})
		default:
			out = append(out, Event{Kind: kindOf(e.Kind), Cause: cause, Member: *after})
		}
	}
	return out
}

// removalsFirst keeps the order otherwise: so that, followed one by one, no
// address is taken twice.
func removalsFirst(events []Event) []Event {
	slices.SortStableFunc(events, func(a, b Event) int { return rank(a) - rank(b) })
	return events
}

func rank(e Event) int {
	switch e.Kind {
	case MemberRemoved:
		return 0
	case Isolated, Rejoined:
		return 2
	}
	return 1
}

// everybody returns the events of a first change.
func everybody(now *snapshot) []Event {
	out := make([]Event, 0, len(now.byAddress)+1)
	for _, m := range now.byAddress {
		out = append(out, Event{Kind: MemberAdded, Cause: CauseJoined, Member: *m})
	}
	if now.isolated && now.self != nil {
		out = append(out, Event{Kind: Isolated, Cause: CauseIsolated, Member: *now.self})
	}
	return out
}

// diff returns the events that lead from old to now over whatever lies
// between.
func diff(old, now *snapshot, causes *causeMemory) []Event {
	var out []Event
	a, b := old.byID, now.byID
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && byID(a[0], b[0]) < 0:
			cause := causes.removed(a[0].ID)
			out = append(out, Event{Kind: MemberRemoved, Cause: cause, Member: a[0].gone(cause)})
			a = a[1:]
		case len(a) == 0 || byID(b[0], a[0]) < 0:
			out = append(out, Event{Kind: MemberAdded, Cause: causes.added(b[0].ID), Member: *b[0]})
			b = b[1:]
		default:
			if !a[0].same(b[0]) {
				out = append(out, Event{Kind: step(a[0].State, b[0].State), Member: *b[0]})
			}
			a, b = a[1:], b[1:]
		}
	}
	if old.isolated != now.isolated && now.self != nil {
		e := Event{Kind: Rejoined, Cause: CauseReturned, Member: *now.self}
		if now.isolated {
			e.Kind, e.Cause = Isolated, CauseIsolated
		}
		out = append(out, e)
	}
	return removalsFirst(out)
}

// step names the way from one state to another.
func step(old, now State) Kind {
	switch {
	case now == old:
		return MemberUpdated
	case now == Suspect:
		return MemberSuspected
	case now == Draining:
		return MemberDraining
	case now == Leaving:
		return MemberLeaving
	case now == Alive && old == Suspect:
		return MemberRecovered
	}
	return MemberUpdated
}

// causesLeast is how many members' causes are remembered at least.
const causesLeast = 1000

// A causeMemory remembers why members last came and went, for subscribers who
// were not looking: of the larger of 1,000 and the group's largest size, the latest.
type causeMemory struct {
	of    map[ID]lastCauses
	order []ID // oldest first
	most  int
}

type lastCauses struct{ added, removed Cause }

func (c *causeMemory) note(events []Event, size int) {
	c.most = max(c.most, causesLeast, size)
	for i := range events {
		e := &events[i]
		if e.Kind != MemberAdded && e.Kind != MemberRemoved {
			continue
		}
		if c.of == nil {
			c.of = make(map[ID]lastCauses)
		}
		last, known := c.of[e.Member.ID]
		if !known {
			c.order = append(c.order, e.Member.ID)
		}
		if e.Kind == MemberAdded {
			last.added = e.Cause
		} else {
			last.removed = e.Cause
		}
		c.of[e.Member.ID] = last
	}
	for len(c.order) > c.most {
		delete(c.of, c.order[0])
		c.order = c.order[1:]
	}
}

// added returns why a member came; of one not remembered, that it joined.
func (c *causeMemory) added(id ID) Cause { return or(c.of[id].added, CauseJoined) }

// removed returns why a member went; of one not remembered, NoCause.
func (c *causeMemory) removed(id ID) Cause { return c.of[id].removed }
