package tribes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/javastream"
	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// callTime bounds a call whose context does not.
const callTime = 3 * time.Second

// ErrNobody is wrapped by the error of a call to a member that has no such RPC
// channel.
var ErrNobody = errors.New("the member has no such rpc channel")

// A Reply is the answer of one member to a call.
type Reply struct {
	From   membership.Member // as Message has it
	Sender wire.Member       // its member block, as it came with the answer
	Bytes  []byte            // of an answer in bytes
	Text   string            // of a java.lang.String
	Class  string            // of the answer; "null" if there is nothing in it
}

// Call calls members through an RPC channel, with nil, a string or bytes;
// without to, all others of the own domain. It returns when all have answered or
// ctx ends; a ctx without a deadline stands for 3 s. SyncAck among the options
// means nothing. The replies that have come are returned in any case, in the
// order of to; a *DeliveryError names those that did not answer.
func (n *Node) Call(ctx context.Context, channel string, options Options, body any, to ...membership.ID) ([]Reply, error) {
	switch body.(type) {
	case nil, string, []byte:
	default:
		return nil, fmt.Errorf("a call carries nil, a string or bytes, not %T", body)
	}
	targets, err := n.targets(to)
	if err != nil {
		return nil, err
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTime)
		defer cancel()
	}
	type outcome struct {
		from wire.Member
		body javastream.Value
		err  error
	}
	got := make([]outcome, len(targets))
	var wg sync.WaitGroup
	for i, a := range targets {
		wg.Go(func() {
			got[i].from, got[i].body, got[i].err = n.callOne(ctx, a, channel, options, body)
		})
	}
	wg.Wait()
	var failed DeliveryError
	var replies []Reply
	for i, o := range got {
		if o.err != nil {
			failed.add(targets[i], o.err)
			continue
		}
		m := textOf(n.from(o.from), o.from, 0, nil, o.body)
		replies = append(replies, Reply{From: m.From, Sender: m.Sender, Bytes: m.Bytes, Text: m.Text, Class: m.Class})
	}
	return replies, failed.orNil()
}

// callOne calls one process and waits for its answer.
func (n *Node) callOne(ctx context.Context, to netip.AddrPort, channel string, options Options, body javastream.Value) (
	wire.Member, javastream.Value, error) {
	r := &rpc{call: wire.NewMessageID(), channel: channel, body: body}
	answer, ok := n.calls.open(r.call, to)
	if !ok {
		return wire.Member{}, nil, errBusy
	}
	defer n.calls.close(r.call)
	if err := n.sendObject(ctx, to, options&^(wire.SyncAck|wire.Bytes), r.object()); err != nil {
		return wire.Member{}, nil, err
	}
	select {
	case a := <-answer:
		if a.nobody {
			return a.from, nil, fmt.Errorf("%w: %q", ErrNobody, channel)
		}
		return a.from, a.body, nil
	case <-ctx.Done():
		return wire.Member{}, nil, ctx.Err()
	case <-n.ctx.Done():
		return wire.Member{}, nil, wire.ErrClosed
	}
}

// openMost bounds the calls that wait for an answer.
const openMost = 4096

// calls are those that wait for an answer. The zero value is ready.
type calls struct {
	mu      sync.Mutex
	waiting map[[16]byte]openCall
}

type openCall struct {
	to     netip.AddrPort
	answer chan callAnswer
}

type callAnswer struct {
	from   wire.Member
	nobody bool
	body   javastream.Value
}

func (c *calls) open(id [16]byte, to netip.AddrPort) (<-chan callAnswer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) >= openMost {
		return nil, false
	}
	if c.waiting == nil {
		c.waiting = map[[16]byte]openCall{}
	}
	answer := make(chan callAnswer, 1)
	c.waiting[id] = openCall{to, answer}
	return answer, true
}

func (c *calls) close(id [16]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// answer hands an answer to whoever waits for it. One of somebody who was not
// asked counts for nothing.
func (c *calls) answer(from wire.Member, r *rpc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o, ok := c.waiting[r.call]; ok && o.to == from.Address() {
		delete(c.waiting, r.call)
		o.answer <- callAnswer{from, r.nobody, r.body}
	}
}

// called answers a call, on the goroutine that reads the connection: what takes
// time is done elsewhere.
func (n *Node) called(a *wire.Arrival, r *rpc) {
	sender := a.Message.Sender
	if n.cfg.Mode == Service && r.channel == n.serviceChannel() {
		n.serviceCall(a, r)
		return
	}
	if n.cfg.Mode == Axis2 && n.axis2Call(a, r) {
		return
	}
	f := n.cfg.Calls[r.channel]
	if !n.served[sender.Domain] {
		n.foreign(sender, a.From)
		f = nil
	}
	if f == nil {
		n.reply(sender, &rpc{nobody: true, call: r.call, channel: r.channel})
		return
	}
	// Waiting here holds up this connection only.
	if n.callers.Acquire(n.ctx, 1) != nil {
		return
	}
	err := n.job(func(ctx context.Context) {
		defer n.callers.Release(1)
		body, err := f(ctx, textOf(n.from(sender), sender, a.Message.Options&^wire.Bytes, nil, r.body))
		if err != nil {
			n.complain("call "+r.channel, "a call was answered with an error, its caller is told null", "channel", r.channel,
				"from", sender.Address(), "reason", err.Error())
			body = nil
		}
		n.replyNow(ctx, sender, &rpc{reply: true, call: r.call, channel: r.channel, body: body})
	})
	if err != nil {
		n.callers.Release(1)
	}
}

// reply sends an answer, beside whatever this goroutine does.
func (n *Node) reply(to wire.Member, r *rpc) {
	_ = n.job(func(ctx context.Context) { n.replyNow(ctx, to, r) }) // has complained
}

// noRPCOptions are what Java sends a NoRpcChannelReply with.
const noRPCOptions = wire.Async

func (n *Node) replyNow(ctx context.Context, to wire.Member, r *rpc) {
	var options Options
	if r.nobody {
		options = noRPCOptions
	}
	a := to.Address()
	content, err := javastream.Encode(r.object())
	if err == nil {
		var frame []byte
		if frame, err = n.frameIn(to.Layout, wire.NewMessageID(), options, content); err == nil {
			err = n.sendFrame(ctx, a, wire.LaneGroup, options, frame)
		}
	}
	if err != nil && ctx.Err() == nil {
		n.complain("reply "+a.String(), "an answer could not be sent", "to", a, "channel", r.channel, "reason", err.Error())
	}
	if !n.book.has(a) {
		n.ep.Forget(a) // a stranger: nothing is kept for it
	}
}
