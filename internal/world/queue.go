package world

import "time"

// An event is something that happens at a moment. Events of one moment happen
// in the order in which they were made.
type event struct {
	at  time.Duration
	seq uint64
	do  happening
}

// happening is what an event does. The frequent ones, an arrival and an alarm,
// are parts of what they happen to, so that making one allocates nothing.
type happening interface{ happen() }

type call func()

func (f call) happen() { f() }

// queue is a binary heap without the indirections of container/heap.
type queue []event

func (q queue) less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}

func (q *queue) push(e event) {
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.less(i, up) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (q *queue) pop() event {
	h := *q
	top := h[0]
	last := len(h) - 1
	h[0] = h[last]
	h[last] = event{}
	h = h[:last]
	*q = h
	for i := 0; ; {
		k := 2*i + 1
		if k >= last {
			break
		}
		if k+1 < last && h.less(k+1, k) {
			k++
		}
		if !h.less(k, i) {
			break
		}
		h[i], h[k] = h[k], h[i]
		i = k
	}
	return top
}
