package machine

import (
	"github.com/gotribes/tribes/internal/wire"
)

// comeback is how this node returns after others have dropped it: it takes
// over the table of whoever told it, sees that most of its watchers-to-be
// answer, and publishes its next incarnation (docs/protocol.md, "How a member
// comes back").
type comeback struct {
	held      bool   // some hold this incarnation as down
	teller    LinkID // over which it was told
	offence   bool   // it was I who was cut off, not an island with me in it
	heldAt    Time   // since when it is held, in running time
	offences  int
	last      Time // when this node last returned
	notBefore Time // when the hold-down ends
	rounds    int  // in a row in which most answered
	generation
	theirs  *rings // the table that was handed over
	handing *rings // the same while it is coming
	midway  LinkID // over which a table is coming; 0: none is
	since   Time   // it has
}

// generation makes callbacks of an earlier attempt void.
type generation struct{ current int }

func (n *generation) next() int { n.current++; return n.current }

// heldDown takes in that others hold this node as down.
func (g *group) heldDown(from *link, incarnation uint32, cause wire.Cause) {
	m, b := g.m, &g.back
	if incarnation != g.me.rec.Incarnation || b.held || m.replaced || m.isolated {
		return
	}
	if cause == wire.CauseReplaced {
		g.amIReplaced(from, incarnation)
		return
	}
	b.held, b.heldAt = true, m.running()
	b.teller = from.id
	b.offence = m.wasCutOff(from)
	b.rounds = 0
	b.theirs = nil
	if m.now-b.last > quietResets {
		b.offences = 0
	}
	wait := returnWaits[0]
	if b.offence {
		wait = returnWaits[min(b.offences, len(returnWaits)-1)]
	}
	b.notBefore = m.now + wait
	gen := b.next()
	m.after(wait, func() { g.tryReturn(gen) })
}

// wasCutOff says whose fault it was: mine if no link has lasted, or if a
// neighbour with a lasting link held me down; not mine if only others' have.
func (m *Machine) wasCutOff(teller *link) bool {
	others := false
	for _, l := range m.links {
		lasting := l.peer.link == l && l.peer.healthy >= 0 && m.running()-l.peer.healthy >= m.cfg.DropTime &&
			m.now-l.since >= m.cfg.DropTime && !m.stale(l.peer)
		if lasting && l == teller {
			return true
		}
		others = others || lasting
	}
	return !others
}

func (g *group) tryReturn(gen int) {
	m, b := g.m, &g.back
	if gen != b.current || !b.held || m.replaced {
		return
	}
	if m.running()-b.heldAt >= m.cfg.DropTime {
		b.offence = true // whom nobody has helped back for so long is cut off, whatever links it has
	}
	if wait := b.notBefore - m.now; wait > 0 {
		m.after(wait, func() { g.tryReturn(gen) })
		return
	}
	if b.theirs == nil {
		asked := false
		if l := m.link(b.teller); l != nil && m.hears(l.peer) {
			asked = true
			g.ask(l)
		}
		for _, l := range m.links {
			if l.shares(g) && m.hears(l.peer) && !asked {
				asked = true
				g.ask(l)
			}
		}
		again := redialFirst // no link yet: one is being dialled
		if asked {
			again = askAgainAfter
		}
		m.after(again, func() { g.tryReturn(gen) })
		return
	}
	g.returnRound(gen)
}

// handedOver starts the return as soon as a table is there.
func (g *group) handedOver() {
	b := &g.back
	if b.handing == nil {
		return // nobody needs it, or it had begun before this node was held as down
	}
	b.theirs, b.handing = b.handing, nil
	if b.held {
		gen := b.next()
		g.m.after(0, func() { g.tryReturn(gen) })
	}
}

// returnRound asks all watchers-to-be at once; most must answer within one
// heartbeat. Late answers do not count, since with TCP everything arrives in
// the end.
func (g *group) returnRound(gen int) {
	m, b := g.m, &g.back
	var buf [2 * everybodyUpTo]*member
	asked, answered := 0, 0
	for _, w := range b.theirs.around(g.me.rec.Places, buf[:0]) {
		if w.rec.ID == m.self {
			continue
		}
		asked++
		if p := m.peers[w.rec.ID]; p != nil && p.link != nil && m.running()-p.proof < 2*m.cfg.Heartbeat {
			answered++
			continue
		}
		m.look(w.rec.Address, w.rec.ID, func(out Outcome, _ wire.ID, _ string) {
			if out == Answered {
				answered++
			}
		})
	}
	decide := func() {
		if gen != b.current || !b.held || m.replaced {
			return
		}
		if 2*answered <= asked && asked > 0 {
			b.rounds = 0
			b.theirs = nil
			m.after(m.cfg.Heartbeat, func() { g.tryReturn(gen) })
			return
		}
		b.rounds++
		if b.offence && b.offences > 0 && b.rounds < roundsLater {
			g.returnRound(gen)
			return
		}
		g.comeBack()
	}
	if 2*answered > asked || asked == 0 {
		decideAfter := Time(0)
		if b.offence && b.offences > 0 {
			decideAfter = m.cfg.Heartbeat
		}
		m.after(decideAfter, decide)
		return
	}
	m.after(m.cfg.Heartbeat, decide)
}

func (g *group) comeBack() {
	m, b := g.m, &g.back
	b.held = false
	b.theirs = nil
	b.next()
	b.last = m.now
	if b.offence {
		b.offences++
	}
	m.startAfresh()
	g.own(func(r *wire.Record) { r.Incarnation++; r.Version = 1 })
	g.me.inquiry, g.me.suspect = nil, false
	m.report(Report{Kind: Returned, Domain: g.domain, Incarnation: g.me.rec.Incarnation})
}

// amIReplaced looks who answers at this node's own address. If it is another
// process, this one is out.
func (g *group) amIReplaced(from *link, incarnation uint32) {
	m := g.m
	m.look(m.cfg.Address, m.self, func(out Outcome, by wire.ID, _ string) {
		if out == OutForeign && !by.IsZero() && !m.replaced {
			m.replaced = true
			m.report(Report{Kind: ReplacedSelf, Domain: g.domain, Address: m.cfg.Address, Peer: by})
			return
		}
		if out == OutSelf {
			g.heldDown(from, incarnation, wire.CauseSilent) // it was a mistake
		}
	})
}

// startAfresh begins the periods of all peers anew: after this node was cut
// off or stopped, what it missed proves nothing.
func (m *Machine) startAfresh() {
	for _, p := range m.order {
		if p.wanted() && !p.refused && !p.replaced {
			p.proof = max(p.proof, m.running()-m.cfg.Heartbeat)
		}
	}
}
