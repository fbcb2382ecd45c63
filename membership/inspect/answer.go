package inspect

import (
	"time"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/membership"
)

// memberOf makes a public value of what was answered.
func memberOf(domain string, s *wire.SeenMember) membership.Member {
	m := membership.Member{
		ID: membership.ID(s.ID), Name: s.Name, Domain: domain, Address: s.Address, SubDomain: s.SubDomain,
		State: membership.State(s.State), Incarnation: s.Incarnation, Version: s.Version,
		Unreachable:  s.Marks&wire.MarkUnreachable != 0,
		NameConflict: s.Marks&wire.MarkNameConflict != 0,
		Manager:      s.Marks&wire.MarkManager != 0,
	}
	if len(s.Properties) == 0 {
		return m
	}
	properties := make(map[string]string, len(s.Properties))
	for _, p := range s.Properties {
		properties[p.Key] = p.Value
	}
	return m.WithProperties(properties)
}

// explanationOf makes times of ages.
func explanationOf(w *wire.Why, now time.Time) membership.Explanation {
	m := memberOf(w.Domain, &w.Member)
	e := membership.Explanation{
		ID: m.ID, Domain: w.Domain, Known: m.ID != membership.ID{}, Present: w.Present, Member: m, Manager: m.Manager,
		Watched: w.Watched, Linked: w.Linked, LastHeard: w.Heard, RoundTrip: w.RoundTrip,
		Unreachable: membership.Cause(w.Unreachable), Accusations: accusationsOf(w.Others),
	}
	for _, x := range w.Watchers {
		e.Watchers = append(e.Watchers, membership.Watcher{
			ID: membership.ID(x.ID), Address: x.Address, Self: x.Self,
			Stance: membership.Stance(x.Stance), Cause: membership.Cause(x.Cause),
		})
	}
	if r := w.Removal; r != nil {
		e.Removal = &membership.Removal{
			Cause: membership.Cause(r.Cause), At: now.Add(-r.Age), Incarnation: r.Incarnation, Hearsay: r.Hearsay,
			Evidence: accusationsOf(r.Evidence),
		}
	}
	for _, t := range w.Transitions {
		e.Transitions = append(e.Transitions, membership.Transition{
			At: now.Add(-t.Age), Kind: membership.Kind(t.Kind), Cause: membership.Cause(t.Cause),
			State: membership.State(t.State), View: t.View,
		})
	}
	return e
}

func accusationsOf(list []wire.OtherWord) (out []membership.Accusation) {
	for _, a := range list {
		out = append(out, membership.Accusation{By: membership.ID(a.By), Address: a.Address, Cause: membership.Cause(a.Cause)})
	}
	return out
}
