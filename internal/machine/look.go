package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// looks are dials that only want to know which ID answers at an address. At
// most looksAtOnce are under way and looksWaiting wait.
type looks struct {
	active  int
	waiting []*lookup
	under   map[AttemptID]*lookup
}

type lookup struct {
	address string
	expect  wire.ID
	lost    Time
	began   Time
	done    []asker
}

// asker is who asked for a look.
type asker struct {
	tell   func(out Outcome, by wire.ID, text string)
	wanted func() bool // nil: in any case
}

// look asks who answers at an address. done is told Answered if it is expect,
// OutForeign and who it is if it is another node. It is not called before
// look returns.
func (m *Machine) look(address string, expect wire.ID, done func(out Outcome, by wire.ID, text string)) {
	m.lookFor(address, expect, asker{tell: done})
}

// lookIf is look for an answer that is of no use any more if wanted says so
// once the look's turn has come: of hundreds that wait, most may be settled
// otherwise.
func (m *Machine) lookIf(wanted func() bool, address string, expect wire.ID, done func(out Outcome, by wire.ID, text string)) {
	m.lookFor(address, expect, asker{done, wanted})
}

func (m *Machine) lookFor(address string, expect wire.ID, by asker) {
	for _, k := range m.looks.waiting {
		if k.address == address && k.expect == expect {
			k.done = append(k.done, by)
			return
		}
	}
	if len(m.looks.waiting) >= looksWaiting {
		m.after(lookTime, func() { by.tell(outInconclude, wire.ID{}, "too many looks wait") })
		return
	}
	m.looks.waiting = append(m.looks.waiting, &lookup{address: address, expect: expect, done: []asker{by}})
	m.moreLooks()
}

func (m *Machine) moreLooks() {
	for m.looks.active < looksAtOnce && len(m.looks.waiting) > 0 {
		k := m.looks.waiting[0]
		m.looks.waiting = m.looks.waiting[1:]
		if !slices.ContainsFunc(k.done, func(a asker) bool { return a.wanted == nil || a.wanted() }) {
			m.after(0, func() { k.tell(outInconclude, wire.ID{}, "not needed any more") })
			continue
		}
		m.looks.active++
		m.lastAttempt++
		k.lost, k.began = m.lost, m.now
		if m.looks.under == nil {
			m.looks.under = map[AttemptID]*lookup{}
		}
		m.looks.under[m.lastAttempt] = k
		m.do(Effect{Kind: DoLook, Attempt: m.lastAttempt, Address: k.address, Peer: k.expect, Timeout: lookTime})
	}
}

func (k *lookup) tell(out Outcome, by wire.ID, text string) {
	for _, a := range k.done {
		a.tell(out, by, text)
	}
}

// LookDone is the input for a DoLook that has ended. by is who answered.
func (m *Machine) LookDone(now Time, id AttemptID, out Outcome, by wire.ID, text string) {
	m.begin(now)
	k := m.looks.under[id]
	if k != nil {
		m.busy = true
		delete(m.looks.under, id)
		m.looks.active--
		switch {
		case out == Answered && by != k.expect:
			out = OutForeign
		case out != Answered && m.lost != k.lost:
			out = outInconclude // I was stopped; the other side may have answered
		}
		m.word(out)
		if out == Answered {
			m.took(by, k.began)
		}
		k.tell(out, by, text)
		m.moreLooks()
	}
	m.end()
}
