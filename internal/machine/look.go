package machine

import "github.com/gotribes/tribes/internal/wire"

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
	done    []func(out Outcome, by wire.ID, text string)
}

// look asks who answers at an address. done is told Answered if it is expect,
// OutForeign and who it is if it is another node. It is not called before
// look returns.
func (m *Machine) look(address string, expect wire.ID, done func(out Outcome, by wire.ID, text string)) {
	for _, k := range m.looks.waiting {
		if k.address == address && k.expect == expect {
			k.done = append(k.done, done)
			return
		}
	}
	if len(m.looks.waiting) >= looksWaiting {
		m.after(lookTime, func() { done(outInconclude, wire.ID{}, "too many looks wait") })
		return
	}
	m.looks.waiting = append(m.looks.waiting, &lookup{address: address, expect: expect, done: []func(Outcome, wire.ID, string){done}})
	m.moreLooks()
}

func (m *Machine) moreLooks() {
	for m.looks.active < looksAtOnce && len(m.looks.waiting) > 0 {
		k := m.looks.waiting[0]
		m.looks.waiting = m.looks.waiting[1:]
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
		for _, done := range k.done {
			done(out, by, text)
		}
		m.moreLooks()
	}
	m.end()
}
