package tribes

import (
	"context"
	"fmt"
	"time"

	"net/netip"

	"github.com/gotribes/tribes/internal/javastream"
	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// The kinds of MemberMessage.
const (
	announceStart = 1
	announceStop  = 2
	announcePing  = 3
)

// serviceCallTime is how long an answer is awaited, as Java does.
const serviceCallTime = 3 * time.Second

// serviceEntry is what the mode Service knows of a process.
type serviceEntry struct {
	asking   bool      // a call is under way
	asked    time.Time // last
	answered bool      // it has answered or spoken since it was reached
	word     time.Time // last; zero if there was none
}

// serviceChannel is the RPC channel of StaticMembershipService.
func (n *Node) serviceChannel() string { return n.cfg.Channel + "-StaticMembership" }

// serviceDue sends a process what is due, and drops it when it has been silent
// for too long.
func (n *Node) serviceDue(e *entry, now time.Time) {
	if e.up && now.Sub(e.service.word) > n.cfg.Expiry {
		n.fall(e, membership.CauseSilent)
		return
	}
	if e.reached.IsZero() || e.service.asking || now.Sub(e.service.asked) < n.cfg.ProbeInterval || now.Before(e.quiet) {
		return
	}
	kind := int32(announcePing)
	if !e.service.answered {
		kind = announceStart
	}
	e.service.asking, e.service.asked = true, now
	a := e.address
	err := n.job(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, serviceCallTime)
		defer cancel()
		m, err := n.announceTo(ctx, a, kind)
		n.post(func() {
			e := n.state.entries[a]
			if e == nil {
				return
			}
			e.service.asking = false
			if err != nil {
				n.log.Debug("no answer to an announcement", "member", a, "reason", err.Error())
				return
			}
			n.word(m)
		})
	})
	if err != nil {
		e.service.asking = false
	}
}

// announceTo tells a process of this node and returns what it tells of itself.
func (n *Node) announceTo(ctx context.Context, a netip.AddrPort, kind int32) (wire.Member, error) {
	o, err := n.announceObject(a, kind, n.block(wire.Layout7))
	if err != nil {
		return wire.Member{}, err
	}
	_, body, err := n.callOne(ctx, a, n.serviceChannel(), wire.Async, o)
	if err != nil {
		// It may not have been able to read what was sent.
		n.book.another(a)
		return wire.Member{}, err
	}
	answer, ok := body.(*javastream.Object)
	if !ok || !javastream.Is(body, classAnnounce) {
		return wire.Member{}, fmt.Errorf("answered with %s", classOf(body))
	}
	m, uid, err := memberOf(answer.Field("member"))
	n.book.learn(a, uid)
	return m, err
}

// announceObject makes a MemberMessage for a process.
func (n *Node) announceObject(to netip.AddrPort, kind int32, m wire.Member) (*javastream.Object, error) {
	member, err := memberObject(m, n.book.uid(to))
	if err != nil {
		return nil, err
	}
	return plain(announceClass, kind, member, []byte(n.serviceChannel())), nil
}

// announceStop tells a process that this node stops.
func (n *Node) announceStop(ctx context.Context, a netip.AddrPort) error {
	m := n.block(wire.Layout7)
	m.Command = wire.CommandLeaving
	o, err := n.announceObject(a, announceStop, m)
	if err != nil {
		return err
	}
	return n.sendObject(ctx, a, wire.Async, o)
}

// announced reads a MemberMessage, if it is of this channel.
func (n *Node) announced(a *wire.Arrival, o *javastream.Object) (kind int32, m wire.Member, err error) {
	kind, _ = o.Field("msgtype").(int32)
	id, _ := o.Field("membershipId").([]byte)
	if string(id) != n.serviceChannel() {
		return 0, m, fmt.Errorf("a member message of the channel %q; this is %q", id, n.serviceChannel())
	}
	m, uid, err := memberOf(o.Field("member"))
	if err != nil {
		return 0, m, err
	}
	if m.Address() != a.Message.Sender.Address() {
		return 0, m, fmt.Errorf("a member message of %s about %s", a.Message.Sender.Address(), m.Address())
	}
	if !n.served[m.Domain] {
		return 0, m, fmt.Errorf("a member message of domain %q; this is %q", m.Domain, n.cfg.Domain)
	}
	n.book.learn(m.Address(), uid)
	return kind, m, nil
}

// announcement takes in a MemberMessage that came without a call: a stop.
func (n *Node) announcement(a *wire.Arrival, o *javastream.Object) error {
	if n.cfg.Mode != Service {
		return nil
	}
	kind, m, err := n.announced(a, o)
	if err == nil && kind == announceStop {
		n.post(func() {
			if e := n.state.entries[m.Address()]; e != nil {
				e.service = serviceEntry{}
				n.stopped(e)
			}
		})
	}
	return err
}

// serviceCall answers a start or a ping with what this node is.
func (n *Node) serviceCall(a *wire.Arrival, r *rpc) {
	o, ok := r.body.(*javastream.Object)
	err := fmt.Errorf("a call with %s", classOf(r.body))
	var kind int32
	var m wire.Member
	if ok && javastream.Is(o, classAnnounce) {
		kind, m, err = n.announced(a, o)
	}
	if err != nil {
		n.complain("service "+a.From.Addr().String(), "announcement that is not accepted", "from", a.From,
			"sender", a.Message.Sender.Address(), "reason", err.Error())
		return
	}
	// The learned number of the class is for a process that is in the book.
	uid := classUID(o)
	n.post(func() {
		n.word(m)
		n.book.learn(m.Address(), uid)
		if answer, err := n.announceObject(m.Address(), kind, n.block(wire.Layout7)); err == nil {
			n.reply(a.Message.Sender, &rpc{reply: true, call: r.call, channel: r.channel, body: answer})
		}
	})
}

// classUID is the number of MemberImpl in an announcement, 0 if there is none.
func classUID(o *javastream.Object) int64 {
	_, uid, _ := memberOf(o.Field("member"))
	return uid
}

// word takes in that a process has spoken of itself.
func (n *Node) word(m wire.Member) {
	if m.Address() == n.address || !n.served[m.Domain] || m.Command == wire.CommandLeaving {
		return
	}
	e := n.state.entries[m.Address()]
	if e == nil {
		if e = n.track(m.Address(), nil); e == nil {
			return
		}
	}
	if !n.agrees(e, m) {
		n.heard(m, wire.NoControl, m.Address()) // tells why
		return
	}
	now := time.Now()
	e.quiet = time.Time{}
	e.service.word, e.service.answered = now, true
	n.said(e, m)
	n.rise(e, m.Domain)
}
