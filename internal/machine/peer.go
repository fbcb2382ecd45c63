package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// A peer is another node as far as links are concerned: whether one is wanted,
// is there, and what was found when it could not be had. It is shared by all
// groups.
type peer struct {
	id      wire.ID
	address string

	link    *link
	attempt AttemptID // own dial under way, or 0
	reached string    // the address at which an own dial has reached it
	wants   int       // groups that count it as neighbour
	temp    bool      // temporary neighbour, while links are few

	proof     Time // running time at which the echo last advanced, or since when a link is wanted
	healthy   Time // running time since when the link is healthy; -1: it is not
	lost      Time // Machine.lost when a first link came to be wanted
	tried     bool // a dial for that first link has ended, and proves something; or there was one
	soon      bool // that link is wanted without delay
	wantedAt  Time // since when it is, in running time
	failed    Time // running time of the last look or dial that met silence or a refusal; 0: none
	refusals  int  // dials in a row that were refused
	weak      bool // own dial refused at an address not reached before
	refused   bool // own dial refused at an address reached before
	replaced  bool // own dial answered by another ID
	foreign   int  // dials in a row answered by something else, or reset
	failures  int  // dials in a row that failed, for the backoff
	nextDial  Time
	dialTimer Time // when the timer for the next dial runs out; 0: there is none
	untied    bool // among the machine's untied
	verifying bool
	lostAt    [flapCount]Time // of the last links lost without a goodbye, running time
	lostNext  int
	errands   []wire.Message // to be sent once a link is up
	inspected Time           // when the application last had it looked at
	took      Time           // the last dial or look that it has answered; 0: none
}

func (m *Machine) peer(id wire.ID, address string) *peer {
	p := m.peers[id]
	if p == nil {
		p = &peer{id: id, address: address, healthy: -1, proof: m.running()}
		for i := range p.lostAt {
			p.lostAt[i] = -flapWindow
		}
		m.peers[id] = p
		i, _ := slices.BinarySearchFunc(m.order, id, func(p *peer, id wire.ID) int { return p.id.Compare(id) })
		m.order = slices.Insert(m.order, i, p)
	}
	if address != "" {
		p.address = address
	}
	return p
}

// forgetPeers drops peers that nothing is left of.
func (m *Machine) forgetPeers() {
	m.order = slices.DeleteFunc(m.order, func(p *peer) bool {
		if p.wanted() || p.link != nil || p.attempt != 0 || p.verifying || len(p.errands) > 0 || m.failedLately(p) {
			return false
		}
		delete(m.peers, p.id)
		return true
	})
}

// failedLately says that the peer did not answer the last dial or look, and
// that this was not long ago.
func (m *Machine) failedLately(p *peer) bool {
	return p.failed != 0 && m.running()-p.failed < failedKept
}

func (p *peer) wanted() bool { return p.wants > 0 || p.temp }

// want says that a group counts a node as neighbour. soon: it is accused, or
// others have just crashed, so that it is dialled without delay.
func (m *Machine) want(id wire.ID, address string, soon bool) {
	p := m.peer(id, address)
	p.wants++
	m.untie(p)
	if p.wants > 1 {
		return
	}
	if p.link == nil {
		p.proof = m.running() // the first link has the drop time to come up
		if m.failedLately(p) {
			p.proof -= m.cfg.DropTime * 2 / 3 // or less, if it did not answer just now
		}
		p.refused, p.replaced = false, false
		p.lost, p.tried, p.soon, p.wantedAt = m.lost, false, soon, m.running()
		p.nextDial = m.now
		if healthy := m.healthyLinks(); p.attempt == 0 && !p.temp && !soon && healthy > 0 {
			if healthy >= searchHealthy {
				p.nextDial += newcomerDials // while many come it may not stay a neighbour
			}
			if m.self.Compare(id) > 0 {
				p.nextDial += higherWaits
			}
		}
	} else {
		m.sayNeed(p)
		m.verify(p)
	}
}

// heardOf says that a peer has come back: an old link to it, over which nothing has
// come for long, does not prove that it is silent again. A new one is dialled.
func (m *Machine) heardOf(id wire.ID) {
	if p := m.peers[id]; p != nil && p.link != nil {
		p.proof = max(p.proof, m.running()-m.cfg.DropTime/2)
	}
}

// unwant says that a group does not any more.
func (m *Machine) unwant(id wire.ID) {
	p := m.peers[id]
	if p == nil {
		return
	}
	p.wants--
	if p.wants == 0 && p.link != nil {
		m.sayNeed(p)
	}
}

// untie has a peer looked at, at the end of the step: there may be reason to
// dial it.
func (m *Machine) untie(p *peer) {
	m.busy = true
	if !p.untied {
		p.untied = true
		m.untied = append(m.untied, p)
	}
}

// tendAll dials whom a link is wanted to.
func (m *Machine) tendAll() {
	slices.SortFunc(m.untied, func(a, b *peer) int { return a.id.Compare(b.id) })
	for _, p := range m.untied {
		p.untied = false
		m.tend(p)
	}
	clear(m.untied)
	m.untied = m.untied[:0]
}

func (m *Machine) tend(p *peer) {
	if m.replaced || p.attempt != 0 || !(p.wanted() || len(p.errands) > 0) {
		return
	}
	if p.link != nil && !m.quiet(p) {
		return
	}
	if due := max(p.nextDial, m.rest(p)); due > m.now {
		if p.dialTimer == 0 || due < p.dialTimer {
			p.dialTimer = due
			m.after(due-m.now, func() {
				if p.dialTimer == due {
					p.dialTimer = 0
				}
				m.untie(p)
			})
		}
		return
	}
	m.dial(p)
}

// grew notes that somebody has come.
func (m *Machine) grew() {
	if m.now-m.grewAt > growRest {
		m.grown = 0
	}
	m.grown++
	m.grewAt = m.now
}

// crowding says that many come at once.
func (m *Machine) crowding() bool { return m.grown > everybodyUpTo && m.now-m.grewAt < growRest }

// rest returns when a new neighbour is to be dialled while many come at once: the
// next may take its place. It is not put off for long.
func (m *Machine) rest(p *peer) Time {
	if !m.crowding() || p.link != nil || p.soon || p.reached != "" || m.running()-p.wantedAt >= growMost || m.healthyLinks() == 0 {
		return 0
	}
	return m.grewAt + growRest
}

func (m *Machine) dial(p *peer) {
	p.attempt = m.attempt(&attempt{peer: p, address: p.address})
	timeout := m.dialTimeout()
	if p.temp {
		timeout = lookTime // there are more to be tried
	}
	m.do(Effect{Kind: DoDial, Attempt: p.attempt, Address: p.address, Peer: p.id, Timeout: timeout})
}

func (m *Machine) dialTimeout() Time { return max(m.cfg.DropTime*2/3, lookTime) }

// stale says that a peer with a link has been silent for longer than the drop
// time.
func (m *Machine) stale(p *peer) bool { return m.running()-p.proof >= m.cfg.DropTime }

// quiet says that a peer has been silent for half the drop time: it is dialled
// afresh beside the link, since something between may have forgotten the
// connection.
func (m *Machine) quiet(p *peer) bool { return m.running()-p.proof >= m.cfg.DropTime/2 }

// hears says that the peer has a link that is healthy now.
func (m *Machine) hears(p *peer) bool { return p.link != nil && !m.stale(p) }

// healthyLinks counts them over all groups: any proves that this node is not
// cut off.
func (m *Machine) healthyLinks() int {
	n := 0
	for _, l := range m.links {
		if l.peer.link == l && !m.stale(l.peer) {
			n++
		}
	}
	return n
}

// hearsSomebody says that this node is not cut off: some link is healthy, or
// some host has refused it or answered it lately.
func (m *Machine) hearsSomebody() bool {
	return m.healthyLinks() > 0 || m.wordAt != 0 && m.running()-m.wordAt < m.cfg.DropTime
}

// word notes that a host has answered, be it with a refusal.
func (m *Machine) word(out Outcome) {
	if out == OutRefused || out == OutForeign || out == Answered {
		m.wordAt = max(m.running(), 1)
	}
}

// unreachable says what was found of a peer that a link is wanted to, if it
// cannot be reached. hastened halves the drop time of a first link.
func (m *Machine) unreachable(p *peer, hastened bool) (wire.Reason, bool) {
	switch {
	case p.replaced:
		return wire.Replaced, true
	case p.refused, p.weak && m.healthyLinks() == 0:
		return wire.Refused, true
	case m.untried(p):
		return 0, false
	case m.stale(p):
		return wire.Silent, true
	case hastened && p.link == nil && p.reached == "" && m.running()-p.proof >= m.cfg.DropTime/2:
		return wire.Silent, true
	}
	return 0, false
}

// untried says that no dial has yet shown whether a peer that was never reached
// can be, while this node did not keep up: a node that is starved of processor
// time, as all are that start at once on one machine, has no time to dial, and
// must not accuse others of its own silence.
func (m *Machine) untried(p *peer) bool {
	return p.link == nil && p.reached == "" && !p.tried && m.starved(m.lost-p.lost, m.cfg.DropTime)
}

// starved says that the time that this node has lost is too much of a span for
// what ran out within it to prove anything.
func (m *Machine) starved(lost, span Time) bool { return lost >= span/starvedPart }

// An attempt is a dial for a link that is under way.
type attempt struct {
	peer    *peer // nil: whoever answers at a well-known address
	target  *target
	address string
	lost    Time // Machine.lost as the attempt began
	began   Time
}

func (m *Machine) attempt(a *attempt) AttemptID {
	m.lastAttempt++
	a.lost, a.began = m.lost, m.now
	m.attempts[m.lastAttempt] = a
	return m.lastAttempt
}

// DialFailed is the input for a DoDial that did not lead to a link.
func (m *Machine) DialFailed(now Time, id AttemptID, out Outcome, text string) {
	m.begin(now)
	a := m.attempts[id]
	delete(m.attempts, id)
	if a != nil {
		m.busy = true
		m.word(out)
		if a.target != nil {
			m.known.failed(a.target, out, text)
		}
		if a.peer != nil && a.peer.attempt == id {
			a.peer.attempt = 0
			m.dialFailed(a.peer, a, out)
		}
	}
	m.end()
}

// dialFailed draws what a failed dial proves (docs/protocol.md, "Evidence").
func (m *Machine) dialFailed(p *peer, a *attempt, out Outcome) {
	if p.link != nil && !m.quiet(p) {
		return // another link came meanwhile, or this one is heard again
	}
	known := p.reached == a.address
	if out == OutSilent && m.starved(m.lost-a.lost, max(m.now-a.began, late)) {
		out = OutLocal
	}
	p.tried = p.tried || out != OutLocal && out != OutBusy
	p.failures++
	if out != OutLocal && a.lost == m.lost {
		p.failed = max(m.running(), 1)
	}
	if out != OutRefused {
		p.refusals, p.weak = 0, false
	}
	wait := min(redialFirst<<min(p.failures-1, 6), redialMost)
	switch out {
	case OutRefused:
		// At an address not reached before it takes two in a row: something
		// between may refuse for a moment.
		p.refusals++
		p.refused = p.refused || known || p.refusals >= 2
		p.weak = !p.refused
	case OutReset:
		// A process that is killed may lose its links a moment before its
		// listener: the first time this is not evidence yet, and asked again soon.
		p.foreign++
		p.refused = p.refused || known && p.foreign >= 3
		wait = redialFirst
		if known && p.foreign == 1 {
			wait = resetAgain
		}
	case OutForeign, OutSelf:
		// Whoever answers cannot be the node that was there: one process
		// changes neither its cluster nor its protocol.
		p.foreign++
		p.replaced = p.replaced || known && (p.foreign >= 2 || out == OutSelf)
		wait = redialFirst
	case OutSilent, OutBusy:
		p.foreign = 0
	case OutLocal:
		wait = redialMost // no evidence; the silence goes on counting
	}
	m.untie(p)
	p.nextDial = m.now + m.jitter(wait)
	if p.weak {
		p.nextDial = m.now + pressRefused
	}
	if len(p.errands) > 0 && p.failures >= 3 {
		p.errands = nil
	}
	if m.search.active && p.temp {
		m.search.result(m, p, out)
	}
	m.reviewPeer(p)
	m.lonelier = true
}
