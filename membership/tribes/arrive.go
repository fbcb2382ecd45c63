package tribes

import (
	"context"
	"net/netip"
	"time"

	"github.com/gotribes/tribes/internal/javastream"
	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// arrived sees every message first, on the goroutine that reads its connection.
// It returns true for what the application does not get.
func (n *Node) arrived(a *wire.Arrival) bool {
	m := a.Message
	sender := m.Sender
	if sender.Address() == n.address {
		// Probes of Tribes 7 and before name their target. Whoever else says
		// that he is this node is not listened to.
		return true
	}
	changed := n.book.hear(sender)
	if a.Control == wire.Start || a.Control == wire.Stop || changed {
		n.post(func() { n.heard(sender, a.Control, a.From) })
	}
	switch {
	case a.Control != wire.NoControl:
		return true
	case isToken(m.Content):
		n.post(func() { n.token(sender, m.Content) })
		return true
	case m.Options&wire.Bytes == 0:
		v, rest, err := javastream.DecodePrefix(m.Content)
		// Axis2's counter may stand behind an object.
		if err == nil && rest > 0 && (rest != 4 || m.Options&wire.Order == 0) {
			err = &javastream.FormatError{At: len(m.Content) - rest, What: "something behind the object"}
		}
		if err != nil {
			n.complain("object "+a.From.Addr().String(), "message that cannot be read, dropped", "from", a.From,
				"sender", sender.Address(), "options", m.Options, "reason", err.Error())
			return true
		}
		if n.object(a, v) {
			return true
		}
		a.Value = v
	}
	if !n.served[sender.Domain] {
		n.foreign(sender, a.From)
		return true
	}
	return n.cfg.Receive == nil
}

// foreign tells of a message from another domain.
func (n *Node) foreign(sender wire.Member, from netip.AddrPort) {
	n.complain("domain "+from.Addr().String(), "message from a foreign domain, dropped", "from", from,
		"sender", sender.Address(), "domain", sender.Domain, "want", n.cfg.Domain)
}

// object deals with the objects that are for the node itself.
func (n *Node) object(a *wire.Arrival, v javastream.Value) bool {
	sender := a.Message.Sender
	r, isRPC, err := rpcOf(v)
	switch {
	case err != nil:
	case isRPC && (r.reply || r.nobody):
		n.calls.answer(sender, r)
		return true
	case isRPC:
		n.called(a, r)
		return true
	case javastream.Is(v, classAnnounce):
		err = n.announcement(a, v.(*javastream.Object))
	case isSessionRequest(v):
		n.answerSession(sender, v.(*javastream.Object))
		return true
	default:
		return false
	}
	if err != nil {
		n.complain("object "+a.From.Addr().String(), "message that cannot be read, dropped", "from", a.From,
			"sender", sender.Address(), "options", a.Message.Options, "reason", err.Error())
	}
	return true
}

// deliver hands a message to the application.
func (n *Node) deliver(ctx context.Context, a *wire.Arrival) error {
	m := a.Message
	msg := textOf(n.from(m.Sender), m.Sender, m.Options, m.Content, a.Value)
	msg.ID = m.ID
	return n.cfg.Receive(ctx, msg)
}

// from is the sender as a member.
func (n *Node) from(sender wire.Member) membership.Member {
	if m, ok := n.book.member(sender.Address()); ok {
		return m
	}
	return shown(sender, nil, 0, 0)
}

// heard takes in what a process says of itself, and its notices.
func (n *Node) heard(m wire.Member, c wire.Control, from netip.AddrPort) {
	e := n.state.entries[m.Address()]
	switch {
	case e == nil:
		if c == wire.Start || c == wire.Stop {
			n.complain("notice "+from.Addr().String(), "notice of an unknown process, ignored", "notice", c, "from", from,
				"sender", m.Address(), "domain", m.Domain)
		}
		return
	case !n.agrees(e, m):
		if !e.odd {
			e.odd = true
			n.log.Warn("a peer announces itself otherwise than it is configured, its word is ignored", "from", from,
				"member", e.address, "domain", m.Domain, "uid", m.UID)
		}
		return
	}
	n.said(e, m)
	switch c {
	case wire.Start:
		e.quiet = time.Time{}
		e.kick()
	case wire.Stop:
		n.stopped(e)
	}
}

// stopped: the process has said that it stops.
func (n *Node) stopped(e *entry) {
	e.quiet = time.Now().Add(quietTime)
	e.reached = time.Time{}
	n.fall(e, membership.CauseLeft)
}

// agrees: what a process says does not contradict the configuration. In the mode
// Axis2 nothing does; there a well-known member may belong to another domain.
func (n *Node) agrees(e *entry, m wire.Member) bool {
	if n.cfg.Mode == Axis2 {
		return true
	}
	domain := n.cfg.Domain
	var uid wire.UID
	if e.peer != nil {
		uid = e.peer.UID
		if e.peer.Domain != "" {
			domain = e.peer.Domain
		}
	}
	return m.Domain == domain && (uid == wire.UID{} || uid == m.UID)
}

// said takes in a process's own word.
func (n *Node) said(e *entry, m wire.Member) {
	before, heardBefore := e.said, e.heard
	e.said, e.heard = m, true
	if !e.up {
		return
	}
	switch {
	case heardBefore && before.UID != m.UID:
		// Another run of a process that makes a new unique id at each start.
		n.fall(e, membership.CauseReplaced)
		e.times = 0
		if n.cfg.Mode == Static {
			n.rise(e, m.Domain)
		}
	case n.cfg.Mode == Axis2 && m.Domain != e.domain:
		n.moved(e, m.Domain)
	case heardBefore && restarted(before, m):
		e.times++
		e.version = 1
		n.mark(e, membership.NoCause)
	case !heardBefore || before.Payload != m.Payload:
		e.version++
		n.mark(e, membership.NoCause)
	}
}

// restarted: where the time is that of the start, another one is another start.
func restarted(before, now wire.Member) bool {
	return before.Alive != now.Alive && before.Alive >= epoch && now.Alive >= epoch
}
