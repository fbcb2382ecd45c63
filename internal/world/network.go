package world

import "time"

// Faults of the network. All may be set and taken back at any time.

// CutOneWay makes a black hole: nothing that from sends arrives at to. As in
// TCP a dial then fails in both directions, and what to sends still arrives
// until its window is full, since the acknowledgements are lost.
func (w *World) CutOneWay(from, to *Host) {
	w.trace("cut %s -> %s", from.address, to.address)
	w.cut[[2]string{from.address, to.address}] = true
}

// Cut makes a black hole in both directions.
func (w *World) Cut(a, b *Host) {
	w.cut[[2]string{a.address, b.address}] = true
	w.cut[[2]string{b.address, a.address}] = true
	w.trace("cut %s <-> %s", a.address, b.address)
}

// Partition cuts hosts of different groups from each other.
func (w *World) Partition(groups ...[]*Host) {
	for i, g := range groups {
		for j, other := range groups {
			if i == j {
				continue
			}
			for _, a := range g {
				for _, b := range other {
					w.cut[[2]string{a.address, b.address}] = true
				}
			}
		}
	}
	w.trace("partition into %d", len(groups))
}

// Heal ends all cuts and losses.
func (w *World) Heal() {
	clear(w.cut)
	clear(w.loss)
	w.allOut = 0
	w.trace("heal")
	w.release()
}

// HealBetween ends the cuts between two hosts.
func (w *World) HealBetween(a, b *Host) {
	delete(w.cut, [2]string{a.address, b.address})
	delete(w.cut, [2]string{b.address, a.address})
	w.trace("heal %s <-> %s", a.address, b.address)
	w.release()
}

// release delivers what was held back, after the sender's next retransmission.
func (w *World) release() {
	for _, h := range w.order {
		for _, c := range h.conns {
			for d := range c.dirs {
				c.dirs[d].release(c, d)
			}
		}
	}
}

// Loss makes segments to a host be lost with a probability; TCP makes them
// late.
func (w *World) Loss(to *Host, p float64) {
	w.loss[to.address] = p
	w.trace("loss %.2f to %s", p, to.address)
}

// LossEverywhere does so for all hosts.
func (w *World) LossEverywhere(p float64) {
	w.allOut = p
	w.trace("loss %.2f everywhere", p)
}

func (w *World) blocked(from, to string) bool {
	return len(w.cut) > 0 && w.cut[[2]string{from, to}]
}

func (w *World) lossTo(to string) float64 {
	if len(w.loss) == 0 {
		return w.allOut
	}
	if p, ok := w.loss[to]; ok {
		return p
	}
	return w.allOut
}

// segment returns how long a segment takes to a host: the delay, and 0.2, 0.4,
// 0.8 … s for each time that it is lost.
func (w *World) segment(to string) time.Duration {
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
func (w *World) exchange(from, to string) (time.Duration, bool) {
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
