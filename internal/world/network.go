package world

import "time"

// Faults of the network. All may be set and taken back at any time.

// CutOneWay makes a black hole: nothing that from sends arrives at to. As in
// TCP a dial then fails in both directions, and what to sends still arrives
// until its window is full, since the acknowledgements are lost.
func (w *World) CutOneWay(from, to *Host) {
	w.trace("cut %s -> %s", from.address, to.address)
	w.cut[[2]*Host{from, to}] = true
}

// Cut makes a black hole in both directions.
func (w *World) Cut(a, b *Host) {
	w.cut[[2]*Host{a, b}] = true
	w.cut[[2]*Host{b, a}] = true
	w.trace("cut %s <-> %s", a.address, b.address)
}

// Partition cuts hosts of different groups from each other.
func (w *World) Partition(groups ...[]*Host) {
	w.islands++
	w.parted = true
	for i, g := range groups {
		for _, h := range g {
			h.island = w.islands<<16 + i
		}
	}
	w.trace("partition into %d", len(groups))
}

// Heal ends all cuts and losses.
func (w *World) Heal() {
	clear(w.cut)
	for _, h := range w.order {
		h.loss, h.island = 0, 0
	}
	w.allOut, w.parted = 0, false
	w.trace("heal")
	w.release()
}

// HealBetween ends the cuts between two hosts.
func (w *World) HealBetween(a, b *Host) {
	delete(w.cut, [2]*Host{a, b})
	delete(w.cut, [2]*Host{b, a})
	w.trace("heal %s <-> %s", a.address, b.address)
	w.release()
}

// release delivers what was held back, after the sender's next retransmission.
func (w *World) release() {
	for _, h := range w.order {
		for _, c := range h.conns {
			for d := range c.dirs {
				c.dirs[d].release()
			}
		}
	}
}

// Loss makes segments to a host be lost with a probability; TCP makes them
// late.
func (w *World) Loss(to *Host, p float64) {
	to.loss = p
	w.trace("loss %.2f to %s", p, to.address)
}

// LossEverywhere does so for all hosts.
func (w *World) LossEverywhere(p float64) {
	w.allOut = p
	w.trace("loss %.2f everywhere", p)
}

// StallLinks makes whatever is between forget all connections of a host
// without a word: nothing comes through them any more, while new ones work.
func (h *Host) StallLinks() {
	h.w.trace("stall links of %s", h.address)
	for _, c := range h.conns {
		c.stalled = true
	}
}

// blocked says that nothing that from sends arrives at to. Hosts of no island
// reach everybody.
func (w *World) blocked(from, to *Host) bool {
	if w.parted && from.island != to.island && from.island != 0 && to.island != 0 && from.island>>16 == to.island>>16 {
		return true
	}
	return len(w.cut) > 0 && w.cut[[2]*Host{from, to}]
}

func (w *World) lossTo(to *Host) float64 {
	if to.loss > 0 {
		return to.loss
	}
	return w.allOut
}

// segment returns how long a segment takes to a host: the delay, and 0.2, 0.4,
// 0.8 … s for each time that it is lost.
func (w *World) segment(to *Host) time.Duration {
	d := w.delay()
	if p := w.lossTo(to); p > 0 {
		d += w.retries(p, 200*time.Millisecond)
	}
	return d
}

func (w *World) delay() time.Duration {
	// A tenth of jitter, so that runs do not go in step.
	return w.opt.Delay*9/10 + time.Duration(w.rng.Int64N(int64(w.opt.Delay)/5+1))
}

func (w *World) retries(p float64, first time.Duration) time.Duration {
	var d time.Duration
	for wait := first; w.rng.Float64() < p && d < time.Minute; wait *= 2 {
		d += wait
	}
	return d
}

// exchange returns how long a dial with its handshake takes, and whether it
// gets through at all.
func (w *World) exchange(from, to *Host) (time.Duration, bool) {
	if w.blocked(from, to) || w.blocked(to, from) {
		return 0, false
	}
	d := 4 * w.delay()
	if pf, pt := w.lossTo(from), w.lossTo(to); pf > 0 || pt > 0 {
		d += w.retries(1-(1-pf)*(1-pt), time.Second)
		d += w.retries(pt, 200*time.Millisecond) + w.retries(pf, 200*time.Millisecond)
	}
	return d, true
}
