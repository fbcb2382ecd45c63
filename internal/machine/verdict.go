package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// down drops a member for good, as far as this incarnation is concerned.
func (g *group) down(x *member, cause wire.Cause, proof []*wire.Accusation, tell bool) {
	m := g.m
	id, inc := x.rec.ID, x.rec.Incarnation
	g.depart(id, inc, cause, x.rec.Address).evidence = x.standing()
	g.remove(x, eventCause(cause))
	if tell {
		v := &wire.Verdict{Subject: id, Incarnation: inc, Held: true, Accusations: proof}
		g.floods = append(g.floods, flood{verdict: v, own: g.swallow(proof)})
	}
	if p := m.peers[id]; p != nil && p.link != nil && p.link.shares(g) {
		m.send(p.link, &wire.HeldDown{Domain: g.domain, Incarnation: inc, Cause: cause})
	}
	g.admitWaiting(x.rec.Address)
}

// swallow takes accusations out of what waits to be flooded: a verdict holds
// them. It says whether one of them was this node's own.
func (g *group) swallow(words []*wire.Accusation) (own bool) {
	g.floods = slices.DeleteFunc(g.floods, func(f flood) bool {
		held := f.accusation != nil && slices.Contains(words, f.accusation)
		own = own || held && f.accusation.Watcher == g.m.self
		return held
	})
	return own
}

func eventCause(c wire.Cause) EventCause {
	switch c {
	case wire.CauseCrashed:
		return CauseCrashed
	case wire.CauseReplaced:
		return CauseReplaced
	case wire.CauseLeft:
		return CauseLeft
	}
	return CauseSilent
}

// heardVerdict takes in a verdict that came over a link (docs/protocol.md,
// "When a member is down", 3).
func (g *group) heardVerdict(v *wire.Verdict, from *link) {
	m := g.m
	if v.Subject == m.self {
		if v.Incarnation == g.me.rec.Incarnation && v.Held {
			g.heldDown(from, v.Incarnation, wire.CauseSilent)
		}
		return
	}
	x := g.members.get(v.Subject)
	if v.Held {
		g.cameAgain(from, func(f *flood) bool {
			return f.verdict != nil && f.verdict.Subject == v.Subject && f.verdict.Incarnation == v.Incarnation
		})
	}
	if x != nil && v.Incarnation != x.rec.Incarnation {
		return
	}
	for _, a := range v.Accusations {
		if g.hear(a, from) {
			g.floods = append(g.floods, flood{from: from.id, accusation: a})
		}
	}
	if x == nil {
		return
	}
	q := g.open(x)
	if v.Held {
		g.heldBy(x, from.peer.id)
	}
	g.judge(x)
	if own := q.by(m.self, x); g.members.get(v.Subject) == x && v.Held && own != nil && own.Reason != wire.Silent {
		g.down(x, causeOf(own.Reason), nil, false) // I have looked, and was refused
	}
	if g.members.get(v.Subject) != x {
		return // borne out, and passed on
	}
	if proof := q.held(v); !q.passed && len(proof) > 0 {
		q.passed = true
		g.swallow(proof)
		passed := &wire.Verdict{Subject: v.Subject, Incarnation: v.Incarnation, Accusations: proof}
		g.floods = append(g.floods, flood{from: from.id, verdict: passed})
	}
	wait := conflictWithin
	if slices.ContainsFunc(v.Accusations, notSilent) {
		wait = doubtRefused // a look at who refuses costs nobody much
	}
	g.doubt(x, m.within(wait))
}

// held returns those of a verdict's accusations that this node has checked and
// holds, or newer ones of the same watchers: only they are passed on.
func (q *inquiry) held(v *wire.Verdict) []*wire.Accusation {
	var out []*wire.Accusation
	for _, a := range v.Accusations {
		if i, ok := q.find(a.Watcher); ok && q.words[i].Raised && q.words[i].Incarnation == v.Incarnation {
			out = append(out, q.words[i])
		}
	}
	return out
}

// heldBy notes that a neighbour holds x as down: it does not vouch for it.
func (g *group) heldBy(x *member, neighbour wire.ID) {
	q := g.open(x)
	if !slices.Contains(q.holders, neighbour) && len(q.holders) < wire.MaxAccusers {
		q.holders = append(q.holders, neighbour)
		g.reconsider(x)
	}
}

// doubt has this node look for itself at a member that others hold as down,
// unless its next incarnation, or the word of somebody who has looked, comes
// first.
func (g *group) doubt(x *member, wait Time) {
	m := g.m
	q := g.open(x)
	if q.looking || x == g.me {
		return
	}
	q.looking = true
	inc := x.rec.Incarnation
	stands := func() bool { return g.members.get(x.rec.ID) == x && x.rec.Incarnation == inc && x.inquiry == q }
	m.after(wait, func() {
		if !stands() || q.answers != 0 && m.now-q.answers < m.cfg.DropTime {
			q.looking = false
			g.reconsider(x)
			return
		}
		m.lookIf(stands, x.rec.Address, x.rec.ID, func(out Outcome, _ wire.ID, _ string) {
			q.looking = false
			if stands() {
				g.doubted(x, q, out)
				g.reconsider(x)
			}
		})
	})
}

func (g *group) doubted(x *member, q *inquiry, out Outcome) {
	m := g.m
	switch out {
	case Answered:
		q.answers = m.now
		q.holders = nil
		// Only the member itself can bring itself back: it has to hear of it.
		m.sendTo(x.rec.ID, x.rec.Address, &wire.HeldDown{Domain: g.domain, Incarnation: x.rec.Incarnation, Cause: wire.CauseSilent})
		answers := &wire.Looked{Domain: g.domain, Subject: x.rec.ID, Incarnation: x.rec.Incarnation, Answers: true}
		g.floods = append(g.floods, flood{looked: answers})
	case OutRefused:
		g.down(x, wire.CauseCrashed, nil, false)
	case OutForeign, OutSelf:
		g.down(x, wire.CauseReplaced, nil, false)
	case OutSilent, OutReset:
		// Where nearly all are lost few members have two watchers left, and it
		// would take minutes until half of the neighbours hold each of them.
		n, enough := m.healthyLinks(), 2*len(q.holders)
		if m.lonely() || g.lostMany() {
			enough = n * len(q.holders)
		}
		if n > 0 && enough >= n {
			g.down(x, wire.CauseSilent, nil, false)
		}
	}
}

// heardLooked takes in that somebody has looked and was answered.
func (g *group) heardLooked(k *wire.Looked, from *link) {
	x := g.members.get(k.Subject)
	if x == nil || x.inquiry == nil || !k.Answers || k.Incarnation != x.rec.Incarnation {
		return
	}
	if q := x.inquiry; q.answers == 0 || g.m.now-q.answers >= g.m.cfg.DropTime {
		q.answers = g.m.now
		g.floods = append(g.floods, flood{from: from.id, looked: k})
	}
}
