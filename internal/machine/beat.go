package machine

import "github.com/gotribes/tribes/internal/wire"

// beat sends a heartbeat on every link that has not just had one as an answer,
// and looks who has been silent. It is called every interval whatever else is
// sent.
func (m *Machine) beat() {
	stopped := m.now > m.nextBeat+late
	for _, l := range m.links {
		if l.answer && m.now-l.beatAt < m.cfg.Heartbeat*3/4 {
			continue
		}
		m.sendBeat(l)
		if stopped {
			// What has come meanwhile is read after this: the answer proves more
			// than a heartbeat that echoes what is long known.
			l.answerFrom = m.now
		}
	}
	m.closeIdle()
	m.watchSilence()
	m.housekeep()
}

func (m *Machine) sendBeat(l *link) {
	l.sent++
	l.beatAt, l.answer, l.answerFrom = m.now, false, m.now+m.cfg.Heartbeat/2
	m.do(Effect{Kind: DoBeat, Link: l.id, Beat: wire.Beat{Seq: l.sent, Echo: l.heard, Digest: l.digest()}})
}

// digest sums the digests of all common groups.
func (l *link) digest() uint64 {
	var sum uint64
	for _, g := range l.common {
		sum += (g.digest ^ g.tag) * 0x9e3779b97f4a7c15
	}
	return sum
}

// Beat is the input for a heartbeat. The period of silence runs anew whenever
// the echo advances, so that each side knows that both directions work.
func (m *Machine) Beat(now Time, id LinkID, b wire.Beat) {
	m.begin(now)
	if l := m.link(id); l != nil {
		l.heard = max(l.heard, b.Seq)
		if b.Echo > l.echoed && b.Echo <= l.sent {
			l.echoed = b.Echo
			m.proven(l)
		}
		m.compareDigest(l, b.Digest)
		if m.now >= l.answerFrom {
			m.sendBeat(l)
			l.answer = true
		}
	}
	m.end()
}

// proven notes that both directions of a link work.
func (m *Machine) proven(l *link) {
	p := l.peer
	if p.link != l {
		return
	}
	wasStale := m.stale(p)
	p.proof = m.running()
	if wasStale || p.healthy < 0 {
		p.healthy = m.running()
		// It does answer, whatever a dial has met meanwhile.
		p.refused, p.weak, p.refusals, p.failures, p.failed = false, false, 0, 0, 0
		m.busy = true
		m.reviewPeer(p)
		m.healthyAgain()
	}
}

// watchSilence reviews the peers whose period ends before the next beat, to
// the millisecond.
func (m *Machine) watchSilence() {
	run := m.running()
	for _, p := range m.order {
		if !p.wanted() {
			continue
		}
		if p.link != nil && m.quiet(p) {
			m.untie(p)
		}
		if p.healthy >= 0 && !m.stale(p) && p.link != nil {
			if m.cfg.DropTime-(run-p.proof) >= m.cfg.Heartbeat {
				m.reviewIfOpen(p)
				continue
			}
		}
		if left := p.proof + m.cfg.DropTime - run; left > 0 && left < m.cfg.Heartbeat {
			m.after(left, func() { m.reviewPeer(p) })
		}
		m.busy = true
		m.reviewPeer(p)
	}
}

// housekeep does what needs no exact time.
func (m *Machine) housekeep() {
	m.known.tend()
	m.search.tend(m)
	for i := len(m.groups) - 1; i >= 0; i-- {
		g := m.groups[i]
		g.tryDeparted()
		g.closeInquiries()
		g.dropEmpty()
	}
	m.forgetPeers()
}
