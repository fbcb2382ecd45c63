package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// A link is an established connection to a peer.
type link struct {
	id      LinkID
	peer    *peer
	dialed  bool // by this node
	known   bool // with who lives at a well-known address
	since   Time
	domains []wire.DomainRole
	common  []*group // groups that both take part in, sorted by domain

	sent, heard, echoed uint64 // numbers of heartbeats
	beatAt              Time   // when the last was sent
	answer              bool   // it was one to the other side's
	answerFrom          Time   // what comes before is not answered

	needsMe   bool // the peer counts me as neighbour
	saidNeed  bool
	idleSince Time // since when neither needs it; -1: somebody does
	goodbye   wire.Parting

	differs  int // beats running whose digest differed
	nextSync Time
	heavy    float64 // large answers that the peer may still ask for
	heavyAt  Time
	asked    []ask    // what this node has asked the peer for
	turned   []*group // that the peer was refused
	joining  []joiner // joins of this peer that wait for a look
}

// LinkUp describes a new link.
type LinkUp struct {
	Link    LinkID
	Attempt AttemptID // of the DoDial that it answers; 0: the peer dialled
	Peer    wire.ID
	Address string // that the peer advertises
	Domains []wire.DomainRole
}

func (m *Machine) link(id LinkID) *link {
	i, ok := slices.BinarySearch(m.linkIDs, id)
	if !ok {
		return nil
	}
	return m.links[i]
}

// LinkUp is the input for an established link.
func (m *Machine) LinkUp(now Time, up LinkUp) {
	m.begin(now)
	m.busy = true
	m.linkUp(up)
	m.end()
}

func (m *Machine) linkUp(up LinkUp) {
	var target *target
	var began Time
	l := &link{
		id: up.Link, dialed: up.Attempt != 0, since: m.now, domains: up.Domains,
		needsMe: true, idleSince: -1, heavy: heavyAtOnce, heavyAt: m.now,
	}
	var expected *peer
	if l.dialed {
		a := m.attempts[up.Attempt]
		delete(m.attempts, up.Attempt)
		if a == nil {
			m.do(Effect{Kind: DoSend, Link: up.Link, Message: &wire.Goodbye{Parting: wire.Duplicate}})
			m.do(Effect{Kind: DoClose, Link: up.Link})
			return
		}
		target, expected, began = a.target, a.peer, a.began
		if expected != nil && expected.attempt == up.Attempt {
			expected.attempt = 0
			m.untie(expected)
		}
	}
	i, _ := slices.BinarySearch(m.linkIDs, up.Link)
	m.links = slices.Insert(m.links, i, l)
	m.linkIDs = slices.Insert(m.linkIDs, i, up.Link)
	p := m.peer(up.Peer, up.Address)
	l.peer = p
	l.known = target != nil || m.known.owned(p.id)
	if expected != nil && expected != p {
		m.answeredByAnother(expected)
	}
	if target != nil {
		target.reached(m, p.id)
	}
	if l.dialed {
		p.reached = p.address
		m.took(p.id, began)
	}
	old := p.link
	if old != nil && !m.settleTwo(old, l) {
		m.closeLink(l, wire.Duplicate)
		return
	}
	m.adopt(p, l)
	m.greet(l, target != nil, false)
	if old != nil {
		m.askInstead(old) // the other side no longer reads what came over it
	}
}

// answeredByAnother notes that another ID answers at a peer's address.
func (m *Machine) answeredByAnother(p *peer) {
	p.failures++
	p.nextDial = m.now + redialMost
	p.replaced = true
	m.reviewPeer(p)
}

// settleTwo decides between two links to one peer; true: the new one stays,
// and the old one is closed. Of crossing dials the one dialled by the lower ID
// stays; otherwise the new link replaces the old, which the other side, or
// something between, has lost.
func (m *Machine) settleTwo(old, l *link) bool {
	lowerDialed := func(x *link) bool { return x.dialed == (m.self.Compare(x.peer.id) < 0) }
	if old.dialed != l.dialed && m.now-old.since < youngLink && lowerDialed(old) && !m.stale(old.peer) {
		return false
	}
	m.closeLink(old, wire.Duplicate)
	return true
}

// adopt makes l the peer's link.
func (m *Machine) adopt(p *peer, l *link) {
	p.link = l
	p.refused, p.replaced, p.weak, p.failed = false, false, false, 0
	p.tried = true
	p.foreign, p.failures, p.refusals = 0, 0, 0
	p.proof = m.running()
	if p.healthy < 0 {
		p.healthy = m.running()
	}
	l.share(m)
	m.sendBeat(l)
	l.saidNeed = true // what a new link starts with
	m.sayNeed(p)
	m.verify(p)
	for _, g := range l.common {
		g.tellStanding(l)
		g.confirmAgain(l)
	}
	for _, e := range p.errands {
		m.send(l, e)
	}
	p.errands = nil
	if m.search.active {
		m.search.answered(m, p)
	}
	m.reviewPeer(p)
	m.healthyAgain()
}

// share computes which groups both ends take part in.
func (l *link) share(m *Machine) {
	l.common = l.common[:0]
	for _, g := range m.groups {
		if slices.ContainsFunc(l.domains, func(d wire.DomainRole) bool { return d.Name == g.domain }) {
			l.common = append(l.common, g)
		}
	}
}

func (l *link) shares(g *group) bool { return slices.Contains(l.common, g) }

// mayAsk bounds how often a peer may have this node make large answers (tables
// and digests): a few at once, then ten a second.
func (l *link) mayAsk(m *Machine) bool {
	most := float64(heavyAtOnce + 2*len(l.common))
	l.heavy = min(most, l.heavy+float64(m.now-l.heavyAt)/float64(heavyEvery))
	l.heavyAt = m.now
	if l.heavy < 1 {
		return false
	}
	l.heavy--
	return true
}

// greet says what is to be said on a new link: that the peer is held as down,
// or that this node would like to join. anew: whoever it is, it is asked.
func (m *Machine) greet(l *link, wellKnown, anew bool) {
	for _, g := range m.groups {
		shared := l.shares(g)
		if d := g.gone.get(l.peer.id); d != nil && shared {
			if d.cause != wire.CauseLeft {
				g.sayHeld(l, d)
			}
			continue
		}
		// The dialler asks; who accepts will know the other once it has let it
		// in. A well-known member is asked for every domain: it may follow any.
		switch {
		case wellKnown && !anew && !g.joined && g.asking():
			// It is asked when this node has joined through another, if that one
			// does not know it; or when that one has refused, or takes long.
		case anew, wellKnown, shared && g.members.get(l.peer.id) == nil && (l.dialed || !g.joined):
			g.ask(l)
		}
	}
}

// An ask is a Join that was sent over a link.
type ask struct {
	g     *group
	at    Time
	waits bool // for an answer
}

// ask asks the peer for a group's records, and to be let in if it does not
// know this node.
func (g *group) ask(l *link) {
	a := ask{g: g, at: g.m.now, waits: true}
	if i := l.askedFor(g); i >= 0 {
		l.asked[i] = a
	} else {
		l.asked = append(l.asked, a)
	}
	g.m.send(l, &wire.Join{Domain: g.domain, Record: g.me.rec})
	if !g.joined {
		g.m.after(askOne, func() {
			if !g.joined && g.m.group(g.domain) == g {
				g.askNext(true) // one that does not answer must not hold up the rest
			}
		})
	}
}

// askedFor returns where asked holds a group, or -1.
func (l *link) askedFor(g *group) int {
	return slices.IndexFunc(l.asked, func(a ask) bool { return a.g == g })
}

// answered notes that the peer has answered a Join.
func (l *link) answered(g *group) {
	if i := l.askedFor(g); i >= 0 {
		l.asked[i].waits = false
	}
}

// waitsFor says that the peer was asked lately and has not answered yet.
func (l *link) waitsFor(g *group, time Time) bool {
	i := l.askedFor(g)
	return i >= 0 && l.asked[i].waits && g.m.now-l.asked[i].at < time
}

// asking says that somebody was asked lately and has not answered yet.
func (g *group) asking() bool {
	return slices.ContainsFunc(g.m.links, func(l *link) bool { return l.waitsFor(g, askOne) })
}

// askNext asks further ones at well-known addresses: before this node has
// joined, the next that was not asked yet, or all of them; afterwards all that
// whoever let it in does not know, or that no longer take part. They belong to
// another island, or do not follow the domain yet.
func (g *group) askNext(all bool) {
	for _, l := range g.m.links {
		if !g.toBeAsked(l) || g.joined && g.members.get(l.peer.id) != nil && l.shares(g) {
			continue
		}
		if g.ask(l); !g.joined && !all {
			return
		}
	}
}

// toBeAsked says that the peer is at a well-known address and was not asked yet.
func (g *group) toBeAsked(l *link) bool { return l.known && l.peer.link == l && l.askedFor(g) < 0 }

// sayHeld tells a peer that it is held as down; and if another lives at its
// address by now, that it was replaced.
func (g *group) sayHeld(l *link, d *departed) {
	cause := d.cause
	if y := g.members.at(d.address); y != nil && y.rec.ID != d.id {
		cause = wire.CauseReplaced
	}
	g.m.send(l, &wire.HeldDown{Domain: g.domain, Incarnation: d.incarnation, Cause: cause})
}

// verify dials an inbound neighbour once, so that a later refusal at its
// address proves something. That can wait while many come.
func (m *Machine) verify(p *peer) {
	if p.verifying || p.wants == 0 || p.link == nil || p.reached == p.address {
		return
	}
	p.verifying = true
	m.verifyAfter(p, m.within(verifyWithin))
}

func (m *Machine) verifyAfter(p *peer, wait Time) {
	m.after(wait, func() {
		if p.wants == 0 || p.link == nil {
			p.verifying = false
			return
		}
		if m.crowding() && m.now-p.link.since < growMost {
			m.verifyAfter(p, growRest+m.within(verifyWithin))
			return
		}
		m.look(p.address, p.id, func(out Outcome, _ wire.ID, _ string) {
			p.verifying = false
			if out == Answered {
				p.reached = p.address
			} else if out == OutRefused || out == OutSilent || out == OutReset {
				m.after(m.jitter(redialMost*5), func() { m.verify(p) })
			}
		})
	})
}

// sayNeed tells the peer whether it is counted as neighbour, if that has
// changed.
func (m *Machine) sayNeed(p *peer) {
	if l := p.link; l != nil && l.saidNeed != p.wanted() {
		l.saidNeed = p.wanted()
		m.send(l, &wire.Need{Needed: l.saidNeed})
	}
}

// closeLink closes a link in good order.
func (m *Machine) closeLink(l *link, why wire.Parting) {
	m.send(l, &wire.Goodbye{Parting: why})
	m.do(Effect{Kind: DoClose, Link: l.id})
	m.dropLink(l)
}

func (m *Machine) dropLink(l *link) {
	if i := slices.Index(m.links, l); i >= 0 {
		m.links = slices.Delete(m.links, i, i+1)
		m.linkIDs = slices.Delete(m.linkIDs, i, i+1)
	}
	for range l.joining {
		m.joiners--
	}
	l.joining = nil
	if l.peer.link == l {
		l.peer.link = nil
		m.untie(l.peer)
	}
}

// LinkDown is the input for a link that broke or was closed by the peer.
func (m *Machine) LinkDown(now Time, id LinkID) {
	m.begin(now)
	if l := m.link(id); l != nil {
		m.busy = true
		current := l.peer.link == l
		m.dropLink(l)
		if current {
			m.linkLost(l)
		}
		m.askInstead(l)
	}
	m.end()
}

// askInstead asks others what a link was asked that was lost before its answer.
// After a pause the first to tell may have closed its link long ago.
func (m *Machine) askInstead(lost *link) {
	for _, g := range m.groups {
		switch {
		case !lost.waitsFor(g, askAgain):
		case g.back.held && g.back.theirs == nil:
			gen := g.back.next()
			m.after(0, func() { g.tryReturn(gen) })
		case !g.joined && !g.asking():
			g.askNext(false)
		}
	}
}

func (m *Machine) linkLost(l *link) {
	p := l.peer
	p.nextDial = m.now
	switch l.goodbye {
	case 0:
		// Without a goodbye: dial again at once, to learn whether the
		// process is gone or only the connection. Five times in ten seconds
		// is as bad as silence.
		run := m.running()
		p.lostAt[p.lostNext] = run
		p.lostNext = (p.lostNext + 1) % flapCount
		if run-p.lostAt[p.lostNext] < flapWindow { // the oldest of the last five
			p.proof = min(p.proof, run-m.cfg.DropTime)
			p.healthy = -1
		}
	default:
		p.nextDial += m.jitter(2 * higherWaits)
		p.proof = max(p.proof, m.running()-m.cfg.DropTime/2)
	}
	m.reviewPeer(p)
	m.healthyAgain()
	m.lonelier = true
}

func (m *Machine) send(l *link, msg wire.Message) {
	m.do(Effect{Kind: DoSend, Link: l.id, Message: msg})
}

// sendTo sends over the peer's link, or over one dialled for it.
func (m *Machine) sendTo(id wire.ID, address string, msg wire.Message) {
	p := m.peer(id, address)
	if p.link != nil {
		m.send(p.link, msg)
		return
	}
	if len(p.errands) < errandsMost {
		p.errands = append(p.errands, msg)
	}
	m.untie(p)
}

// closeIdle closes links that neither end has needed for a drop time.
func (m *Machine) closeIdle() {
	for i := len(m.links) - 1; i >= 0; i-- {
		l := m.links[i]
		if l.peer.link == l && m.running()-l.peer.proof >= 2*m.cfg.DropTime {
			// Nothing comes through any more; whoever needs it dials anew.
			m.do(Effect{Kind: DoClose, Link: l.id})
			m.dropLink(l)
			continue
		}
		if l.needsMe || l.peer.wanted() || len(l.joining) > 0 {
			l.idleSince = -1
			continue
		}
		if l.idleSince < 0 {
			l.idleSince = m.now
		} else if m.now-l.idleSince >= m.cfg.DropTime {
			m.closeLink(l, wire.NotNeeded)
		}
	}
}
