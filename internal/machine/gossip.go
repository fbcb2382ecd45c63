package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// A flood is one new thing that goes to every link of the group but the one
// it came over.
type flood struct {
	from       LinkID
	record     *wire.Record
	accusation *wire.Accusation
	verdict    *wire.Verdict
	looked     *wire.Looked
}

func (g *group) floodRecord(r *wire.Record, from LinkID) {
	g.floods = append(g.floods, flood{from: from, record: r})
	g.m.busy = true
}

// flush sends what has gathered in this step: one message for each link, or a
// few if they would be too large. Arrivals that follow each other closely are
// sent together: a thousand nodes that start at once would otherwise cost each
// node thousands of messages on each link.
func (g *group) flush() {
	if len(g.floods) == 0 || g.m.more && g.patient() || g.rest() {
		return
	}
	floods := g.floods
	g.floods, g.flushed = nil, max(g.m.now, 1)
	var shared []*wire.Gossip // for links that nothing came from
	for _, l := range g.m.links {
		if l.peer.link != l || !l.shares(g) {
			continue
		}
		if g.cameFrom(floods, l) {
			g.sendAll(l, gather(g.domain, floods, l.id))
		} else {
			if shared == nil {
				shared = gather(g.domain, floods, 0)
			}
			g.sendAll(l, shared)
		}
		for i := range floods {
			if k := floods[i].looked; k != nil && floods[i].from != l.id {
				g.m.send(l, k)
			}
		}
	}
}

// patient says that what is to be flooded can wait for the next input. A state
// that somebody has said cannot: links may be closed right after it.
func (g *group) patient() bool {
	return len(g.floods) < tableRecords && !slices.ContainsFunc(g.floods, func(f flood) bool {
		return f.record != nil && f.record.State != wire.Alive
	})
}

// rest says that what is to be flooded can wait for more of its kind.
func (g *group) rest() bool {
	rest := gossipRest
	if g.m.crowding() {
		rest = gossipCrowd
	}
	wait := g.flushed + rest - g.m.now
	if g.flushed == 0 || wait <= 0 || len(g.floods) >= tableRecords || !g.unhurried() {
		return false
	}
	if !g.resting {
		g.resting = true
		g.m.after(wait, func() { g.resting = false })
	}
	return true
}

// unhurried says that all that is to be flooded are records of members that
// have come, or changed their properties, and words on members that are silent:
// it has taken seconds to find that out.
func (g *group) unhurried() bool {
	for i := range g.floods {
		f := &g.floods[i]
		switch {
		case f.record != nil && f.record.State == wire.Alive && f.record.Incarnation == 1:
		case f.accusation != nil && f.accusation.Reason == wire.Silent:
		case f.verdict != nil && !slices.ContainsFunc(f.verdict.Accusations, notSilent):
		default:
			return false
		}
	}
	return true
}

func notSilent(a *wire.Accusation) bool { return a.Reason != wire.Silent }

func (g *group) cameFrom(floods []flood, l *link) bool {
	for i := range floods {
		if floods[i].from == l.id {
			return true
		}
	}
	return false
}

func (g *group) sendAll(l *link, list []*wire.Gossip) {
	for _, m := range list {
		g.m.send(l, m)
	}
}

// gather packs floods into messages, leaving out what came from a link.
func gather(domain string, floods []flood, but LinkID) []*wire.Gossip {
	var out []*wire.Gossip
	var cur *wire.Gossip
	bytes := 0
	next := func(size int) {
		if cur == nil || bytes+size > tableBytes || len(cur.Records) >= tableRecords ||
			len(cur.Accusations) >= tableRecords || len(cur.Verdicts) >= wire.MaxVerdicts {
			cur = &wire.Gossip{Domain: domain}
			out = append(out, cur)
			bytes = 0
		}
		bytes += size
	}
	for i := range floods {
		f := &floods[i]
		switch {
		case but != 0 && f.from == but:
		case f.record != nil:
			next(len(f.record.Body) + 80)
			cur.Records = append(cur.Records, f.record)
		case f.accusation != nil:
			next(len(f.accusation.Body) + 80)
			cur.Accusations = append(cur.Accusations, f.accusation)
		case f.verdict != nil:
			next(verdictSize(f.verdict))
			cur.Verdicts = append(cur.Verdicts, *f.verdict)
		}
	}
	return out
}

func verdictSize(v *wire.Verdict) int {
	size := 32
	for _, a := range v.Accusations {
		size += len(a.Body) + 80
	}
	return size
}

// tellStanding tells a new link which accusations stand: while many were lost
// at once the floods may not have reached everybody.
func (g *group) tellStanding(l *link) {
	var floods []flood
	for _, x := range g.inquiries {
		if x.inquiry == nil || g.members.get(x.rec.ID) != x {
			continue
		}
		for _, a := range x.inquiry.words {
			unsaid := a.Watcher == g.m.self && g.words[a.Subject] != nil && g.words[a.Subject].unsaid
			if a.Raised && a.Incarnation == x.rec.Incarnation && !unsaid && len(floods) < wire.MaxAccusations {
				floods = append(floods, flood{accusation: a})
			}
		}
	}
	if len(floods) > 0 {
		g.sendAll(l, gather(g.domain, floods, 0))
	}
}

// heardGossip takes in a flood.
func (g *group) heardGossip(msg *wire.Gossip, from *link) {
	for _, r := range msg.Records {
		if g.offer(r, from, CauseJoined) {
			g.floodRecord(r, from.id)
		}
	}
	for _, a := range msg.Accusations {
		if g.hear(a, from) {
			g.floods = append(g.floods, flood{from: from.id, accusation: a})
		}
	}
	for i := range msg.Verdicts {
		g.heardVerdict(&msg.Verdicts[i], from)
	}
}
