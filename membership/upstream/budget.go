package upstream

import "sync/atomic"

// budgetSlots is how many seconds the budget looks back.
const budgetSlots = 10

// A budget bounds repeats: to a reserve, and to a part of the requests, within
// a window of time that shift moves.
type budget struct {
	reserve  float64
	part     float64
	requests atomic.Uint64 // since the start
	repeats  atomic.Uint64
	before   atomic.Pointer[spent] // as it was when the window began

	slots [budgetSlots]spent // the clock's alone
	slot  int
}

type spent struct{ requests, repeats uint64 }

func (b *budget) init(o *Options) {
	b.reserve, b.part = float64(o.RepeatReserve), o.RepeatBudget
	b.before.Store(&spent{})
}

// allow says whether a repeat may be made, and counts it.
func (b *budget) allow() bool {
	before := b.before.Load()
	repeats := b.repeats.Add(1) - before.repeats
	requests := b.requests.Load() - before.requests
	if float64(repeats) <= b.reserve+b.part*float64(requests) {
		return true
	}
	b.repeats.Add(^uint64(0))
	return false
}

// shift moves the window by a slot.
func (b *budget) shift() {
	oldest := b.slots[b.slot]
	b.slots[b.slot] = spent{b.requests.Load(), b.repeats.Load()}
	b.slot = (b.slot + 1) % budgetSlots
	b.before.Store(&oldest)
}
