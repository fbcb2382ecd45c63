package world

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gotribes/tribes/internal/machine"
)

// Options of a world. The zero value is a network with 1 ms of delay.
type Options struct {
	Seed    uint64
	Delay   time.Duration // one way; 0: 1 ms
	Service time.Duration // that a host needs for a handshake, one after another; 0: none
	Bytes   bool          // count bytes, which costs time
	Trace   func(line string)

	// AuditEvery is how often each machine is looked over as a whole; 0: once
	// a second. Its bounds are looked at after every step.
	AuditEvery time.Duration
}

// A World holds hosts and lets time pass.
type World struct {
	opt   Options
	rng   *rand.Rand
	now   time.Duration
	seq   uint64
	queue queue

	hosts   map[string]*Host // by address
	order   []*Host
	names   map[string][]string
	ends    []linkEnd         // by LinkID
	cut     map[[2]*Host]bool // from, to: nothing arrives
	islands int               // partitions so far
	parted  bool              // there is one, maybe
	allOut  float64           // loss everywhere
	broken  []string          // findings
	size    meter

	Count Counts
}

// New makes a world.
func New(o Options) *World {
	if o.Delay == 0 {
		o.Delay = time.Millisecond
	}
	if o.AuditEvery == 0 {
		o.AuditEvery = time.Second
	}
	return &World{
		opt: o, rng: rand.New(rand.NewPCG(o.Seed, 0x7472696265730000)),
		ends:  make([]linkEnd, 1), // a LinkID is never 0
		hosts: map[string]*Host{}, names: map[string][]string{}, cut: map[[2]*Host]bool{},
	}
}

// Now returns the time since the world began.
func (w *World) Now() time.Duration { return w.now }

// Rand returns the world's source of randomness, for schedules.
func (w *World) Rand() *rand.Rand { return w.rng }

// Findings returns what was seen that must not be, in order.
func (w *World) Findings() []string { return w.broken }

func (w *World) find(format string, args ...any) {
	if len(w.broken) < 100 {
		w.broken = append(w.broken, fmt.Sprintf("%12s ", w.now)+fmt.Sprintf(format, args...))
	}
}

func (w *World) trace(format string, args ...any) {
	if w.opt.Trace != nil {
		w.opt.Trace(fmt.Sprintf("%12s ", w.now) + fmt.Sprintf(format, args...))
	}
}

// At runs f at a moment from now on.
func (w *World) At(at time.Duration, f func()) { w.at(at, call(f)) }

func (w *World) at(at time.Duration, what happening) {
	w.seq++
	w.queue.push(event{at: max(at, w.now), seq: w.seq, do: what})
}

// After runs f once d has passed.
func (w *World) After(d time.Duration, f func()) { w.At(w.now+d, f) }

// Run lets d pass.
func (w *World) Run(d time.Duration) {
	end := w.now + d
	for len(w.queue) > 0 && w.queue[0].at <= end {
		e := w.queue.pop()
		w.now = e.at
		e.do.happen()
	}
	w.now = end
}

// RunUntil lets time pass until ok holds, looking every step, for at most d.
// It returns how long it took and whether ok holds.
func (w *World) RunUntil(d, step time.Duration, ok func() bool) (time.Duration, bool) {
	start := w.now
	for {
		if ok() {
			return w.now - start, true
		}
		if w.now-start >= d {
			return w.now - start, false
		}
		w.Run(step)
	}
}

// Name sets what a DNS name resolves to; no addresses: an error.
func (w *World) Name(name string, addresses ...string) { w.names[name] = addresses }

// Host returns the host with an address, making it if there is none.
func (w *World) Host(address string) *Host {
	h := w.hosts[address]
	if h == nil {
		h = &Host{w: w, address: address, index: len(w.order), powered: true, sum: w.hostSum()}
		w.hosts[address] = h
		w.order = append(w.order, h)
	}
	return h
}

// Hosts returns all hosts in the order in which they were made.
func (w *World) Hosts() []*Host { return w.order }

// Audit looks over the machines as a whole: over each, or over a hundred of
// more than a thousand.
func (w *World) Audit() {
	every := 1
	if len(w.order) > 1000 {
		every = len(w.order) / 100
	}
	for i := 0; i < len(w.order); i += every {
		h := w.order[i]
		if h.proc == nil {
			continue
		}
		if err := h.proc.m.Audit(true); err != nil {
			w.find("%s: %s", h.address, err)
		}
	}
}

func (w *World) newLink(end linkEnd) machine.LinkID {
	w.ends = append(w.ends, end)
	return machine.LinkID(len(w.ends) - 1)
}
