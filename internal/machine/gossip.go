package machine

import (
	"math"
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// A flood is one new thing that goes to every link of the group but those that
// it came over.
type flood struct {
	from       LinkID
	also       []LinkID // over which it came too, while it waited to be sent
	record     *wire.Record
	accusation *wire.Accusation
	verdict    *wire.Verdict
	looked     *wire.Looked
	own        bool // a verdict that holds a word of this node's that was not sent yet
	handed     bool // a record of the table that this node joined with: all who stand in it have it
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
	if len(g.floods) == 0 {
		return
	}
	if g.m.more && g.patient() {
		g.m.owed = true
		return
	}
	if g.rest() {
		return
	}
	floods := g.floods
	if g.m.crowding() {
		g.crowdRest = g.m.jitter(2 * gossipCrowd) // not all at one time: who is first spares the others
	}
	g.floods, g.flushed, g.waits, g.restsTo = nil, max(g.m.now, 1), 0, 0
	var shared []*wire.Gossip // for links that nothing came from
	for _, l := range g.m.links {
		if l.peer.link != l || !l.shares(g) {
			continue
		}
		inside := g.members.get(l.peer.id) != nil
		if slices.ContainsFunc(floods, func(f flood) bool { return f.known(l, inside) }) {
			g.sendAll(l, gather(g.domain, floods, l, inside))
		} else {
			if shared == nil {
				shared = gather(g.domain, floods, nil, false)
			}
			g.sendAll(l, shared)
		}
		for i := range floods {
			if k := floods[i].looked; k != nil && !floods[i].cameOver(l.id) {
				g.m.send(l, k)
			}
		}
	}
}

func (f *flood) cameOver(link LinkID) bool { return f.from == link || slices.Contains(f.also, link) }

// known says that the other end of a link, a participant or not, has it already.
func (f *flood) known(l *link, inside bool) bool { return f.cameOver(l.id) || f.handed && inside }

// cameAgain notes that what still waits to be sent has come over another link
// as well: there it is known already.
func (g *group) cameAgain(over *link, same func(f *flood) bool) {
	for i := range g.floods {
		if f := &g.floods[i]; same(f) && !f.cameOver(over.id) {
			f.also = append(f.also, over.id)
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
	due := g.due()
	if due <= g.m.now || len(g.floods) >= tableRecords {
		return false
	}
	if g.restsTo == 0 || due < g.restsTo {
		g.restsTo = due
		g.m.after(due-g.m.now, func() {
			if g.restsTo == due {
				g.restsTo = 0
			}
		})
	}
	return true
}

// due returns when what is to be flooded has to go.
func (g *group) due() Time {
	if g.waits == 0 {
		g.waits = max(g.m.now, 1)
	}
	due := Time(math.MaxInt64)
	for i := range g.floods {
		switch f := &g.floods[i]; {
		case g.unhurried(f):
			rest := gossipRest
			if g.m.crowding() {
				rest = max(g.crowdRest, gossipCrowd)
			}
			if g.flushed == 0 {
				rest = 0
			}
			due = min(due, g.flushed+rest)
		case f.accusation != nil && f.accusation.Watcher != g.m.self, f.verdict != nil && !f.own:
			due = min(due, g.waits+gossipRelay)
		default:
			return 0
		}
	}
	return due
}

// unhurried says that something to be flooded is the record of a member that
// has come, or changed its properties, or a word on a member that is silent: it
// has taken seconds to find that out.
func (g *group) unhurried(f *flood) bool {
	switch {
	case f.record != nil:
		return f.record.State == wire.Alive && f.record.Incarnation == wire.FirstIncarnation
	case f.accusation != nil:
		return f.accusation.Reason == wire.Silent
	case f.verdict != nil:
		return !slices.ContainsFunc(f.verdict.Accusations, notSilent)
	}
	return false
}

func notSilent(a *wire.Accusation) bool { return a.Reason != wire.Silent }

func (g *group) sendAll(l *link, list []*wire.Gossip) {
	for _, m := range list {
		g.m.send(l, m)
	}
}

// gather packs floods into messages, leaving out what came from a link.
func gather(domain string, floods []flood, to *link, inside bool) []*wire.Gossip {
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
		case to != nil && f.known(to, inside):
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
		g.sendAll(l, gather(g.domain, floods, nil, false))
	}
}

// heardGossip takes in a flood.
func (g *group) heardGossip(msg *wire.Gossip, from *link) {
	for _, r := range msg.Records {
		if g.offer(r, from, CauseJoined) {
			g.floodRecord(r, from.id)
		} else {
			g.cameAgain(from, func(f *flood) bool {
				return f.record != nil && f.record.ID == r.ID && !f.record.Newer(r)
			})
			g.asked(from, r)
		}
	}
	for _, a := range msg.Accusations {
		if g.hear(a, from) {
			g.floods = append(g.floods, flood{from: from.id, accusation: a})
		} else {
			g.cameAgain(from, func(f *flood) bool {
				return f.accusation != nil && f.accusation.Watcher == a.Watcher && f.accusation.Subject == a.Subject &&
					f.accusation.Seq <= a.Seq
			})
		}
	}
	for i := range msg.Verdicts {
		g.heardVerdict(&msg.Verdicts[i], from)
	}
}
