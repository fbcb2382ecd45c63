package upstream

import "time"

const (
	openFirst = time.Second // that a member is passed over, twice as long each time
	openMost  = 30 * time.Second
	leastPart = 20 // a share that grows begins at one part of this
	tickFast  = 50 * time.Millisecond
	tickSlow  = time.Second
)

// A circuit is why a target's share is not full: it is passed over until a
// time, or its share grows. The zero circuit is closed.
type circuit struct {
	opened int       // times in a row
	until  time.Time // passed over until then; zero: it is not
	since  time.Time // the share grows since then; zero: it is full
	span   time.Duration
}

// grow has the target's share grow from now on.
func (t *target) grow(now time.Time, span time.Duration) {
	if span <= 0 {
		return
	}
	t.mu.Lock()
	t.circuit.since, t.circuit.span = now, span
	t.share.Store(fullShare / leastPart)
	t.ramping.Store(true)
	t.mu.Unlock()
}

// failed counts a failure. hard: one is enough.
func (p *Pool) failed(t *target, hard bool) {
	n := t.failures.Add(1)
	if p.o.Failures < 0 || !hard && int(n) < p.o.Failures {
		return
	}
	now := time.Now()
	t.mu.Lock()
	if c := &t.circuit; c.until.IsZero() {
		wait := min(openFirst<<min(c.opened, 5), openMost)
		c.opened++
		c.until, c.since = now.Add(wait), time.Time{}
		t.share.Store(0)
		t.ramping.Store(true)
	}
	t.mu.Unlock()
	p.poke()
}

// succeeded ends a row of failures.
func (t *target) succeeded() {
	if t.failures.Load() != 0 {
		t.failures.Store(0)
	}
}

// advance moves the share with the time, and says whether it is still on its
// way.
func (t *target) advance(now time.Time, slowReturn time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &t.circuit
	if !c.until.IsZero() {
		if now.Before(c.until) {
			return true
		}
		c.until, c.since, c.span = time.Time{}, now, slowReturn
		t.failures.Store(0)
	}
	passed := now.Sub(c.since)
	if c.since.IsZero() || c.span <= 0 || passed >= c.span {
		*c = circuit{}
		t.share.Store(fullShare)
		t.ramping.Store(false)
		return false
	}
	t.share.Store(max(fullShare/leastPart, uint32(fullShare*passed.Seconds()/c.span.Seconds())))
	return true
}

// tick is the pool's clock: it moves shares while some are on their way, and
// the budget's window each second.
func (p *Pool) tick() {
	timer := time.NewTimer(tickSlow)
	defer timer.Stop()
	next := time.Now().Add(tickSlow)
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.poked:
		case <-timer.C:
		}
		now := time.Now()
		if !now.Before(next) {
			p.budget.shift()
			next = now.Add(tickSlow)
		}
		wait := next.Sub(now)
		if p.advance(now) {
			wait = min(wait, tickFast)
		}
		timer.Reset(wait)
	}
}

// advance moves all shares, and says whether some are still on their way.
func (p *Pool) advance(now time.Time) (more bool) {
	for _, t := range p.table.Load().byID {
		if t.ramping.Load() {
			more = t.advance(now, p.o.SlowReturn) || more
		}
	}
	return more
}

// poke has the clock look at shares soon.
func (p *Pool) poke() {
	select {
	case p.poked <- struct{}{}:
	default:
	}
}
