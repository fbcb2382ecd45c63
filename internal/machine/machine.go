package machine

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gotribes/tribes/internal/wire"
)

// A Machine is the protocol of one node. It is not safe for concurrent use.
type Machine struct {
	cfg   Config
	rng   *rand.Rand
	self  wire.ID
	first *wire.Record // in its own domain, which makes its ID

	now      Time
	expected Time // Next as it was after the last input
	lost     Time // time in which this node's own loop did not run, or did not keep up
	behind   Time // how much of it since it last kept up
	timers   timerHeap
	timerSeq uint64
	nextBeat Time

	groups  []*group // sorted by domain
	peers   map[wire.ID]*peer
	order   []*peer  // the same, sorted by ID
	untied  []*peer  // to be looked at, at the end of the step: a link may be wanted
	links   []*link  // sorted by LinkID
	linkIDs []LinkID // theirs, so that each beat need not look at all

	attempts    map[AttemptID]*attempt
	lastAttempt AttemptID
	looks       looks
	known       known
	search      search
	joiners     int
	isolated    bool
	isolatedAt  Time
	wordAt      Time // running time at which a host last refused or answered a dial or a look
	lonelyAt    Time // running time at which this node last had few links; 0: never
	grewAt      Time // when somebody came last
	grown       int  // how many since nobody came for a while
	cutSince    Time // since when no link is healthy; 0: some is
	replaced    bool
	started     bool
	lonelier    bool // a link was lost or a dial failed in this step: time to search
	busy        bool // something but a heartbeat happened in this step
	more        bool // further inputs wait
	owed        bool // and something waits for what they bring

	out  []Effect
	done []Effect // handed out, valid until the next input
}

// New makes a machine. Start must be the first input.
func New(cfg Config) *Machine {
	m := &Machine{
		cfg:      cfg,
		rng:      cfg.Rand,
		peers:    map[wire.ID]*peer{},
		attempts: map[AttemptID]*attempt{},
	}
	m.first = m.record(cfg.Domain, wire.Member)
	m.first.SealFirst(cfg.Signer.PublicKey())
	m.self = m.first.ID
	m.known.init(m)
	return m
}

// Self returns the node's ID.
func (m *Machine) Self() wire.ID { return m.self }

// Birth returns what the ID is made of beside the key: the hash of the record with
// which the node starts in its own domain.
func (m *Machine) Birth() wire.Birth { return m.first.Birth }

// Start makes the node's own groups and looks for the well-known members.
func (m *Machine) Start(now Time) {
	m.begin(now)
	m.started = true
	m.addGroup(m.cfg.Domain, wire.Member)
	for _, d := range m.cfg.Manage {
		if d != m.cfg.Domain {
			m.addGroup(d, wire.Manager)
		}
	}
	m.nextBeat = now + m.within(m.cfg.Heartbeat)
	m.known.start()
	m.end()
}

// Tick runs what is due.
func (m *Machine) Tick(now Time) {
	m.begin(now)
	for len(m.timers) > 0 && m.timers[0].at <= now {
		t := heap.Pop(&m.timers).(*timer)
		t.run()
		m.busy = true
	}
	for _, g := range m.groups {
		m.busy = m.busy || g.pend.open && g.pend.due <= now
	}
	if now >= m.nextBeat {
		m.beat()
		m.nextBeat += m.cfg.Heartbeat
		if m.nextBeat <= now {
			m.nextBeat = now + m.cfg.Heartbeat
		}
	}
	m.end()
}

// Next returns when Tick must be called.
func (m *Machine) Next() Time { return m.expected }

// Effects returns what is to be done, in order, and forgets it. The slice is
// valid until the next input.
func (m *Machine) Effects() []Effect {
	m.done = m.out
	m.out = m.out[:0]
	return m.done
}

// begin notes the time. Whatever this loop was late by is not counted as
// silence of others: who was stopped must not accuse those who were not.
func (m *Machine) begin(now Time) {
	if now < m.now {
		now = m.now
	}
	m.now = now
	if m.expected > 0 && now > m.expected+late {
		m.stopped(now - m.expected)
	}
	m.busy = false
	clear(m.done) // nobody looks at the last effects any more
	m.done = nil
}

func (m *Machine) stopped(d Time) {
	m.lost += d
	if d >= forgetTable {
		m.joinAnew()
	}
}

// Behind is said before an input while many more wait: this node is slower than
// what comes, and what it has not read yet is not silence. The time since the
// last input is not counted, but no more than a few drop times in a row, so that
// nobody can keep it from noticing by sending much.
func (m *Machine) Behind(now Time) {
	if d := now - m.now; d > 0 && m.behind < behindMost*m.cfg.DropTime {
		m.lost += d
		m.behind += d
		m.expected = max(m.expected, now) // what is late by it was counted here
	}
}

// CaughtUp is said when no more than a few inputs wait.
func (m *Machine) CaughtUp() { m.behind = 0 }

// More says whether further inputs wait, and will be handed in at once: what is
// to be flooded then goes together with what they bring.
func (m *Machine) More(more bool) { m.more = more }

// running returns the time in which this node's loop ran; silence is counted
// in it.
func (m *Machine) running() Time { return m.now - m.lost }

// end draws the conclusions of a step.
func (m *Machine) end() {
	if m.busy || m.owed && !m.more {
		m.owed = false
		m.conclude()
	}
	m.expected = m.nextBeat
	if len(m.timers) > 0 {
		m.expected = min(m.expected, m.timers[0].at)
	}
	for _, g := range m.groups {
		if g.pend.open {
			m.expected = min(m.expected, g.pend.due)
		}
	}
	m.expected = max(m.expected, m.now)
}

// conclude runs judgements until none is open, then sends what is to be
// flooded and publishes what has settled.
func (m *Machine) conclude() {
	for _, g := range m.groups {
		g.rewatch()
	}
	if m.lonelier {
		m.lonelier = false
		m.search.tend(m)
	}
	for _, g := range m.groups {
		g.judgeAll()
		for g.rewatch(); len(g.dirty) > 0; g.rewatch() {
			g.judgeAll()
		}
	}
	m.tendAll()
	for _, g := range m.groups {
		g.flush()
		g.settle()
	}
}

func (m *Machine) group(domain string) *group {
	i, ok := slices.BinarySearchFunc(m.groups, domain, func(g *group, d string) int { return strings.Compare(g.domain, d) })
	if !ok {
		return nil
	}
	return m.groups[i]
}

func (m *Machine) do(e Effect) { m.out = append(m.out, e) }

func (m *Machine) report(r Report) { m.do(Effect{Kind: DoReport, Report: &r}) }
