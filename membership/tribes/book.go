package tribes

import (
	"cmp"
	"net/netip"
	"sync"

	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// A book holds, of every process that the node keeps track of, what has to be
// known to write to it and to name it. The goroutines that read connections
// consult it; the loop decides who is in it.
type book struct {
	mu      sync.RWMutex
	notes   map[netip.AddrPort]*note
	lastUID int64 // serialVersionUID of MemberImpl that was heard last, from anybody in the book
}

// A note is one line of the book.
type note struct {
	heard     bool
	said      wire.Member // last; valid if heard
	memberUID int64       // serialVersionUID of its MemberImpl; 0 if not heard
	tried     int         // how many of memberUIDs were tried in vain
	shown     *membership.Member
	peer      bool // the configuration names it
}

// open begins a line; peer says that the configuration names the process.
func (b *book) open(a netip.AddrPort, peer bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.notes == nil {
		b.notes = map[netip.AddrPort]*note{}
	}
	if b.notes[a] == nil {
		b.notes[a] = &note{peer: peer}
	}
}

// strike ends a line.
func (b *book) strike(a netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.notes, a)
}

// hear notes what a process says of itself, if it is in the book, and returns
// whether it said something else before, or nothing.
func (b *book) hear(m wire.Member) (changed bool) {
	b.mu.RLock()
	n := b.notes[m.Address()]
	if n == nil {
		b.mu.RUnlock()
		return false
	}
	same := n.heard && sameWords(n.said, m)
	b.mu.RUnlock()
	if same {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n.heard, n.said = true, m
	return true
}

// sameWords: the time, which in the mode Service moves on, is left out.
func sameWords(a, b wire.Member) bool {
	if a.Alive < epoch && b.Alive < epoch {
		a.Alive, b.Alive = 0, 0
	}
	return a == b
}

// epoch tells a time since the epoch from one since a start: 2001 in
// milliseconds, or 31 years.
const epoch = 1_000_000_000_000

// layout is what a process is written to in: its own, if that is known.
func (b *book) layout(a netip.AddrPort, unknown wire.Layout) wire.Layout {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if n := b.notes[a]; n != nil && n.heard {
		return n.said.Layout
	}
	return unknown
}

// learn notes the serialVersionUID of a process's MemberImpl.
func (b *book) learn(a netip.AddrPort, uid int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.notes[a]; n != nil && uid != 0 {
		n.memberUID, b.lastUID = uid, uid
	}
}

// uid is the serialVersionUID to write to a process with.
func (b *book) uid(a netip.AddrPort) int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	n := b.notes[a]
	switch {
	case n != nil && n.memberUID != 0:
		return n.memberUID
	case n == nil || n.tried == 0:
		// What others have is the best guess; then what goes with the layout.
		if b.lastUID == 0 && n != nil && n.heard && n.said.Layout == wire.Layout6 {
			return memberUID6
		}
		return cmp.Or(b.lastUID, memberUIDs[0])
	}
	return memberUIDs[n.tried%len(memberUIDs)]
}

// another says that the one tried was in vain.
func (b *book) another(a netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.notes[a]; n != nil {
		n.tried++
	}
}

// show notes how a member is shown, nil if it is none now.
func (b *book) show(a netip.AddrPort, m *membership.Member) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.notes[a]; n != nil {
		n.shown = m
	}
}

// member returns how a process is shown; ok is false if it is no member.
func (b *book) member(a netip.AddrPort) (m membership.Member, ok bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if n := b.notes[a]; n != nil && n.shown != nil {
		return *n.shown, true
	}
	return m, false
}

// isPeer says whether the configuration names a process.
func (b *book) isPeer(a netip.AddrPort) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	n := b.notes[a]
	return n != nil && n.peer
}

// has says whether a process is in the book.
func (b *book) has(a netip.AddrPort) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.notes[a] != nil
}
