package upstream

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gotribes/tribes/membership"
)

// The word load of a target holds three things, so that a pick is one atomic
// step: how many requests wait for the first byte of their answer, whether the
// target is shut, and how many requests are in flight.
const (
	oneWaiting  uint64 = 1
	waitingMask uint64 = 1<<31 - 1
	shutBit     uint64 = 1 << 31
	oneInFlight uint64 = 1 << 32
)

// fullShare is the share of a target that is neither new nor returning.
const fullShare = 1 << 16

// A target is one member of a pool: one run of a process, at one address.
type target struct {
	load   atomic.Uint64
	share  atomic.Uint32 // of requests: 0 is passed over, up to fullShare
	weight atomic.Uint32

	id      membership.ID
	port    string // that it publishes
	address string // host:port of its server, made of the member's address and port
	seed    uint64 // for hashing: of the address, so that a restart keeps its keys
	cookie  string // what stands for it in a cookie; "" without Options.Sticky

	member   atomic.Pointer[membership.Member] // as last seen
	failures atomic.Int32                      // in a row
	ramping  atomic.Bool                       // the clock has to look at its share
	reported atomic.Int64                      // when a failure was last reported, in nanoseconds
	outcomes [outcomes]atomic.Uint64

	mu      sync.Mutex // guards what follows
	circuit circuit
	release func()                // to be called when nobody waits any more
	watched map[*attempt]struct{} // requests that can be taken back
}

func newTarget(m *membership.Member, port, address string) *target {
	t := &target{id: m.ID, port: port, address: address, seed: hashString(address)}
	t.share.Store(fullShare)
	t.member.Store(m)
	return t
}

func inFlight(load uint64) uint64 { return load >> 32 }

// take counts one more request; false: the target is shut and gets none.
func (t *target) take() bool {
	if t.load.Add(oneInFlight|oneWaiting)&shutBit == 0 {
		return true
	}
	t.give(oneInFlight | oneWaiting)
	return false
}

// give takes a request, or the waiting of one, off the counts.
func (t *target) give(n uint64) {
	v := t.load.Add(-n)
	if v&shutBit != 0 && v&waitingMask == 0 {
		t.quiet()
	}
}

// shut has the target take nothing more. hold is called if requests wait for an
// answer, and what it returns when none does any more.
//
// Who takes and who shuts both write the same word: either take sees the bit,
// or shut sees the request.
func (t *target) shut(hold func() func()) {
	if t.load.Or(shutBit)&waitingMask == 0 {
		return
	}
	release := hold()
	t.mu.Lock()
	t.release = release
	t.mu.Unlock()
	if t.load.Load()&waitingMask == 0 {
		t.quiet() // the last one was answered before it could see the function
	}
}

// quiet says that nobody waits for an answer of a target that is shut.
func (t *target) quiet() {
	t.mu.Lock()
	release := t.release
	t.release = nil
	t.mu.Unlock()
	if release != nil {
		release()
	}
}

// An attempt is one request at one target that may be taken back while it is
// not answered.
type attempt struct {
	cancel context.CancelCauseFunc
	sticky bool // stays while its member is only suspect
}

// watch has a later doubt take the attempt back.
func (t *target) watch(a *attempt) {
	t.mu.Lock()
	if t.watched == nil {
		t.watched = make(map[*attempt]struct{})
	}
	t.watched[a] = struct{}{}
	t.mu.Unlock()
}

func (t *target) unwatch(a *attempt) {
	t.mu.Lock()
	delete(t.watched, a)
	t.mu.Unlock()
}

// doubt takes requests back: all if the member is gone, those that are not
// sticky if it is suspect.
func (t *target) doubt(gone bool) {
	var back []*attempt
	t.mu.Lock()
	for a := range t.watched {
		if gone || !a.sticky {
			back = append(back, a)
			delete(t.watched, a)
		}
	}
	t.mu.Unlock()
	for _, a := range back {
		a.cancel(errInDoubt)
	}
}

// reportEvery is how often a failure of one member is reported.
const reportEvery = time.Second

// report tells the group that the member could not be used, unless that was
// done just now.
func (p *Pool) report(t *target, err error) {
	now := int64(time.Since(p.began)) + 1
	last := t.reported.Load()
	if last != 0 && now-last < int64(reportEvery) || !t.reported.CompareAndSwap(last, now) {
		return
	}
	p.group.ReportFailure(t.id, err)
}

// weightOf reads a member's weight.
func weightOf(m *membership.Member, property string) uint32 {
	text, ok := m.LookupProperty(property)
	if !ok {
		return 1
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n > weightMost {
		return 1
	}
	return uint32(n)
}
