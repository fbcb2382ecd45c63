package machine

import (
	"slices"
	"time"

	"github.com/gotribes/tribes/internal/wire"
)

const (
	targetsMost = 5000
	hintsMost   = 64
	hintsAtOnce = 2 // asked at a time
)

// known are the well-known addresses. They are tried side by side, for ever:
// quickly until every group is joined, then, as long as one is not linked and
// no member is known there, at a rate that does not grow with the group.
type known struct {
	m       *Machine
	entries []*entry
	armed   bool
}

// An entry is one line of the configured list; the last entry holds hints
// from well-known members that had no room.
type entry struct {
	index     int
	text      string
	resolves  bool
	resolving bool
	resolved  bool
	next      Time // when the name is resolved again
	targets   []*target
	failure   string
}

// A target is one address to try.
type target struct {
	entry    *entry
	address  string
	owner    wire.ID // who answered there last
	self     bool
	under    AttemptID
	next     Time
	failures int
	tried    bool   // at least once, to the end
	member   uint64 // the groups' changes when it was last found to be a member
	triedAt  Time
	answered bool // the last try met a refusal or somebody else, not silence
	hint     bool
}

func (k *known) init(m *Machine) {
	k.m = m
	for i, w := range m.cfg.WellKnown {
		e := &entry{index: i, text: w.Text, resolves: w.Address == "", resolved: w.Address != ""}
		if w.Address != "" {
			e.targets = []*target{{entry: e, address: w.Address}}
		}
		k.entries = append(k.entries, e)
	}
	k.entries = append(k.entries, &entry{index: -1, resolved: true})
}

func (k *known) start() {
	k.m.after(0, k.tend)
	k.selfJoined()
}

// begin is called for a new group: it is asked for at once, at all addresses.
func (k *known) begin() {
	for _, e := range k.entries {
		for _, t := range e.targets {
			if t.under == 0 {
				t.next, t.failures, t.tried = k.m.now, 0, false
			}
		}
	}
	k.m.after(0, func() { k.tend(); k.selfJoined() })
}

// allJoined says that nothing is left to be asked of the well-known members.
func (k *known) allJoined() bool {
	if k.m.isolated {
		return false
	}
	for _, g := range k.m.groups {
		if !g.joined {
			return false
		}
	}
	return true
}

// tend tries what is due. It is called with every heartbeat, and more often
// while something is not joined.
func (k *known) tend() {
	m := k.m
	if m.replaced {
		return
	}
	joined := k.allJoined()
	for _, e := range k.entries {
		if e.resolves && !e.resolving && e.next <= m.now {
			if joined && !k.myPlace(e.text) {
				e.next = m.now + knownTryLeast + m.within(knownTrySpread)
				continue // others of the group look the name up
			}
			e.resolving = true
			m.do(Effect{Kind: DoResolve, Index: e.index, Address: e.text})
		}
		under := 0
		for _, t := range e.targets {
			if t.under != 0 || e.index < 0 && k.asked(t) {
				under++
			}
		}
		most := dialsPerName
		if e.index < 0 {
			most = hintsAtOnce
		}
		for _, i := range k.order(e) {
			t := e.targets[i]
			if t.next <= m.now && t.under == 0 && !t.self && under < most && k.try(t, joined) {
				under++
			}
		}
	}
	if !joined && !k.armed {
		k.armed = true
		m.after(joinFirst, func() {
			k.armed = false
			k.tend()
		})
	}
}

// asked says that a hint is linked, and is being asked to let this node in.
func (k *known) asked(t *target) bool {
	p := k.m.peers[t.owner]
	return p != nil && p.link != nil
}

// owned says that a node has answered at one of the addresses.
func (k *known) owned(id wire.ID) bool {
	return slices.ContainsFunc(k.entries, func(e *entry) bool {
		return slices.ContainsFunc(e.targets, func(t *target) bool { return t.owner == id })
	})
}

// order is random where a name has many addresses.
func (k *known) order(e *entry) []int {
	if len(e.targets) <= 1 {
		return []int{0}[:len(e.targets)]
	}
	return k.m.rng.Perm(len(e.targets))
}

// linked says that the target is a member that is known, or linked.
func (k *known) linked(t *target) bool {
	changes := uint64(1)
	for _, g := range k.m.groups {
		changes += g.changes
	}
	if t.member == changes {
		return true // nobody has come or gone since it was found to be
	}
	for _, g := range k.m.groups {
		if g.members.at(t.address) != nil || !t.owner.IsZero() && g.members.get(t.owner) != nil {
			t.member = changes
			return true
		}
	}
	p := k.m.peers[t.owner]
	return p != nil && k.m.hears(p)
}

// try contacts a target, if it is this node's turn; true: a dial is under way.
func (k *known) try(t *target, joined bool) bool {
	m := k.m
	if joined {
		t.next = m.now + knownTryLeast + m.within(knownTrySpread)
		if k.linked(t) || !k.mine(t) {
			return false
		}
	} else if p := m.peers[t.owner]; p != nil && p.link != nil {
		t.failures++
		t.next = m.now + k.backoff(t)
		if m.hears(p) {
			k.askAgain(p.link)
			return false
		}
	}
	t.under = m.attempt(&attempt{target: t, address: t.address})
	m.do(Effect{Kind: DoDial, Attempt: t.under, Address: t.address, Timeout: m.dialTimeout()})
	return true
}

// askAgain repeats the Join of what is not joined, on a link that is there.
func (k *known) askAgain(l *link) {
	for _, g := range k.m.groups {
		if !g.joined && len(l.joining) == 0 && !l.waitsFor(g, askAgain) && !g.asking() {
			g.ask(l)
		}
	}
}

func (k *known) backoff(t *target) Time {
	return k.m.jitter(min(joinFirst<<min(t.failures, 6), joinMost))
}

// mine says that this node would watch who lives at the address, in some
// group: so a few members of a group try it, however large the group is.
func (k *known) mine(t *target) bool { return k.myPlace(t.address) }

func (k *known) myPlace(text string) bool {
	var buf [2 * everybodyUpTo]*member
	places := wire.AddressPlaces(text)
	for _, g := range k.m.groups {
		if slices.Contains(g.rings.around(places, buf[:0]), g.me) {
			return true
		}
	}
	return false
}

func (t *target) reached(m *Machine, id wire.ID) {
	t.under, t.failures, t.tried, t.triedAt = 0, 0, true, m.running()
	t.owner = id
	t.next = m.now + m.known.backoff(t) + joinFirst
	t.entry.failure = ""
	m.known.selfJoined()
}

// failed notes why an address could not be reached.
func (k *known) failed(t *target, out Outcome, text string) {
	m := k.m
	t.under = 0
	t.tried, t.triedAt = true, m.running()
	t.answered = out == OutRefused || out == OutForeign
	t.failures++
	t.next = m.now + k.backoff(t)
	if out == OutSelf {
		t.self = true
	} else {
		t.entry.failure = text
		m.report(Report{Kind: NotReached, Address: t.address, Text: text, Index: t.entry.index})
	}
	if t.hint {
		t.entry.targets = slices.DeleteFunc(t.entry.targets, func(o *target) bool { return o == t })
	}
	k.selfJoined()
}

// refused slows down the tries of an address that has refused.
func (k *known) refused(l *link, r *wire.Refuse) {
	for _, e := range k.entries {
		for _, t := range e.targets {
			if t.owner == l.peer.id {
				t.tried, t.triedAt = true, k.m.running()
				t.failures = max(t.failures, 2)
				t.next = k.m.now + k.backoff(t)
				if r.Again > 0 {
					t.next = k.m.now + min(Time(r.Again)*time.Millisecond, busyMost)
				}
				if r.Code == wire.NotServed || r.Code == wire.BadRecord || r.Code == wire.NameHeld || r.Code == wire.Full {
					t.next = k.m.now + k.m.jitter(2*joinMost)
				}
				if k.allJoined() {
					t.next = k.m.now + k.m.jitter(2*refusedAgain)
				}
			}
		}
	}
	k.selfJoined()
}

// selfJoined: a node that is itself among the well-known addresses has joined
// when every other one was tried once; otherwise two balancers that list each
// other would wait for each other.
func (k *known) selfJoined() {
	self := false
	for _, e := range k.entries {
		if !e.resolved {
			return
		}
		for _, t := range e.targets {
			// Its own address is dialled as well: another may live there. If it
			// does not answer at all, from here, it is taken for its own.
			self = self || t.self || t.tried && t.address == k.m.cfg.Address && t.owner.IsZero()
			if !t.self && !t.tried && !t.hint {
				return
			}
		}
	}
	if self {
		for _, g := range k.m.groups {
			g.setJoined()
		}
	}
}

// silentSince says that every address was tried since then, or as many of a
// name as of members in a search, and that none of them answered (else there
// would be a link).
func (k *known) silentSince(run Time) bool {
	silent := true
	for _, e := range k.entries {
		under, tried := 0, 0
		for _, t := range e.targets {
			if t.under != 0 {
				under++
			}
			if t.triedAt >= run && !t.self {
				tried++
			}
		}
		for _, t := range e.targets {
			switch {
			case t.self, t.hint:
			case t.triedAt >= run && t.answered && k.m.running()-t.triedAt < k.m.cfg.DropTime:
				return false
			case t.triedAt >= run && t.answered, t.triedAt < run && tried < searchMost:
				silent = false
				if t.under == 0 && under < dialsPerName && k.try(t, false) {
					under++
				}
			}
		}
	}
	return silent
}

// hint adds an address that a busy well-known member has named.
func (k *known) hint(address string) {
	e := k.entries[len(k.entries)-1]
	for _, t := range e.targets {
		if t.address == address {
			return
		}
	}
	if len(e.targets) < hintsMost && address != k.m.cfg.Address {
		e.targets = append(e.targets, &target{entry: e, address: address, hint: true})
	}
}

// Resolved is the input for a DoResolve that has ended.
func (m *Machine) Resolved(now Time, index int, addresses []string, failure string) {
	m.begin(now)
	m.busy = true
	if index >= 0 && index < len(m.known.entries)-1 {
		m.known.resolvedNow(m.known.entries[index], addresses, failure)
	}
	m.end()
}

func (k *known) resolvedNow(e *entry, addresses []string, failure string) {
	e.resolving, e.resolved = false, true
	e.next = k.m.now + resolveEvery + k.m.within(resolveEvery/4)
	if k.allJoined() && failure == "" {
		e.next += resolveJoined
	}
	if failure != "" {
		e.failure = failure
		k.m.report(Report{Kind: NotReached, Address: e.text, Text: failure, Index: e.index})
	}
	if len(addresses) > 0 {
		old := e.targets
		e.targets = nil
		for _, a := range addresses[:min(len(addresses), targetsMost)] {
			i := slices.IndexFunc(old, func(t *target) bool { return t.address == a })
			if i >= 0 {
				e.targets = append(e.targets, old[i])
			} else {
				e.targets = append(e.targets, &target{entry: e, address: a})
			}
		}
	}
	k.selfJoined()
	k.tend()
}
