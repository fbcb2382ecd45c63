package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// Receive is the input for a message other than a heartbeat.
func (m *Machine) Receive(now Time, id LinkID, msg wire.Message) {
	m.begin(now)
	if l := m.link(id); l != nil {
		m.busy = true
		m.receive(l, msg)
	}
	m.end()
}

func (m *Machine) receive(l *link, msg wire.Message) {
	switch msg := msg.(type) {
	case *wire.Goodbye:
		l.goodbye = max(msg.Parting, wire.NotNeeded)
	case *wire.Need:
		l.needsMe = msg.Needed
	case *wire.Domains:
		l.domains = msg.Domains
		l.share(m)
		m.greet(l, false, false)
	case *wire.Digests:
		m.heardDigests(l, msg)
	case *wire.Join:
		m.heardJoin(l, msg)
	case *wire.Refuse:
		m.heardRefuse(l, msg)
	default:
		m.receiveInGroup(l, msg)
	}
}

// receiveInGroup takes in what only those may say who take part in the domain.
func (m *Machine) receiveInGroup(l *link, msg wire.Message) {
	g := m.group(domainOf(msg))
	if g == nil || !l.shares(g) {
		return
	}
	switch msg.(type) {
	case *wire.Gossip, *wire.Buckets, *wire.Sync, *wire.Press:
		if !g.knows(l) {
			return
		}
	}
	switch msg := msg.(type) {
	case *wire.Table:
		g.heardTable(l, msg)
	case *wire.Gossip:
		g.heardGossip(msg, l)
	case *wire.HeldDown:
		if slices.Contains(l.turned, g) {
			return // who was refused has nothing to say
		}
		g.heldDown(l, msg.Incarnation, msg.Cause)
	case *wire.Buckets:
		g.heardBuckets(l, msg)
	case *wire.Sync:
		g.heardSync(l, msg)
	case *wire.LookFor:
		g.heardLookFor(l, msg)
	case *wire.Looked:
		if msg.Token != 0 {
			g.heardLookedFor(l, msg)
		} else if g.knows(l) {
			g.heardLooked(msg, l)
		}
	case *wire.Confirm:
		g.heardConfirm(l, msg)
	case *wire.Press:
		g.heardPress(msg)
	}
}

// knows says that the peer is, or was, a participant: what others say counts
// only once they were let in.
func (g *group) knows(l *link) bool {
	if g.members.get(l.peer.id) != nil {
		return true
	}
	gone := g.gone.get(l.peer.id)
	return gone != nil && !gone.final()
}

func domainOf(msg wire.Message) string {
	if a, ok := msg.(wire.About); ok {
		return a.About()
	}
	return ""
}

// Domains lists what this node takes part in, for handshakes.
func (m *Machine) Domains() []wire.DomainRole {
	out := make([]wire.DomainRole, 0, len(m.groups))
	for _, g := range m.groups {
		out = append(out, wire.DomainRole{Name: g.domain, Role: g.role})
	}
	return out
}

// sayDomains tells all peers what this node takes part in now.
func (m *Machine) sayDomains() {
	msg := &wire.Domains{Domains: m.Domains()}
	for _, l := range m.links {
		m.send(l, msg)
	}
	own := m.group(m.cfg.Domain)
	if own == nil || !m.cfg.ManageAny {
		return
	}
	// Other managers of any domain learn of this one through the record.
	var follows []string
	bytes := 0
	for _, g := range m.groups {
		if bytes += len(g.domain); g.role == wire.Manager && len(follows) < wire.MaxDomains && bytes <= followsMost {
			follows = append(follows, g.domain)
		}
	}
	if !slices.Equal(follows, own.me.rec.Follows) {
		own.own(func(r *wire.Record) { r.Follows = follows })
	}
}
