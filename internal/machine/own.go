package machine

import (
	"slices"
	"time"

	"github.com/gotribes/tribes/internal/wire"
)

// SetProperties publishes this node's properties, sorted by key, in all groups.
func (m *Machine) SetProperties(now Time, properties []wire.Property) {
	m.begin(now)
	m.cfg.Properties = properties
	for _, g := range m.groups {
		g.own(func(r *wire.Record) { r.Properties = properties })
	}
	m.busy = true
	m.end()
}

// SetState publishes this node's state in all groups. Left is final: floods go
// out, then a goodbye on every link.
func (m *Machine) SetState(now Time, s wire.State) {
	m.begin(now)
	for _, g := range m.groups {
		if g.me.rec.State != s {
			g.pend.urgent = true
			g.own(func(r *wire.Record) { r.State = s })
		}
	}
	m.busy = true
	m.end()
	if s == wire.Left {
		m.depart()
	}
}

// depart closes all links in good order; the machine does nothing after it.
func (m *Machine) depart() {
	for _, l := range slices.Clone(m.links) {
		m.closeLink(l, wire.Departing)
	}
	m.replaced = true
	m.tendAll()
}

// Own returns this node's record in a domain, or nil.
func (m *Machine) Own(domain string) *wire.Record {
	if g := m.group(domain); g != nil {
		return g.me.rec
	}
	return nil
}

// unacked is a member's arrival or state that this manager has published but
// the application has not applied.
type unacked struct {
	number uint64
	record *wire.Record
}

const unackedMost = 4096

func (g *group) noteUnacked(c *Change) {
	if g.role != wire.Manager {
		return
	}
	for _, e := range c.Events {
		r := e.Shown.Record
		news := e.Kind == Added || e.Kind == LeavingEvent || e.Kind == DrainingEvent ||
			e.Kind == Updated && e.Cause == CauseReturned
		if r.Role == wire.Member && news && len(g.unacked) < unackedMost {
			g.unacked = append(g.unacked, unacked{number: c.Number, record: r})
		}
	}
}

// Applied says that the application has applied a view: members that wait
// for this manager are told so.
func (m *Machine) Applied(now Time, domain string, number uint64) {
	m.begin(now)
	if g := m.group(domain); g != nil {
		g.unacked = slices.DeleteFunc(g.unacked, func(u unacked) bool {
			if u.number > number {
				return false
			}
			if x := g.members.get(u.record.ID); x != nil {
				x.applied = u.record
				m.sendTo(u.record.ID, u.record.Address, g.confirm(u.record))
				m.busy = true
			}
			return true
		})
	}
	m.end()
}

func (g *group) confirm(r *wire.Record) *wire.Confirm {
	return &wire.Confirm{Domain: g.domain, Subject: r.ID, Incarnation: r.Incarnation, Version: r.Version}
}

// confirmAgain says on a new link what was confirmed last: the member may have
// closed the one before, as of crossing dials, with that still unread.
func (g *group) confirmAgain(l *link) {
	if x := g.members.get(l.peer.id); x != nil && x.applied != nil {
		g.m.send(l, g.confirm(x.applied))
	}
}

// AskConfirm is the input for an application that waits for a manager's
// confirmation: this node's record is said to it again. What the manager has
// confirmed may have come over a link that this side was just closing.
func (m *Machine) AskConfirm(now Time, domain string, manager wire.ID) {
	m.begin(now)
	if g := m.group(domain); g != nil {
		if x := g.members.get(manager); x != nil && x != g.me {
			m.sendTo(x.rec.ID, x.rec.Address, &wire.Gossip{Domain: domain, Records: []*wire.Record{g.me.rec}})
			m.busy = true
		}
	}
	m.end()
}

// asked answers a member that says again what this manager's application has
// applied already.
func (g *group) asked(l *link, r *wire.Record) {
	x := g.members.get(r.ID)
	if r.ID == l.peer.id && x != nil && x.applied != nil && !r.Newer(x.applied) {
		g.m.send(l, g.confirm(x.applied))
	}
}

// heardConfirm takes in that a manager's application knows this node. The manager
// itself may be unknown yet: its table comes over one link of two that cross, and
// this over the other. What is said by somebody who never comes into view as a
// manager counts for nothing.
func (g *group) heardConfirm(l *link, c *wire.Confirm) {
	x := g.members.get(l.peer.id)
	if c.Subject == g.m.self && (x == nil || x.rec.Role == wire.Manager) {
		g.m.report(Report{Kind: Confirmed, Domain: g.domain, Peer: l.peer.id, Address: l.peer.address,
			Incarnation: c.Incarnation, Version: c.Version})
	}
}

// ReportFailure is the input for a failure that the application's own traffic
// has met: this node looks at the member, and if it does not answer asks the
// member's watchers to look.
func (m *Machine) ReportFailure(now Time, domain string, id wire.ID) {
	m.begin(now)
	if g := m.group(domain); g != nil {
		if x := g.members.get(id); x != nil && x != g.me {
			g.inspect(x, true)
		}
	}
	m.end()
}

const inspectEvery = time.Second

// inspect looks at a member now, once a second at most.
func (g *group) inspect(x *member, press bool) {
	m := g.m
	p := m.peer(x.rec.ID, x.rec.Address)
	if p.inspected != 0 && m.now-p.inspected < inspectEvery {
		return
	}
	p.inspected = max(m.now, 1)
	m.look(x.rec.Address, x.rec.ID, func(out Outcome, _ wire.ID, _ string) {
		if g.members.get(x.rec.ID) != x || out == Answered || out == OutLocal || out == outInconclude {
			return
		}
		if x.neighbour && p.reached == p.address {
			switch out {
			case OutRefused:
				p.refused = p.link == nil
			case OutForeign:
				p.replaced = true
			}
			m.reviewPeer(p)
		}
		if press {
			msg := &wire.Press{Domain: g.domain, Subject: x.rec.ID}
			for _, w := range g.rings.watchers(x, nil) {
				if w != g.me {
					m.sendTo(w.rec.ID, w.rec.Address, msg)
				}
			}
		}
	})
}

func (g *group) heardPress(msg *wire.Press) {
	if x := g.members.get(msg.Subject); x != nil && x != g.me && x.neighbour {
		g.inspect(x, false)
	}
}
