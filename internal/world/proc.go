package world

import (
	"fmt"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// A Proc is a running process: a machine, and what drives it.
type Proc struct {
	host    *Host
	m       *machine.Machine
	born    time.Duration
	dead    bool
	paused  bool
	out     bool // has left, or was replaced
	waiting []func()
	links   int // open
	tickAt  time.Duration
	views   []*View
	auditAt time.Duration
	Reports []machine.Report
}

type linkEnd struct {
	c *conn
	i int
}

// Machine returns the process's machine, to be looked at.
func (p *Proc) Machine() *machine.Machine { return p.m }

// Host returns where it runs.
func (p *Proc) Host() *Host { return p.host }

// ID returns the process's ID.
func (p *Proc) ID() wire.ID { return p.m.Self() }

// Links returns the number of open links.
func (p *Proc) Links() int { return p.links }

// end returns what the machine calls a link; false: it is closed.
func (p *Proc) end(id machine.LinkID) (linkEnd, bool) {
	if id >= machine.LinkID(len(p.host.w.ends)) {
		return linkEnd{}, false
	}
	l := p.host.w.ends[id]
	return l, l.c != nil && !l.c.closed[l.i]
}

// clock is the process's monotonic clock.
func (p *Proc) clock() time.Duration { return p.host.w.now - p.born }

// Call drives the machine from outside, as an application would.
func (p *Proc) Call(f func(m *machine.Machine, now time.Duration)) {
	p.input(func() {
		f(p.m, p.clock())
		p.perform()
	})
}

// Leave takes the process out in good order.
func (p *Proc) Leave() {
	p.host.w.trace("leave %s", p.host.address)
	p.Call(func(m *machine.Machine, now time.Duration) { m.SetState(now, wire.Left) })
	p.out = true
}

// input hands something to the process, or keeps it while it is paused.
func (p *Proc) input(f func()) {
	switch {
	case p.dead:
	case p.paused:
		p.waiting = append(p.waiting, f)
	default:
		f()
	}
}

func (p *Proc) tick() {
	if p.dead || p.paused {
		return
	}
	p.m.Tick(p.clock())
	p.perform()
}

// perform carries out the machine's effects and sets the alarm.
func (p *Proc) perform() {
	effects := p.m.Effects()
	for i := range effects {
		p.effect(&effects[i])
	}
	if p.dead {
		return
	}
	if at := max(p.born+p.m.Next(), p.host.w.now); p.tickAt < 0 || at < p.tickAt {
		p.tickAt = at
		p.host.w.at(at, p)
	}
	if len(effects) > 0 {
		p.audit() // an input without effect has changed little
	}
}

// happen is the process's alarm. One that was set anew comes for nothing.
func (p *Proc) happen() {
	if p.tickAt == p.host.w.now {
		p.tickAt = -1
		if p.paused {
			p.waiting = append(p.waiting, p.tick)
		} else {
			p.tick()
		}
	}
}

func (p *Proc) effect(e *machine.Effect) {
	w := p.host.w
	switch e.Kind {
	case machine.DoBeat:
		w.Count.Beats++
		if w.opt.Bytes {
			w.size.sent(&w.Count, e)
		}
		if l, ok := p.end(e.Link); ok {
			l.c.send(l.i, segment{beat: e.Beat})
		}
	case machine.DoSend:
		w.Count.Messages++
		if w.opt.Bytes {
			w.size.sent(&w.Count, e)
		}
		if l, ok := p.end(e.Link); ok {
			if w.opt.Trace != nil {
				w.trace("%s -> %s %s", p.host.address, l.c.ends[1-l.i].host.address, describe(e.Message))
			}
			l.c.send(l.i, segment{msg: e.Message})
		}
	case machine.DoClose:
		if l, ok := p.end(e.Link); ok {
			l.c.close(l.i)
		}
	case machine.DoDial:
		w.Count.Dials++
		p.dial(*e)
	case machine.DoLook:
		w.Count.Looks++
		p.look(*e)
	case machine.DoResolve:
		p.resolve(*e)
	case machine.DoPublish:
		p.publish(e.Change)
	case machine.DoReport:
		if e.Report.Kind == machine.BadMessage {
			w.find("%s took %s's message for a bad one: %s", p.host.address, e.Report.Address, e.Report.Text)
		}
		w.trace("%s reports %d %s %s", p.host.address, e.Report.Kind, e.Report.Domain, e.Report.Text)
		if len(p.Reports) < 1000 {
			p.Reports = append(p.Reports, *e.Report)
		}
	}
}

// describe names a message, and what a flood holds.
func describe(msg wire.Message) string {
	var text strings.Builder
	text.WriteString(wire.Name(msg))
	if g, ok := msg.(*wire.Gossip); ok {
		for _, r := range g.Records {
			text.WriteString(" [" + r.String() + "]")
		}
		for _, a := range g.Accusations {
			text.WriteString(" [" + a.String() + "]")
		}
		for _, v := range g.Verdicts {
			fmt.Fprintf(&text, " [verdict on %s, held %v]", v.Subject.Short(), v.Held)
		}
	}
	return text.String()
}

func (p *Proc) resolve(e machine.Effect) {
	w := p.host.w
	addresses, failure := w.names[e.Address], ""
	if len(addresses) == 0 {
		failure = "no such host"
	}
	w.After(w.delay(), func() {
		p.input(func() {
			p.m.Resolved(p.clock(), e.Index, addresses, failure)
			p.perform()
		})
	})
}

// contact finds out what a connect to an address meets: a process to shake
// hands with, or an outcome, after d.
func (p *Proc) contact(e machine.Effect, then func(to *Proc), not func(out machine.Outcome)) {
	w := p.host.w
	to := w.hosts[e.Address]
	if to == p.host {
		w.After(w.delay(), func() { not(machine.OutSelf) })
		return
	}
	silent := func() { w.After(e.Timeout, func() { not(machine.OutSilent) }) }
	if to == nil {
		silent()
		return
	}
	p.syn(to, w.now+e.Timeout, time.Second, then, not)
}

// syn is one SYN and what becomes of it; without an answer the kernel sends
// another after 1 s, 2 s, 4 s.
func (p *Proc) syn(to *Host, deadline, again time.Duration, then func(to *Proc), not func(out machine.Outcome)) {
	w := p.host.w
	lost := func() {
		if w.now+again >= deadline {
			w.At(deadline, func() { not(machine.OutSilent) })
			return
		}
		w.After(again, func() { p.syn(to, deadline, 2*again, then, not) })
	}
	d, through := w.exchange(p.host, to)
	if !through || !to.powered {
		lost()
		return
	}
	if w.now+d > deadline {
		w.At(deadline, func() { not(machine.OutSilent) })
		return
	}
	w.After(d/2, func() {
		switch q := to.proc; {
		case !to.powered:
			lost()
		case q == nil || to.refuses:
			w.After(d/4, func() { not(machine.OutRefused) })
		case q.paused:
			p.wait(q, deadline, then, not)
		case to.busy-w.now > backlog*w.opt.Service:
			lost() // the queue of connections is full
		default:
			to.busy = max(to.busy, w.now) + w.opt.Service
			to.Served++
			to.Waited = max(to.Waited, to.busy-w.now)
			if served := to.busy + d/2; served > deadline {
				w.At(deadline, func() { not(machine.OutSilent) })
			} else {
				w.At(served, func() { then(q) })
			}
		}
	})
}

// backlog is how many handshakes may wait at a host.
const backlog = 128

// wait is a connect to a process that is paused: its host accepts, and if it
// goes on in time it answers.
func (p *Proc) wait(q *Proc, deadline time.Duration, then func(to *Proc), not func(out machine.Outcome)) {
	w := p.host.w
	done := false
	q.waiting = append(q.waiting, func() {
		if !done {
			done = true
			w.After(w.delay(), func() { then(q) })
		}
	})
	w.At(deadline, func() {
		if !done {
			done = true
			not(machine.OutSilent)
		}
	})
}

func (p *Proc) look(e machine.Effect) {
	end := func(out machine.Outcome, by wire.ID) {
		p.input(func() {
			p.m.LookDone(p.clock(), e.Attempt, out, by, outcomeText(out))
			p.perform()
		})
	}
	p.contact(e, func(to *Proc) {
		if to.dead || to.out {
			end(machine.OutReset, wire.ID{})
			return
		}
		end(machine.Answered, to.ID())
	}, func(out machine.Outcome) { end(out, wire.ID{}) })
}

func outcomeText(out machine.Outcome) string {
	switch out {
	case machine.OutRefused:
		return "connection refused"
	case machine.OutSilent:
		return "no answer"
	}
	return "no link"
}

func (p *Proc) dial(e machine.Effect) {
	fail := func(out machine.Outcome) {
		p.host.w.trace("%s dialled %s: %s", p.host.address, e.Address, outcomeText(out))
		p.input(func() {
			p.m.DialFailed(p.clock(), e.Attempt, out, outcomeText(out))
			p.perform()
		})
	}
	p.contact(e, func(to *Proc) {
		if to.dead || to.out {
			fail(machine.OutReset)
			return
		}
		if p.dead {
			return
		}
		p.establish(e.Attempt, to)
	}, fail)
}

// establish makes the connection: up at the dialler first, at the other side
// one delay later.
func (p *Proc) establish(attempt machine.AttemptID, to *Proc) {
	w := p.host.w
	c := newConn(w, p, to)
	for i, end := range c.ends {
		c.ids[i] = w.newLink(linkEnd{c, i})
		end.links++
		end.host.conns = append(end.host.conns, c)
	}
	at := w.now + w.delay()
	c.dirs[0].last = at // nothing overtakes the end of the handshake
	up := func(end, peer *Proc, i int, attempt machine.AttemptID) func() {
		return func() {
			if c.closed[i] || end.dead {
				return
			}
			end.m.LinkUp(end.clock(), machine.LinkUp{
				Link: c.ids[i], Attempt: attempt, Peer: peer.ID(), Address: peer.host.address, Domains: peer.m.Domains()})
			end.perform()
		}
	}
	w.At(at, func() { to.input(up(to, p, 1, 0)) })
	p.input(up(p, to, 0, attempt))
}

// audit looks at the machine's bounds after every step, and now and then at the
// whole of it.
func (p *Proc) audit() {
	w := p.host.w
	whole := w.now >= p.auditAt
	if whole {
		p.auditAt = w.now + w.opt.AuditEvery
	}
	if err := p.m.Audit(whole); err != nil {
		w.find("%s: %s", p.host.address, err)
	}
}

func (p *Proc) introduced(domain string, by wire.ID, tables []*wire.Table) {
	link := p.host.w.newLink(linkEnd{})
	p.m.LinkUp(p.clock(), machine.LinkUp{
		Link: link, Peer: by, Address: "stranger:1", Domains: []wire.DomainRole{{Name: domain, Role: wire.Member}}})
	p.perform()
	for _, t := range tables {
		p.m.Receive(p.clock(), link, t)
		p.perform()
	}
	p.m.Receive(p.clock(), link, &wire.Goodbye{Parting: wire.NotNeeded})
	p.m.LinkDown(p.clock(), link)
	p.perform()
}
