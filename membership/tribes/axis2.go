package tribes

import (
	"context"
	"strings"
	"time"

	"net/netip"

	"github.com/gotribes/tribes/internal/javastream"
	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// Axis2's RPC channels: the domain and one of these.
const (
	membershipChannel = ":rpc.membership.channel"
	initChannel       = ":rpc.init.channel"
	messageChannel    = ":rpc.msg.channel"
)

const (
	commandOptions  = wire.Group | wire.Async // of commands about membership
	commandTime     = 10 * time.Second        // to answer one
	assumeTime      = time.Second             // until a silent well-known member is taken for one of the own domain
	listProcessed   = "Processed MEMBER_LIST message"
	joinRetrySlowly = time.Minute
)

// joinRetries are the waits between the first joins that were not answered.
var joinRetries = [...]time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 5 * time.Second}

// joinEntry is what the mode Axis2 knows of a process since it was reached.
type joinEntry struct {
	begun    bool // it is being asked
	asking   bool // a join is under way
	answered bool
	due      time.Time // the next join
	tries    int
	newcomer bool // it has asked this node to join: others are to be told
	foreign  bool // it was told that it belongs to a domain that is not served
}

// joinReached: a process is there.
func (n *Node) joinReached(e *entry, now time.Time) {
	if e.peer != nil && !e.joining.begun {
		e.joining.begun, e.joining.due = true, now
		if e.met {
			n.pushList(e) // it was away, and may know nobody
		}
		e.met = true
	}
	n.joinDue(e, now)
}

// joinDue shows a process that is there as a member, once its domain is known,
// and asks well-known ones who else is there.
func (n *Node) joinDue(e *entry, now time.Time) {
	if e.reached.IsZero() || now.Before(e.quiet) {
		return
	}
	domain := n.known(e).Domain
	switch {
	case e.up:
	case !e.heard && e.peer != nil && now.Sub(e.reached) < assumeTime:
		// It may turn out to be a balancer, which belongs to another domain.
	case n.served[domain]:
		n.rise(e, domain)
	case !e.joining.foreign:
		e.joining.foreign = true
		n.log.Info("a well-known member belongs to another domain", "member", e.address, "domain", domain)
	}
	if e.peer != nil && !e.joining.answered && !e.joining.asking && !now.Before(e.joining.due) {
		n.askJoin(e)
	}
}

// askJoin asks a well-known member who is there.
func (n *Node) askJoin(e *entry) {
	e.joining.asking = true
	a := e.address
	err := n.job(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, commandTime)
		defer cancel()
		_, body, err := n.callOne(ctx, a, n.cfg.Domain+membershipChannel, commandOptions, plain(joinClass, nil))
		n.post(func() { n.joinAnswered(a, body, err) })
	})
	if err != nil {
		n.joinAnswered(a, nil, err)
	}
}

// joinAnswered takes in the list of members, or asks again later.
func (n *Node) joinAnswered(a netip.AddrPort, body javastream.Value, err error) {
	e := n.state.entries[a]
	if e == nil || !e.joining.asking {
		return
	}
	e.joining.asking = false
	if err == nil && javastream.Is(body, classList) {
		e.joining.answered = true
		n.takeList(a, body)
		return
	}
	wait := joinRetrySlowly
	if e.joining.tries < len(joinRetries) {
		wait = joinRetries[e.joining.tries]
	}
	e.joining.tries++
	e.joining.due = time.Now().Add(wait)
	reason := classOf(body)
	if err != nil {
		reason = err.Error()
	}
	n.log.Debug("a well-known member has not answered the join", "member", a, "reason", reason, "again", wait)
}

// takeList looks at the members of a list.
func (n *Node) takeList(from netip.AddrPort, body javastream.Value) {
	o, _ := body.(*javastream.Object)
	list, _ := o.Field("members").(*javastream.Array)
	if list == nil {
		return
	}
	for _, item := range list.Items {
		n.takeMember(from, item)
	}
}

// takeMember looks at a member that another has named. It is shown once it is
// found there.
func (n *Node) takeMember(from netip.AddrPort, v javastream.Value) {
	m, uid, err := memberOf(v)
	n.book.learn(from, uid)
	if err != nil {
		n.complain("list "+from.String(), "a member in a command cannot be read", "from", from, "reason", err.Error())
		return
	}
	n.candidate(m)
}

// candidate begins to look at a process that may be a member.
func (n *Node) candidate(m wire.Member) *entry {
	if !n.served[m.Domain] {
		n.foreign(m, m.Address())
		return nil
	}
	e := n.track(m.Address(), nil)
	if e == nil {
		return nil
	}
	if !e.heard && (e.peer == nil || !e.hinted) {
		e.said, e.hinted = m, true
	}
	if !e.up {
		e.kick()
	}
	return e
}

// axis2Call deals with calls on Axis2's channels of a domain that is served.
func (n *Node) axis2Call(a *wire.Arrival, r *rpc) bool {
	sender := a.Message.Sender
	i := strings.LastIndex(r.channel, ":rpc.")
	if i < 0 || !n.served[r.channel[:i]] || n.cfg.Calls[r.channel] != nil {
		return false
	}
	// A balancer that is a well-known member speaks of this domain from its own.
	if !n.served[sender.Domain] && !(r.channel[i:] == membershipChannel && n.book.isPeer(sender.Address())) {
		return false
	}
	domain := r.channel[:i]
	switch r.channel[i:] {
	case initChannel, messageChannel:
		// There is no state to hand over, and nobody to take messages.
		n.reply(sender, &rpc{reply: true, call: r.call, channel: r.channel})
		return true
	case membershipChannel:
	default:
		return false
	}
	answer := &rpc{reply: true, call: r.call, channel: r.channel}
	switch classOf(r.body) {
	case classJoin:
		n.post(func() { n.joinAsked(sender, domain, answer) })
		return true
	case classJoined:
		v := r.body.(*javastream.Object).Field("member")
		n.post(func() { n.takeMember(sender.Address(), v) })
	case classList:
		n.post(func() { n.takeList(sender.Address(), r.body) })
		answer.body = listProcessed
	}
	n.reply(sender, answer)
	return true
}

// joinAsked answers a join with the members of the newcomer's domain: with it,
// and without this node, whom it knows. Others are told when it was found there.
func (n *Node) joinAsked(sender wire.Member, domain string, answer *rpc) {
	if sender.Domain != domain {
		answer.nobody = true
		n.reply(sender, answer)
		return
	}
	again := n.state.entries[sender.Address()] != nil
	e := n.candidate(sender)
	if e == nil {
		answer.nobody = true
		n.reply(sender, answer)
		return
	}
	if again && !e.up {
		// It may not have been able to read the answer before.
		n.book.another(e.address)
	}
	e.joining.newcomer = true
	n.book.hear(sender)
	n.said(e, sender)
	answer.body = n.listFor(e.address, domain, e, nil)
	n.reply(sender, answer)
	if domain == n.cfg.Domain {
		for _, g := range n.order[1:] { // a further balancer
			n.command(e.address, g.Domain(), commandOptions, n.listFor(e.address, g.Domain(), nil, nil))
		}
	}
}

// listFor makes a MemberListCommand for a process: the members of a domain, with
// another two if they are not nil.
func (n *Node) listFor(to netip.AddrPort, domain string, with *entry, self *wire.Member) javastream.Value {
	uid := n.book.uid(to)
	members := &javastream.Array{Class: memberArrayClass}
	add := func(m wire.Member) {
		if o, err := memberObject(m, uid); err == nil {
			members.Items = append(members.Items, o)
		}
	}
	if self != nil {
		add(*self)
	}
	for _, e := range n.state.sorted() {
		if e == with || e.up && e.domain == domain && e.address != to {
			m := n.known(e)
			m.Domain = domain
			add(m)
		}
	}
	return plain(listClass, members)
}

// pushList tells a well-known member that was away who is there.
func (n *Node) pushList(e *entry) {
	self := n.block(wire.Layout7)
	n.command(e.address, n.cfg.Domain, commandOptions, n.listFor(e.address, n.cfg.Domain, nil, &self))
}

// introduce tells the others of a newcomer: the members of its domain, and
// further balancers.
func (n *Node) introduce(newcomer *entry) {
	if !newcomer.joining.newcomer {
		return
	}
	newcomer.joining.newcomer = false
	others := 0
	for _, e := range n.state.sorted() {
		if !e.up || e == newcomer {
			continue
		}
		options := commandOptions
		switch e.domain {
		case newcomer.domain:
			others++
		case n.cfg.Domain:
			options = wire.Async
		default:
			continue
		}
		if o, err := memberObject(n.known(newcomer), n.book.uid(e.address)); err == nil {
			n.command(e.address, newcomer.domain, options, plain(joinedClass, o))
		}
	}
	if others > 0 {
		// Who came since its join was answered would else be unknown to it.
		n.command(newcomer.address, newcomer.domain, commandOptions, n.listFor(newcomer.address, newcomer.domain, nil, nil))
	}
}

// command sends a command about the membership of a domain. Whether it is
// answered changes nothing.
func (n *Node) command(to netip.AddrPort, domain string, options Options, v javastream.Value) {
	_ = n.job(func(ctx context.Context) { // has complained
		ctx, cancel := context.WithTimeout(ctx, commandTime)
		defer cancel()
		if _, _, err := n.callOne(ctx, to, domain+membershipChannel, options, v); err != nil {
			n.log.Debug("a command was not answered", "to", to, "domain", domain, "command", classOf(v), "reason", err.Error())
		}
	})
}

// moved: a member that was taken for one of a domain belongs to another.
func (n *Node) moved(e *entry, domain string) {
	n.fall(e, membership.NoCause)
	e.reached = time.Now()
	e.joining = joinEntry{begun: true, answered: true}
	if n.served[domain] {
		n.rise(e, domain)
	}
}
