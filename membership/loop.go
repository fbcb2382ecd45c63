package membership

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

const (
	inputsMost   = 256 // inputs that wait for the loop; then whoever has one waits
	inputsBehind = 32  // the loop does not keep up: what it has not read is not silence
)

// An input is one thing that has happened. It is a value, so that a heartbeat
// costs no memory: without msg and run it is one.
type input struct {
	link machine.LinkID
	beat wire.Beat
	msg  wire.Message
	run  func(now machine.Time)

	turns chan struct{} // of the link, from which this takes one; nil: it did not wait
}

// A loop owns a node's machine: it hands inputs in, one after the other, and
// performs what comes out. It is the only one that reads a clock. It never
// waits but for inputs. All of it happens on its one goroutine, but for what a
// link brings while it is idle: see takeNow.
type loop struct {
	node  *Node
	step  sync.Mutex   // held by whoever hands an input in; readers only try it
	timer *time.Timer  // of the loop's goroutine; whoever hands an input in sets it
	due   machine.Time // when it runs out

	m     *machine.Machine
	epoch time.Time
	in    chan input
	wake  chan struct{} // some group's applied view may have moved
	log   *logger
	limit *logLimit

	links    map[machine.LinkID]*conn
	lastLink machine.LinkID
	cancels  map[machine.AttemptID]context.CancelFunc
	encoder  wire.Encoder
	encoded  wire.Message // what encoder holds; nil: something else
	lately   wire.Lately  // what links have brought lately
	sending  []*conn      // links that this step has sent something over
	settling bool         // joined, but not all that is known is published yet
	parted   bool         // has said that it has left
	flushed  chan struct{}
	taken    []*Group // in which views were published in this step

	barred map[ID]machine.Time // who has flooded this node, until when

	served atomic.Pointer[[]transport.Domain] // what handshakes say
	counts counts
	asks   asks
}

func newLoop(n *Node) *loop {
	l := &loop{
		node: n, epoch: time.Now(), in: make(chan input, inputsMost), wake: make(chan struct{}, 1),
		links:   make(map[machine.LinkID]*conn),
		cancels: make(map[machine.AttemptID]context.CancelFunc),
		barred:  make(map[ID]machine.Time),
		flushed: make(chan struct{}),
		timer:   time.NewTimer(time.Hour), // until the loop runs
	}
	l.log = n.cfg.logger()
	l.limit = &logLimit{log: l.log, now: l.now}
	l.served.Store(new([]transport.Domain))
	return l
}

// now returns the time since the node's start. It is monotonic.
func (l *loop) now() machine.Time { return time.Since(l.epoch) }

// wall returns the time of day of a moment.
func (l *loop) wall(at machine.Time) time.Time { return l.epoch.Add(at) }

// begin gives the machine its first input, before the loop's goroutine runs.
func (l *loop) begin() {
	l.node.groups.add(newGroup(l.node, l.node.cfg.Domain))
	names, _ := l.node.cfg.managed()
	for _, d := range names {
		l.node.groups.add(newGroup(l.node, d))
	}
	l.m.Start(l.now())
	l.serve()
	l.after()
}

// run is the loop. It ends with the node.
func (l *loop) run() {
	l.step.Lock()
	l.timer.Reset(l.rest())
	l.step.Unlock()
	defer l.timer.Stop()
	for {
		select {
		case in := <-l.in:
			if in.msg != nil && len(l.in) == 0 {
				// What has come over other links meanwhile can be flooded together
				// with this, if their readers have a turn first.
				runtime.Gosched()
			}
			l.step.Lock()
			now := l.now()
			waiting := len(l.in)
			switch {
			case waiting >= inputsBehind:
				l.m.Behind(now)
			case waiting == 0:
				l.m.CaughtUp()
			}
			l.m.More(waiting > 0)
			l.take(in, now)
		case <-l.timer.C:
			l.step.Lock()
		case <-l.wake:
			l.step.Lock()
			l.confirm()
		case <-l.node.ctx.Done():
			return
		}
		if now := l.now(); now >= l.m.Next() && !l.parted {
			l.m.Tick(now)
			l.after()
		}
		l.timer.Reset(l.rest())
		l.step.Unlock()
	}
}

// rest returns how long the machine has nothing to do by itself.
func (l *loop) rest() time.Duration {
	l.due = l.m.Next()
	if l.parted {
		return time.Hour
	}
	return max(l.due-l.now(), 0)
}

// takeNow hands in what a link has brought on its reader's own goroutine, if the
// loop has nothing else to do or to read; false: it has. Nearly all that a quiet
// node gets are heartbeats that change nothing, and to wake another goroutine
// for each costs more than all the rest of it; and when something has happened,
// the same goes for what it gets of others.
func (l *loop) takeNow(in input) bool {
	if len(l.in) > 0 || !l.step.TryLock() {
		return false
	}
	defer l.step.Unlock()
	now := l.now()
	if now >= l.m.Next() || l.node.ctx.Err() != nil {
		return false
	}
	l.m.CaughtUp()
	l.m.More(false)
	l.take(in, now)
	if l.m.Next() < l.due {
		l.timer.Reset(l.rest())
	}
	return true
}

// take hands one input to the machine.
func (l *loop) take(in input, now machine.Time) {
	switch {
	case in.run != nil:
		in.run(now)
	case in.msg != nil:
		l.m.Receive(now, in.link, in.msg)
	default:
		l.m.Beat(now, in.link, in.beat)
	}
	if in.turns != nil {
		<-in.turns
	}
	l.after()
}

// after performs what a step has led to.
func (l *loop) after() {
	l.perform()
	for len(l.taken) > 0 {
		l.taken = l.taken[:0]
		l.confirm()
	}
	if l.settling && l.settled() {
		l.settling = false
		l.node.joins.done()
	}
}

// settled says that all groups show what is known of them.
func (l *loop) settled() bool {
	list, _ := l.node.groups.all()
	for _, g := range list {
		if !l.m.Settled(g.domain) {
			return false
		}
	}
	return true
}

// confirm tells the machine which views the application has applied.
func (l *loop) confirm() {
	list, _ := l.node.groups.all()
	for _, g := range list {
		if !g.manages {
			continue
		}
		if number := g.applied(); number > g.told {
			g.told = number
			l.m.Applied(l.now(), g.domain, number)
			l.perform()
		}
	}
}

// nudge has confirm run soon. It never waits.
func (l *loop) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// post hands an input to the loop; false: the node has ended. It may wait for
// the loop, never for anybody else.
func (l *loop) post(in input) bool {
	if l.node.ctx.Err() != nil {
		return false
	}
	select {
	case l.in <- in:
		return true
	case <-l.node.ctx.Done():
		return false
	}
}

// do has the loop run f and waits for it; false: the node has ended, and f may
// have run or not.
func (l *loop) do(f func(now machine.Time)) bool {
	ran := make(chan struct{})
	if !l.post(input{run: func(now machine.Time) {
		defer close(ran)
		f(now)
	}}) {
		return false
	}
	select {
	case <-ran:
		return true
	case <-l.node.ctx.Done():
		return false
	}
}
