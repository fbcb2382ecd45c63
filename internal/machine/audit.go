package machine

import (
	"fmt"
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// audit gathers the first thing that is found wrong.
type audit struct{ err error }

func (a *audit) must(ok bool, format string, args ...any) {
	if !ok && a.err == nil {
		a.err = fmt.Errorf("broken: "+format, args...)
	}
}

// Audit looks whether every queue and table keeps its bound and, if whole,
// whether the tables of each group say the same. It is for simulations and
// tests, and changes nothing but the order in which newcomers wait for their
// places in the rings.
func (m *Machine) Audit(whole bool) error {
	var a audit
	a.bounds(m)
	if whole {
		a.links(m)
		for _, g := range m.groups {
			a.group(g)
		}
	}
	return a.err
}

const timersMost = 5000

func (a *audit) bounds(m *Machine) {
	a.must(m.looks.active <= looksAtOnce, "%d looks under way", m.looks.active)
	a.must(len(m.looks.under) == m.looks.active, "%d looks under way, %d counted", len(m.looks.under), m.looks.active)
	a.must(len(m.looks.waiting) <= looksWaiting, "%d looks wait", len(m.looks.waiting))
	a.must(len(m.groups) <= 1+max(m.cfg.MaxDomains, len(m.cfg.Manage)), "%d groups", len(m.groups))
	a.must(len(m.timers) <= timersMost, "%d timers", len(m.timers))
	a.must(len(m.order) == len(m.peers), "%d peers in order, %d in all", len(m.order), len(m.peers))
	a.must(m.joiners <= joinersAtOnce, "%d join", m.joiners)
	a.must(len(m.untied) == 0, "%d peers were left to be looked at", len(m.untied))
	for _, g := range m.groups {
		n := g.members.len()
		a.must(n <= m.cfg.MaxMembers, "%d participants", n)
		a.must(len(g.waiting) <= waitingMost, "%d newcomers wait for an address", len(g.waiting))
		a.must(len(g.unacked) <= unackedMost, "%d arrivals wait to be applied", len(g.unacked))
		a.must(len(g.gone.byID) <= max(departedLeast, g.largest), "%d departures remembered", len(g.gone.byID))
		a.must(len(g.words) <= len(g.neighbour)+everybodyUpTo, "%d words on %d neighbours", len(g.words), len(g.neighbour))
		a.must(len(g.dirty) == 0, "a judgement was left open")
		a.must(!g.moved || g.back.midway != 0, "the neighbours were not computed")
		a.must(len(g.neighbour) <= max(2*wire.Rings, everybodyUpTo), "%d neighbours", len(g.neighbour))
	}
}

func (a *audit) links(m *Machine) {
	joining := 0
	for _, l := range m.links {
		joining += len(l.joining)
		a.must(l.peer == m.peers[l.peer.id], "a link's peer was forgotten")
	}
	a.must(joining == m.joiners, "%d join, %d counted", joining, m.joiners)
	for _, p := range m.order {
		a.must(len(p.errands) <= errandsMost, "%d errands for %s", len(p.errands), p.address)
		wants := 0
		for _, g := range m.groups {
			if slices.ContainsFunc(g.neighbour, func(x *member) bool { return x.rec.ID == p.id }) {
				wants++
			}
		}
		a.must(wants == p.wants, "%d groups want a link to %s, %d counted", wants, p.address, p.wants)
		if p.link != nil {
			a.must(slices.Contains(m.links, p.link), "the link to %s is gone", p.address)
		}
		due := p.attempt == 0 && p.link == nil && (p.wanted() || len(p.errands) > 0) && p.nextDial <= m.now && p.dialTimer == 0
		a.must(!due || m.replaced, "%s was to be dialled at %s", p.address, p.nextDial)
	}
	for _, e := range m.known.entries {
		a.must(len(e.targets) <= targetsMost, "%d addresses of %s", len(e.targets), e.text)
	}
}

func (a *audit) group(g *group) {
	all := g.rings.all()
	a.must(g.me == g.members.get(g.m.self), "not in its own table")
	digest := uint64(0)
	names := map[string]int{}
	for _, x := range all {
		a.must(g.members.get(x.rec.ID) == x, "%s is not found by its ID", x.rec)
		a.must(g.members.at(x.rec.Address) == x, "%s is not found by its address", x.rec)
		a.must(g.domain == x.rec.Domain, "%s in domain %s", x.rec, g.domain)
		digest += x.rec.Hash
		names[x.rec.Name]++
		if d := g.gone.get(x.rec.ID); d != nil {
			a.must(d.incarnation < x.rec.Incarnation, "both here and gone: %s", x.rec)
			a.must(!final(d.cause), "gone for good, and here: %s", x.rec)
		}
		if q := x.inquiry; q != nil {
			a.must(len(q.words) <= wire.MaxAccusers, "%d words on %s", len(q.words), x.rec)
			a.must(len(q.holders) <= wire.MaxAccusers, "%d hold %s as down", len(q.holders), x.rec)
			a.must(len(q.dismissed) <= len(all)+2*everybodyUpTo, "%d watchers of %s dismissed", len(q.dismissed), x.rec)
			kept := slices.Clone(g.watchers(x))
			q.watchedAt = 0
			a.must(slices.Equal(kept, g.watchers(x)), "who watches %s has changed unseen", x.rec)
		}
	}
	for name, n := range names {
		a.must(g.members.named(name, n+1) == n, "%d are named %q", n, name)
	}
	a.must(digest == g.digest, "the digest is not the records'")
	a.must(g.members.len() == len(all), "%d participants, %d in the rings", g.members.len(), len(all))
	for _, x := range []*index{&g.members.byID, &g.members.byAddress, &g.members.byName} {
		a.must(x.used == len(all) && 4*x.used <= 3*len(x.cells), "an index of %d cells for %d holds %d", len(x.cells), len(all), x.used)
	}
	for r, ring := range g.rings.sorted {
		a.must(len(ring) == len(all), "%d in ring %d of %d", len(ring), r, len(all))
		a.must(slices.IsSortedFunc(ring, ringOrders[r]), "ring %d is out of order", r)
	}
	if g.moved {
		return
	}
	var buf [2 * everybodyUpTo]*member
	now := g.rings.watchers(g.me, buf[:0])
	a.must(len(now) == len(g.neighbour), "%d neighbours, %d watchers", len(g.neighbour), len(now))
	for _, x := range g.neighbour {
		a.must(x.neighbour && slices.Contains(now, x), "%s is a neighbour and no watcher", x.rec)
	}
}
