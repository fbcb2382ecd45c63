package machine

import "container/heap"

// A timer calls a function once, at a moment. Timers of one moment run in the
// order in which they were made.
type timer struct {
	at  Time
	seq uint64
	run func()
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)   { *h = append(*h, x.(*timer)) }
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return t
}

// after runs f once d has passed. There is no way to stop a timer: f looks
// whether what it was made for still stands.
func (m *Machine) after(d Time, f func()) {
	m.timerSeq++
	heap.Push(&m.timers, &timer{at: m.now + d, seq: m.timerSeq, run: f})
}

// jitter returns a random time in [d/2, d).
func (m *Machine) jitter(d Time) Time { return d/2 + Time(m.rng.Int64N(int64(d/2)+1)) }

// within returns a random time in [0, d).
func (m *Machine) within(d Time) Time { return Time(m.rng.Int64N(int64(d) + 1)) }
