package machine

import "github.com/gotribes/tribes/internal/wire"

// A word is what this node last said of a member that it watches.
type word struct {
	raised      bool
	unsaid      bool // kept to itself, for want of a healthy link
	incarnation uint32
	reason      wire.Reason
	at          Time
}

// reviewPeer compares what is known of a peer with what was said of it, in
// every group that counts it as neighbour.
func (m *Machine) reviewPeer(p *peer) {
	m.untie(p)
	if p.healthy >= 0 && (m.stale(p) || p.refused || p.replaced) {
		p.healthy = -1
	}
	for _, g := range m.groups {
		if x := g.members.get(p.id); x != nil && x.neighbour {
			g.review(x, p)
		}
	}
}

// reviewIfOpen does so for a healthy peer of whom something bad still stands.
func (m *Machine) reviewIfOpen(p *peer) {
	for _, g := range m.groups {
		if w := g.words[p.id]; w != nil && w.raised {
			m.busy = true
			if x := g.members.get(p.id); x != nil && x.neighbour {
				g.review(x, p)
			}
		}
	}
}

func (g *group) review(x *member, p *peer) {
	m := g.m
	if m.replaced || g.back.held {
		return
	}
	w := g.words[x.rec.ID]
	raised := w != nil && w.raised && w.incarnation == x.rec.Incarnation
	reason, bad := m.unreachable(p, x.inquiry.standing(x) > 0)
	switch {
	case bad && (!raised || reason > w.reason || w.unsaid && m.hearsSomebody()):
		g.say(x, true, reason)
	case bad && m.now-w.at >= repeatEvery:
		g.say(x, true, reason) // for whoever missed it
	case !bad && raised && p.healthy >= 0 && m.running()-p.healthy >= m.cfg.DropTime:
		// A watcher takes its word back only after a drop time of health, so
		// that one lossy link does not flood the group.
		g.say(x, false, w.reason)
	}
}

// say accuses a member, or withdraws. Who hears nobody keeps silence to
// itself: it may be the one that is cut off.
func (g *group) say(x *member, raised bool, reason wire.Reason) {
	m := g.m
	a := g.accusation(x.rec.ID, x.rec.Incarnation, raised, reason)
	w := &word{raised: raised, incarnation: x.rec.Incarnation, reason: reason, at: m.now}
	w.unsaid = reason == wire.Silent && !m.hearsSomebody()
	g.words[x.rec.ID] = w
	g.keep(x, a)
	if !w.unsaid {
		g.floods = append(g.floods, flood{accusation: a})
	}
	g.touch(x, NoCause)
	m.busy = true
}

// accusation makes one that is signed by this node.
func (g *group) accusation(id wire.ID, incarnation uint32, raised bool, reason wire.Reason) *wire.Accusation {
	g.wordSeq++
	a := &wire.Accusation{
		Domain: g.domain, Subject: id, Incarnation: incarnation,
		Raised: raised, Reason: reason, Birth: g.m.first.Birth, Seq: uint64(g.m.now.Microseconds())<<8 | g.wordSeq&0xff,
	}
	a.Seal(g.m.cfg.Signer)
	return a
}

// hear takes in an accusation that came over a link; false: nothing new.
func (g *group) hear(a *wire.Accusation, from *link) bool {
	m := g.m
	x := g.members.get(a.Subject)
	if a.Watcher == m.self && x != nil && a.Raised && a.Incarnation == x.rec.Incarnation {
		// An old word of mine goes round: say what holds.
		if w := g.words[a.Subject]; w == nil || !w.raised && m.now-w.at > m.cfg.DropTime {
			g.say(x, false, a.Reason)
		}
		return false
	}
	if x == nil {
		return g.hearLate(a, from)
	}
	if a.Watcher == m.self || a.Domain != g.domain || a.Incarnation != x.rec.Incarnation || g.members.get(a.Watcher) == nil {
		return false
	}
	if !x.inquiry.news(a) || !g.verified(a.Verify(m.cfg.Verify), from, "accusation") {
		return false
	}
	g.keep(x, a)
	return true
}

// verified drops the link of who relays what its writer has not signed. (Of a first
// record that was changed on its way nobody knows: it is the record of another ID.)
func (g *group) verified(ok bool, from *link, what string) bool {
	if !ok && from != nil {
		g.m.report(Report{Kind: BadMessage, Domain: g.domain, Peer: from.peer.id, Address: from.peer.address,
			Text: what + " with a bad signature"})
		g.m.closeLink(from, wire.Rejected)
	}
	return ok
}

// keep stores a watcher's latest word on x.
func (g *group) keep(x *member, a *wire.Accusation) {
	q := g.open(x)
	if q.standing(x) == 0 {
		q.since = g.m.now
	}
	q.last = g.m.now
	if p := g.m.peers[x.rec.ID]; a.Raised && x.neighbour && p != nil && !p.soon {
		p.soon = true
		g.m.untie(p)
	}
	q.put(a, g.watchers(x))
	g.reconsider(x)
	for _, y := range g.watchers(x) {
		g.reconsider(y) // whether x vouches for it may have changed
	}
}

// reconsider has x judged at the end of the step.
func (g *group) reconsider(x *member) {
	if !x.dirty && x.inquiry != nil {
		x.dirty = true
		g.dirty = append(g.dirty, x)
		g.m.busy = true
	}
}

// reconsiderWatched has those judged whom x watches: whether its vouching
// counts may have changed.
func (g *group) reconsiderWatched(x *member) {
	var buf [2 * everybodyUpTo]*member
	for _, y := range g.rings.watchers(x, buf[:0]) {
		g.reconsider(y)
	}
}
