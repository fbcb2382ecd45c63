package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// A search looks for temporary neighbours among the other members while
// links are few (docs/protocol.md, "When a member is down", 7). Temporary
// neighbours carry floods; they are never accused.
type search struct {
	active bool
	since  Time // running
	round  Time
	tried  map[wire.ID]bool
	under  int // dials under way
}

// tend is called with every heartbeat.
func (s *search) tend(m *Machine) {
	if m.replaced {
		return
	}
	healthy := m.healthyLinks()
	bad := 0
	for _, p := range m.order {
		if _, lost := m.unreachable(p, false); p.wants > 0 && lost {
			bad++
		}
	}
	m.feelCut(healthy)
	if bad > 0 && healthy < searchHealthy {
		m.lonelyAt = max(m.running(), 1)
	}
	switch {
	case !s.active && bad > 0 && healthy < searchHealthy:
		s.begin(m)
	case s.active && (bad == 0 || healthy >= searchHealthy) && !m.isolated:
		if bad == 0 {
			s.stop(m)
		}
		return
	}
	if s.active {
		s.more(m, healthy)
	}
}

func (s *search) begin(m *Machine) {
	*s = search{active: true, since: m.running(), tried: map[wire.ID]bool{}}
}

func (s *search) stop(m *Machine) {
	*s = search{}
	for _, p := range m.order {
		if p.temp {
			p.temp = false
			m.sayNeed(p)
		}
	}
}

// more looks at the next members, or draws the conclusion if there are none.
func (s *search) more(m *Machine, healthy int) {
	if m.now < s.round {
		return
	}
	s.round = m.now + searchRound
	candidates := s.candidates(m)
	for _, x := range candidates[:min(len(candidates), max(0, searchWidth-s.under))] {
		p := m.peer(x.rec.ID, x.rec.Address)
		s.tried[x.rec.ID] = true
		s.under++
		p.temp = true
		p.nextDial = m.now
		m.untie(p)
	}
	if healthy > 0 || s.under > 0 {
		return
	}
	if len(candidates) == 0 || len(s.tried) >= searchMost {
		s.nobody(m)
		if m.isolated {
			s.tried = map[wire.ID]bool{} // the search goes on
		}
	}
}

// candidates lists the members that have not been looked at, in random order.
func (s *search) candidates(m *Machine) []*member {
	var out []*member
	for _, g := range m.groups {
		for _, x := range g.rings.all() {
			if x == g.me || x.neighbour || s.tried[x.rec.ID] {
				continue
			}
			if p := m.peers[x.rec.ID]; p != nil && (p.link != nil || p.wants > 0) {
				continue
			}
			if !slices.ContainsFunc(out, func(y *member) bool { return y.rec.ID == x.rec.ID }) || len(m.groups) == 1 {
				out = append(out, x)
			}
		}
	}
	m.rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// result takes in that a temporary neighbour could not be dialled.
func (s *search) result(m *Machine, p *peer, out Outcome) {
	if s.under > 0 {
		s.under--
	}
	p.temp = false
	if out == OutRefused || out == OutForeign || out == OutReset {
		p.weak = p.weak || !p.refused
	}
	s.round = m.now
}

// answered takes in that a temporary neighbour has a link. It may know since
// long who is gone.
func (s *search) answered(m *Machine, p *peer) {
	if !p.temp {
		return
	}
	if s.under > 0 {
		s.under--
	}
	m.sendDigests(p.link)
}

// nobody draws the conclusion of a search that met nobody. A refusal is a word
// from the other host: those who refused have crashed. If all was silence, it
// is this node that is cut off.
func (s *search) nobody(m *Machine) {
	refused := false
	for _, p := range m.order {
		if p.wants > 0 {
			if _, lost := m.unreachable(p, false); !lost {
				return // a first link is still being tried
			}
		}
		refused = refused || p.refused || p.replaced || p.weak
	}
	if refused && s.dropRefused(m) {
		return
	}
	big := false
	for _, g := range m.groups {
		big = big || g.members.len() > 2
	}
	if m.hearsSomebody() {
		for _, g := range m.groups {
			for _, x := range g.neighbour {
				g.reconsider(x)
			}
		}
		return
	}
	if big && !m.isolated && m.known.silentSince(s.since) {
		m.isolate()
	}
}

// dropRefused drops who refused this node; false: that was nobody who is still
// in a view.
func (s *search) dropRefused(m *Machine) (some bool) {
	for _, g := range m.groups {
		for _, x := range slices.Clone(g.rings.all()) {
			p := m.peers[x.rec.ID]
			if x == g.me || p == nil || g.back.held {
				continue
			}
			switch {
			case p.replaced:
				g.down(x, wire.CauseReplaced, nil, false)
				some = true
			case p.refused, p.weak:
				g.down(x, wire.CauseCrashed, nil, false)
				some = true
			}
		}
	}
	return some
}

// feelCut notes since when no link is healthy.
func (m *Machine) feelCut(healthy int) {
	if healthy == 0 && m.cutSince == 0 {
		m.cutSince = max(m.now, 1)
	}
}

// healthyAgain is called whenever a link has come up, has been heard again, or
// is gone.
func (m *Machine) healthyAgain() {
	healthy := m.healthyLinks()
	m.feelCut(healthy)
	if healthy == 0 || m.cutSince == 0 {
		return
	}
	m.cutSince = 0
	for _, g := range m.groups {
		g.voidUnsaid()
	}
	m.startAfresh()
	if m.isolated {
		m.unisolate()
	}
}

// voidUnsaid takes back what this node had concluded while it heard nobody.
func (g *group) voidUnsaid() {
	for _, x := range g.neighbour {
		w := g.words[x.rec.ID]
		if w == nil || !w.unsaid {
			continue
		}
		delete(g.words, x.rec.ID)
		if x.inquiry != nil {
			x.inquiry.drop(g.m.self)
			g.reconsider(x)
			g.reconsiderWatched(x)
		}
		g.touch(x, NoCause)
	}
}

// isolate shrinks every view to the node itself. Nobody is told, and nobody
// is held as down: it is I who am cut off.
func (m *Machine) isolate() {
	m.isolated = true
	m.isolatedAt = m.now
	m.busy = true
	for _, g := range m.groups {
		g.touchAll(CauseIsolated)
		g.pend.urgent = true
	}
}

// unisolate begins anew from the first link: what this node knew is void, and
// it joins whoever it has met.
func (m *Machine) unisolate() {
	m.isolated = false
	m.search.stop(m)
	for _, g := range m.groups {
		g.reset()
		g.pend.rejoined = true
	}
	for _, l := range slices.Clone(m.links) {
		if l.peer.link == l {
			l.asked = nil
			m.greet(l, false, true)
		}
	}
}

// joinAnew is for a node that slept for longer than others remember.
func (m *Machine) joinAnew() {
	if len(m.order) == 0 {
		return
	}
	for _, l := range slices.Clone(m.links) {
		l.peer.healthy = -1
		m.do(Effect{Kind: DoClose, Link: l.id})
		m.dropLink(l)
	}
	m.feelCut(0)
	m.isolate()
}

// reset forgets everybody but this node itself, and the departures that were
// concluded while it was cut off.
func (g *group) reset() {
	for _, x := range slices.Clone(g.rings.all()) {
		if x != g.me {
			g.remove(x, CauseIsolated)
		}
	}
	for _, e := range g.gone.order {
		if !e.back && e.cutOff {
			g.gone.takeBack(e)
		}
	}
	clear(g.waiting)
	g.joined = false
	g.back.held = false
	g.back.next()
}
