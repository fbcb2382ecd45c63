// Package traffic keeps what a balancer has had of requests lately, for each
// domain and each of its members: how many a second, how many failed, how long
// they took. It is for people who look; for graphs there are metrics.
package traffic

import (
	"sync"
	"time"

	"github.com/gotribes/tribes/membership"
)

// Window is the time that rates and latencies are about.
const Window = 10 * time.Second

// HistorySeconds is how far back the History of a domain goes.
const HistorySeconds = 60

// slots is how many whole seconds the Window has.
const slots = int64(Window / time.Second)

// mostMembers bounds the members that are counted one by one. Requests of
// further ones are counted for their domain alone.
const mostMembers = 20_000

// Figures are what is known of a domain or a member.
type Figures struct {
	Requests, Errors uint64        // since the first one
	PerSecond        float64       // requests, within the Window
	ErrorsPerSecond  float64       // the same
	Median, Slow     time.Duration // until the first byte, within the Window: of half and of 99 % at most; 0 if there were none
}

// A Book keeps the counts. Its methods may be called from many goroutines. The
// zero value is empty and ready.
type Book struct {
	mu      sync.RWMutex // for the maps alone
	domains map[string]*counter
	members map[key]*counter
}

type key struct {
	domain string
	id     membership.ID
}

// Count counts a request that is over. The zero ID is nobody. took is the time
// until the first byte of the answer; it does not count if it is 0.
func (b *Book) Count(domain string, id membership.ID, failed bool, took time.Duration) {
	now := time.Now().Unix()
	d, m := b.counters(key{domain, id})
	d.count(now, failed, took)
	if m != nil {
		m.count(now, failed, took)
	}
}

// counters finds those of a domain and a member, or makes them. The latter is nil
// for nobody, and if there are too many.
func (b *Book) counters(k key) (d, m *counter) {
	b.mu.RLock()
	d, m = b.domains[k.domain], b.members[k]
	b.mu.RUnlock()
	nobody := k.id == membership.ID{}
	if d != nil && (m != nil || nobody) {
		return d, m
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.domains == nil {
		b.domains, b.members = map[string]*counter{}, map[key]*counter{}
	}
	if d = b.domains[k.domain]; d == nil {
		d = newCounter(HistorySeconds)
		b.domains[k.domain] = d
	}
	if m = b.members[k]; m == nil && !nobody && len(b.members) < mostMembers {
		m = newCounter(slots)
		b.members[k] = m
	}
	return d, m
}

// Domain gives the figures of a domain.
func (b *Book) Domain(domain string) Figures {
	b.mu.RLock()
	c := b.domains[domain]
	b.mu.RUnlock()
	return c.figures(time.Now().Unix())
}

// A Second is what came in one second.
type Second struct{ Requests, Errors int }

// History gives the last HistorySeconds whole seconds of a domain, the oldest
// first; nil if it never had a request.
func (b *Book) History(domain string) []Second {
	b.mu.RLock()
	c := b.domains[domain]
	b.mu.RUnlock()
	return c.history(time.Now().Unix())
}

// Member gives the figures of a member.
func (b *Book) Member(domain string, id membership.ID) Figures {
	b.mu.RLock()
	c := b.members[key{domain, id}]
	b.mu.RUnlock()
	return c.figures(time.Now().Unix())
}

// Keep forgets the members of a domain that are not to be kept.
func (b *Book) Keep(domain string, keep func(membership.ID) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.members {
		if k.domain == domain && !keep(k.id) {
			delete(b.members, k)
		}
	}
}
