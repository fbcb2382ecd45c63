package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

const waitingMost = 256 // newcomers that wait for an address to become free

// offer takes in a record that came from elsewhere; true: it was news, and is
// to be passed on. from is nil for this node's own findings.
func (g *group) offer(r *wire.Record, from *link, cause EventCause) bool {
	m := g.m
	if r.ID == m.self {
		return false // only I write my record
	}
	x := g.members.get(r.ID)
	if x != nil && (!r.Newer(x.rec) || r.Address != x.rec.Address || r.Name != x.rec.Name) {
		return false // a process keeps its address and its name
	}
	gone := g.gone.get(r.ID)
	if gone != nil && (gone.final() || r.Incarnation <= gone.incarnation && r.State != wire.Left) {
		return false
	}
	if w := g.waiting[r.Address]; x == nil && w != nil && w.ID == r.ID && !r.Newer(w) {
		return false
	}
	if !g.verified(r.Verify(m.cfg.Verify), from, "record") {
		return false
	}
	switch {
	case r.State == wire.Left:
		g.hasLeft(x, r)
		return true
	case x != nil:
		g.update(x, r)
		return true
	case g.members.len() >= m.cfg.MaxMembers:
		return false
	}
	if holder := g.members.at(r.Address); holder != nil {
		return g.contest(holder, r)
	}
	if gone != nil {
		g.gone.takeBack(gone)
		cause = CauseReturned
		m.heardOf(r.ID)
	}
	delete(g.waiting, r.Address)
	g.insert(r, cause)
	g.followToo(r)
	return true
}

// followToo has a manager of any domain follow what another manager of its
// own domain follows.
func (g *group) followToo(r *wire.Record) {
	m := g.m
	if !m.cfg.ManageAny || g.domain != m.cfg.Domain {
		return
	}
	for _, d := range r.Follows {
		if m.group(d) != nil || d == "" {
			continue
		}
		if h := m.follow(d, wire.Member); h != nil {
			h.askOf = r.ID
			if p := m.peers[r.ID]; p != nil && p.link != nil {
				h.ask(p.link)
			} else {
				m.sendTo(r.ID, r.Address, &wire.Join{Domain: d, Record: h.me.rec})
			}
		}
	}
}

// hasLeft takes in a member's own word that it has left: final for its ID.
func (g *group) hasLeft(x *member, r *wire.Record) {
	g.depart(r.ID, r.Incarnation, wire.CauseLeft, r.Address)
	if x == nil {
		return
	}
	g.remove(x, CauseLeft)
	g.pend.urgent = true
	g.admitWaiting(r.Address)
}

func (g *group) update(x *member, r *wire.Record) {
	if r.State != x.rec.State {
		g.pend.urgent = true // draining must not wait for what settles
	}
	g.replaceRecord(x, r)
	g.followToo(r)
}

// contest settles two IDs at one address: whose ID answers there stays. The
// watchers of the holder look at once, everybody else when no verdict has come
// within a second.
func (g *group) contest(holder *member, r *wire.Record) bool {
	if holder == g.me {
		return false // I am here; the newcomer is mistaken
	}
	if len(g.waiting) >= waitingMost {
		return false
	}
	g.waiting[r.Address] = r
	wait := g.m.within(conflictWithin)
	if holder.neighbour {
		wait = 0
	}
	g.lookAtContest(holder, r, wait)
	return true
}

func (g *group) lookAtContest(holder *member, r *wire.Record, wait Time) {
	m := g.m
	open := func() bool { return g.waiting[r.Address] == r && g.members.get(holder.rec.ID) == holder }
	m.after(wait, func() {
		if !open() {
			return
		}
		m.look(r.Address, r.ID, func(out Outcome, by wire.ID, _ string) {
			if !open() {
				return
			}
			switch {
			case out == Answered:
				g.replacedBy(holder)
			case out == OutForeign && by == holder.rec.ID:
				delete(g.waiting, r.Address)
				g.lostContest(r)
			case out == OutRefused:
				delete(g.waiting, r.Address)
				g.down(holder, wire.CauseCrashed, nil, false)
			default:
				g.lookAtContest(holder, r, m.jitter(4*conflictWithin))
			}
		})
	})
}

// lostContest remembers who claimed an address at which another answers, and
// tells it so if it can be reached otherwise.
func (g *group) lostContest(r *wire.Record) {
	e := g.depart(r.ID, r.Incarnation, wire.CauseReplaced, r.Address)
	if p := g.m.peers[r.ID]; p != nil && p.link != nil && p.link.shares(g) {
		g.sayHeld(p.link, e)
	}
}

// replacedBy drops a member at whose address another ID has answered this
// node. A watcher says so first, so that the others learn the cause.
func (g *group) replacedBy(holder *member) {
	if holder.neighbour {
		p := g.m.peer(holder.rec.ID, holder.rec.Address)
		p.replaced = true
		g.review(holder, p)
	}
	g.down(holder, wire.CauseReplaced, nil, false)
	g.pend.urgent = true
}

// admitWaiting lets in the newcomer that waited for an address.
func (g *group) admitWaiting(address string) {
	r := g.waiting[address]
	if r == nil || g.members.at(address) != nil {
		return
	}
	delete(g.waiting, address)
	g.offer(r, nil, CauseJoined)
}

// heardDepartures takes in what another remembers: an unknown one is
// remembered here too; of one that is held up here, this node makes sure.
func (g *group) heardDepartures(list []wire.Departure, from *link) {
	for i := range list {
		d := &list[i]
		x := g.members.get(d.ID)
		switch {
		case d.ID == g.m.self:
		case x == nil:
			if g.gone.get(d.ID) == nil {
				g.depart(d.ID, d.Incarnation, d.Cause, d.Address).hearsay = true
			}
		case final(d.Cause) || d.Incarnation >= x.rec.Incarnation:
			g.heldBy(x, from.peer.id)
			if g.takesOver(x, d) {
				g.down(x, d.Cause, nil, false)
			} else {
				g.doubt(x, g.m.within(conflictWithin))
			}
		}
	}
}

// takesOver says that others' memory is enough to drop a member to which this
// node has no link: three quarters of its healthy neighbours hold it as down, at
// least three; or half of them do, and this node has lately had few links, so
// that it has missed things and takes over what they know, as at a join. Looking
// for itself at each of hundreds that are gone would take it minutes. Not all
// neighbours: two that have both missed much would wait for each other.
func (g *group) takesOver(x *member, d *wire.Departure) bool {
	m := g.m
	if x == g.me || final(d.Cause) || g.back.held || m.isolated {
		return false
	}
	if p := m.peers[x.rec.ID]; p != nil && m.hears(p) {
		return false
	}
	n, hold := 0, 0
	for _, l := range m.links {
		if l.peer.link == l && !m.stale(l.peer) {
			n++
			if slices.Contains(x.inquiry.holders, l.peer.id) {
				hold++
			}
		}
	}
	return m.lonely() && n > 0 && 2*hold >= n || hold >= searchHealthy && 4*hold >= 3*n
}

// lonely says that this node has had few links lately.
func (m *Machine) lonely() bool {
	return m.lonelyAt != 0 && m.running()-m.lonelyAt <= lonelyKept
}
