package membership

import (
	"context"
	"errors"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

const (
	resolveTime = 5 * time.Second       // that name servers and Config.Discover have
	noticedLate = 50 * time.Millisecond // after its time ran out, a dial was not watched
)

// Dials, looks and resolutions wait for others, so each runs in a goroutine of
// its own and comes back as an input. The machine bounds how many there are.

// dial answers a DoDial with LinkUp or DialFailed.
func (l *loop) dial(e *machine.Effect) {
	n, attempt, address, peer, timeout := l.node, e.Attempt, e.Address, e.Peer, e.Timeout
	wellKnown := ""
	if peer.IsZero() {
		wellKnown = address
	}
	parent := l.cancellable(attempt)
	n.tasks.Go(func() {
		link, out, err := n.dialOne(parent, address, peer, timeout)
		if err == nil {
			l.handIn(link, attempt, wellKnown)
			return
		}
		l.post(input{run: func(now machine.Time) {
			l.forget(attempt)
			if wellKnown != "" {
				n.joins.failed(wellKnown, err)
			}
			l.m.DialFailed(now, attempt, out, err.Error())
			l.perform() // it may have joined by this
			n.joins.judge()
		}})
	})
}

// dialOne waits for its turn and dials; it says what a failure proves.
func (n *Node) dialOne(ctx context.Context, address string, peer wire.ID, timeout time.Duration) (*transport.Link, machine.Outcome, error) {
	if err := n.dials.Acquire(ctx, 1); err != nil {
		return nil, machine.OutLocal, err
	}
	defer n.dials.Release(1)
	due := n.loop.now() + timeout
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	link, err := n.endpoint.Dial(ctx, address, transport.ID(peer))
	return link, outcomeAt(n.loop.now(), due, err), err
}

// look answers a DoLook with LookDone.
func (l *loop) look(e *machine.Effect) {
	n, attempt, address, peer, timeout := l.node, e.Attempt, e.Address, e.Peer, e.Timeout
	parent := l.cancellable(attempt)
	n.tasks.Go(func() {
		due := l.now() + timeout
		ctx, cancel := context.WithTimeout(parent, timeout)
		defer cancel()
		hello, err := n.endpoint.Look(ctx, address, transport.ID(peer))
		out := outcomeAt(l.now(), due, err)
		l.post(input{run: func(now machine.Time) {
			l.forget(attempt)
			if err != nil {
				l.m.LookDone(now, attempt, out, wire.ID{}, err.Error())
				return
			}
			l.m.LookDone(now, attempt, machine.Answered, wire.ID(hello.ID), "")
		}})
	})
}

// cancellable returns the context of an attempt, which DoCancel ends.
func (l *loop) cancellable(attempt machine.AttemptID) context.Context {
	ctx, cancel := context.WithCancel(l.node.ctx)
	l.cancels[attempt] = cancel
	return ctx
}

// forget ends the context of an attempt that is over.
func (l *loop) forget(attempt machine.AttemptID) {
	if cancel := l.cancels[attempt]; cancel != nil {
		cancel()
		delete(l.cancels, attempt)
	}
}

// resolve answers a DoResolve with Resolved. The entry after the configured
// ones is Config.Discover.
func (l *loop) resolve(index int) {
	n := l.node
	n.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(n.ctx, resolveTime)
		defer cancel()
		var addresses []string
		var err error
		if index < len(n.entries) {
			addresses, err = n.resolver.Resolve(ctx, n.entries[index])
		} else {
			addresses, err = n.resolver.Call(ctx, n.cfg.Discover)
		}
		l.post(input{run: func(now machine.Time) {
			n.joins.resolved(index, addresses, err)
			l.m.Resolved(now, index, addresses, errorText(err))
			l.perform()
			n.joins.judge()
		}})
	})
}

// outcomeAt says what a dial or look proves that has ended just now. What ran out
// of time and was noticed late ran out of this process's own: it is starved, and
// may have had the answer.
func outcomeAt(now, due machine.Time, err error) machine.Outcome {
	if err == nil {
		return machine.Answered
	}
	out := outcomeOf(err)
	if out == machine.OutSilent && now > due+noticedLate {
		return machine.OutLocal
	}
	return out
}

// outcomeOf says what a failed dial or look proves.
func outcomeOf(err error) machine.Outcome {
	switch transport.FailureOf(err) {
	case transport.FailureRefused:
		return machine.OutRefused
	case transport.FailureReset:
		return machine.OutReset
	case transport.FailureSilent:
		return machine.OutSilent
	case transport.FailureMalformed:
		return machine.OutForeign
	case transport.FailureRejected:
		refused, _ := errors.AsType[*transport.RefusedError](err)
		switch refused.Code {
		case transport.CodeSelf:
			return machine.OutSelf
		case transport.CodeBusy:
			return machine.OutBusy
		case transport.CodeKey:
			// Keys change while a process lives, so this does not prove that
			// another has taken its place; only that it is not to be reached.
			return machine.OutSilent
		}
		return machine.OutForeign
	}
	return machine.OutLocal
}
