package upstream

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"github.com/gotribes/tribes/membership"
)

// A Want says what a request needs. The zero value needs nothing special.
type Want struct {
	Key    string          // what Hashed goes by; "" is the better of two picked at random
	Member membership.ID   // who is to get it if it can be had, draining too: what is sticky; zero is nobody
	Avoid  []membership.ID // who is not to get it, as they were tried in vain
	// Only says which servers can be had at all, by their host:port; nil is all.
	Only func(address string) bool

	target *target // as Member, found by a cookie
}

// A Pick is one member picked for one request, and that request's place in the
// counts. Call Done when it is over, and Answered when the first byte of the
// answer is there. A Pick is used by one goroutine at a time and not copied.
type Pick struct {
	pool    *Pool
	target  *target
	waiting bool // not answered
	told    bool // an outcome was counted
}

// Member returns the member as it was last seen.
func (k *Pick) Member() membership.Member { return *k.target.member.Load() }

// Address returns host:port of the member's server.
func (k *Pick) Address() string { return k.target.address }

// Answered says that the first byte of the answer is there: a member that
// leaves need not wait for this request any more.
func (k *Pick) Answered() {
	if k.waiting {
		k.waiting = false
		k.target.give(oneWaiting)
	}
}

// An Outcome says how a request ended.
type Outcome uint8

// The outcomes.
const (
	Succeeded   Outcome = iota // answered
	Failed                     // answered, but see Options.Fails
	Unreachable                // not sent: no connection could be made
	Broken                     // sent, and the connection broke before an answer
	Abandoned                  // given up, by the client or for want of an answer; no fault is proven
	outcomes
)

var outcomeNames = [outcomes]string{"succeeded", "failed", "unreachable", "broken", "abandoned"}

// String returns the outcome's name, as "succeeded".
func (o Outcome) String() string {
	if o < outcomes {
		return outcomeNames[o]
	}
	return "outcome"
}

// tell counts how the request went, once. err is for whoever looks into a
// failure.
func (k *Pick) tell(o Outcome, err error) {
	if k.told {
		return
	}
	k.told = true
	t := k.target
	t.outcomes[o].Add(1)
	switch o {
	case Succeeded:
		t.succeeded()
	case Failed, Broken, Unreachable:
		k.pool.failed(t, o == Unreachable)
		k.pool.report(t, err)
	}
}

// Done says that the request is over. err is what it met, for the log of
// whoever looks into a failure; nil for Succeeded. Further calls do nothing.
func (k *Pick) Done(o Outcome, err error) {
	if k.target == nil {
		return
	}
	k.tell(o, err)
	n := oneInFlight
	if k.waiting {
		n |= oneWaiting
	}
	k.target.give(n)
	k.target, k.waiting = nil, false
}

// Pick picks a member for a request. The error is an *EmptyError if there is
// none, or ErrClosed.
func (p *Pool) Pick(w Want) (Pick, error) {
	if w.free() && w.Member == (membership.ID{}) {
		if t := p.quick(p.table.Load()); t != nil && t.take() {
			return Pick{pool: p, target: t, waiting: true}, nil
		}
	}
	t, err := p.pick(&w)
	if err != nil {
		return Pick{}, err
	}
	return Pick{pool: p, target: t, waiting: true}, nil
}

func (p *Pool) pick(w *Want) (*target, error) {
	for range 1000 { // each further round means that another change was applied meanwhile
		tb := p.table.Load()
		t := p.choose(tb, w)
		if t == nil {
			return nil, tb.empty(p, len(w.Avoid), nil)
		}
		if t.take() {
			return t, nil
		}
	}
	return nil, &EmptyError{Domain: p.table.Load().domain, Reason: "its members change too fast"}
}

// quick is choose for what is asked for nearly always: no special wants, nobody
// new, returning or passed over. nil: let choose see to it.
func (p *Pool) quick(tb *table) *target {
	r := &tb.tier[preferred]
	n := uint32(len(r.list))
	if n == 0 || !r.even && p.o.Policy != RoundRobin {
		return nil
	}
	var t *target
	switch p.o.Policy {
	case RoundRobin, Weighted:
		t = r.list[(p.turns.Add(1)-1)%n]
	case TwoChoices:
		both := [2]*target{}
		both[0], both[1] = pair(r.list)
		if both[0].share.Load()&both[1].share.Load() != fullShare {
			return nil
		}
		// The sign of the difference: no branch, as it goes one way or the other.
		return both[(both[1].load.Load()>>32-both[0].load.Load()>>32)>>63]
	default:
		return nil
	}
	if s := t.share.Load(); s != fullShare && rand.Uint32()&(fullShare-1) >= s {
		return nil
	}
	return t
}

// choose finds a target: the one that is wanted, the best tier's, one that is
// passed over, and last one that was lost.
func (p *Pool) choose(tb *table, w *Want) *target {
	if t := p.wanted(tb, w); t != nil {
		return t
	}
	for i := range tb.tier {
		if r := &tb.tier[i]; len(r.list) > 0 {
			if t := p.draw(r, w); t != nil {
				return t
			}
		}
	}
	// All are passed over: one of them is still better than nobody.
	for i := range tb.tier {
		if t := p.any(&tb.tier[i], w); t != nil {
			return t
		}
	}
	if len(tb.lost.list) > 0 && time.Now().Before(tb.lostUntil) {
		return p.any(&tb.lost, w)
	}
	return nil
}

// wanted returns the target that a sticky request asks for, if it can be had.
func (p *Pool) wanted(tb *table, w *Want) *target {
	t := w.target
	if t == nil {
		if w.Member == (membership.ID{}) {
			return nil
		}
		t = tb.byID[w.Member]
	}
	if t == nil || tb.byID[t.id] != t || t.share.Load() == 0 || !w.may(t) || t.load.Load()&shutBit != 0 {
		return nil
	}
	return t
}

func (w *Want) may(t *target) bool {
	return !slices.Contains(w.Avoid, t.id) && (w.Only == nil || w.Only(t.address))
}

// open says that a target may have a request now. One whose share grows says so
// as often as its share is.
func (w *Want) open(t *target) bool {
	s := t.share.Load()
	if s == fullShare || s > 0 && rand.Uint32()&(fullShare-1) < s {
		return w.free() || w.may(t)
	}
	return false
}

func (w *Want) free() bool { return w.Avoid == nil && w.Only == nil }

// draws is how often another one is drawn in place of one that may not.
const draws = 4

// draw picks from a tier by the pool's policy; nil: all are passed over.
func (p *Pool) draw(r *tier, w *Want) *target {
	policy := p.o.Policy
	if policy == Hashed {
		if w.Key != "" {
			return p.byKey(r, w)
		}
		policy = TwoChoices
	}
	if policy == LeastInFlight {
		return least(r, w)
	}
	for range draws {
		var t *target
		switch {
		case policy == TwoChoices:
			t = two(r.list)
		case policy == Weighted && !r.even:
			t = p.byWeight(r)
		default:
			t = r.list[(p.turns.Add(1)-1)%uint32(len(r.list))]
		}
		if w.open(t) {
			return t
		}
	}
	return firstOf(r, w, func(t *target) bool { return t.share.Load() > 0 })
}

// any picks from a tier without regard to who is passed over.
func (p *Pool) any(r *tier, w *Want) *target {
	return firstOf(r, w, func(*target) bool { return true })
}

// firstOf looks through a whole tier, from somewhere on.
func firstOf(r *tier, w *Want, is func(*target) bool) *target {
	n := len(r.list)
	if n == 0 {
		return nil
	}
	from := rand.IntN(n)
	for i := range n {
		if t := r.list[(from+i)%n]; is(t) && w.may(t) {
			return t
		}
	}
	return nil
}

// lighter says that a is a better choice than b: fewer requests in flight for
// its weight and share, the new one counted.
func lighter(a, b *target) bool {
	sa, sb := uint64(a.share.Load()), uint64(b.share.Load())
	wa, wb := uint64(a.weight.Load()), uint64(b.weight.Load())
	fa, fb := inFlight(a.load.Load())+1, inFlight(b.load.Load())+1
	if sa == sb && wa == wb {
		return fa < fb
	}
	return fa*sb*wb < fb*sa*wa
}

// pair returns two different ones at random; the same twice if there is one.
func pair(list []*target) (a, b *target) {
	n := uint64(len(list))
	if n == 1 {
		return list[0], list[0]
	}
	r := rand.Uint64()
	i := r >> 32 * n >> 32
	j := r & (1<<32 - 1) * (n - 1) >> 32
	j += (i - j - 1) >> 63 // one more if j >= i, without a branch that nobody can foresee
	return list[i], list[j]
}

// two returns the better of two picked at random.
func two(list []*target) *target {
	a, b := pair(list)
	if lighter(b, a) {
		return b
	}
	return a
}

// least returns the best of all that may; among equals, from somewhere on.
func least(r *tier, w *Want) *target {
	var best *target
	n := len(r.list)
	from := rand.IntN(n)
	for i := range n {
		t := r.list[(from+i)%n]
		if t.share.Load() > 0 && w.may(t) && (best == nil || lighter(t, best)) {
			best = t
		}
	}
	return best
}

// golden steps through all of 64 bits so that any row of steps is spread evenly.
const golden = 0x9e3779b97f4a7c15

// byWeight returns each target as often as its weight says, evenly spread.
func (p *Pool) byWeight(r *tier) *target {
	at, _ := bits.Mul64(p.steps.Add(golden), r.sums[len(r.sums)-1])
	return r.list[sort.Search(len(r.sums), func(i int) bool { return r.sums[i] > at })]
}
