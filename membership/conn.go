package membership

import (
	"errors"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

// A conn is a link as the loop knows it.
type conn struct {
	loop    *loop
	id      machine.LinkID
	link    *transport.Link
	decoder wire.Decoder  // the link's reading goroutine's
	budget  budget        // the same
	turns   chan struct{} // holds one for each input of this link that waits for the loop
	sending bool          // among the loop's sending
}

// accepted takes in a link that a peer has dialled. It runs on a goroutine of
// the endpoint.
func (l *loop) accepted(link *transport.Link) { l.handIn(link, 0, "") }

// handIn gives a new link to the loop. wellKnown is the address that was
// dialled for whoever answers there, or "".
func (l *loop) handIn(link *transport.Link, attempt machine.AttemptID, wellKnown string) {
	posted := l.post(input{run: func(now machine.Time) { l.linkUp(now, link, attempt, wellKnown) }})
	if !posted {
		_ = link.Close()
	}
}

func (l *loop) linkUp(now machine.Time, link *transport.Link, attempt machine.AttemptID, wellKnown string) {
	l.forget(attempt)
	if l.parted {
		_ = link.Close()
		return
	}
	peer := link.Peer()
	if wellKnown != "" {
		l.node.joins.answered(wellKnown, ID(peer.ID))
	}
	if l.isBarred(now, ID(peer.ID)) {
		_ = link.Close()
		if attempt != 0 {
			l.m.DialFailed(now, attempt, machine.OutBusy, errFlood.Error())
		}
		return
	}
	l.lastLink++
	c := &conn{loop: l, id: l.lastLink, link: link, budget: newBudget(l), turns: make(chan struct{}, turnsMost)}
	l.links[c.id] = c
	// Nothing that the link brings is looked at before LinkUp: it waits
	// behind this very input.
	link.Start(c.frame, c.down)
	up := machine.LinkUp{Link: c.id, Attempt: attempt, Peer: wire.ID(peer.ID), Address: peer.Advertise}
	for _, d := range peer.Domains {
		if role := wire.Role(d.Role); role == wire.Member || role == wire.Manager {
			up.Domains = append(up.Domains, wire.DomainRole{Name: d.Name, Role: role})
		}
	}
	l.m.LinkUp(now, up)
}

// frame reads one payload; an error closes the link. While the loop is behind,
// it waits, and with it the peer.
func (c *conn) frame(payload []byte) error {
	l := c.loop
	l.counts.bytesIn.Add(uint64(len(payload)))
	beat, ok, err := wire.DecodeBeat(&c.decoder, payload)
	if err != nil {
		return err
	}
	if ok {
		l.counts.beatsIn.Add(1)
		if !c.budget.spend(l.now(), 1) {
			return errFlood
		}
		return c.hand(input{link: c.id, beat: beat})
	}
	msg, err := l.lately.Decode(payload)
	unknown := errors.Is(err, wire.ErrUnknownKind) // from a newer version
	switch {
	case err != nil && !unknown:
		return err
	case !c.budget.spend(l.now(), weigh(msg, len(payload))):
		return errFlood
	case unknown:
		return nil
	}
	if refuse := c.misnamed(msg); refuse != nil {
		c.turnAway(refuse)
		return nil
	}
	l.counts.messagesIn.Add(1)
	return c.hand(input{link: c.id, msg: msg})
}

// hand gives an input of this link to the machine: at once if that is possible
// without overtaking or waiting for anything, else through the loop's channel.
// A flood is the loop's in any case: to check a signature takes 8 KiB of stack,
// which every reader that checks one would have to grow by itself.
func (c *conn) hand(in input) error {
	l := c.loop
	_, flood := in.msg.(*wire.Gossip)
	if !flood && len(c.turns) == 0 && l.takeNow(in) {
		return nil
	}
	in.turns = c.turns
	select { // for the loop to take those that came before
	case c.turns <- struct{}{}:
	case <-l.node.ctx.Done():
		return transport.ErrClosed
	}
	if !l.post(in) {
		return transport.ErrClosed
	}
	return nil
}

// down is told once, when the link has ended and all its frames were handed in.
func (c *conn) down(err error) {
	l := c.loop
	l.post(input{run: func(now machine.Time) {
		delete(l.links, c.id)
		peer := c.link.Peer()
		if errors.Is(err, errFlood) {
			l.bar(now, ID(peer.ID))
			l.limit.warn("link closed: the peer floods", ID(peer.ID).String(), "peer", peer.Advertise, "reason", err.Error())
		}
		switch transport.FailureOf(err) {
		case transport.FailureMalformed:
			l.limit.warn("link closed: the peer does not follow the protocol", ID(peer.ID).String(),
				"peer", peer.Advertise, "reason", err.Error())
		case transport.FailureSilent:
			l.limit.warn("link closed: the peer does not take what it is sent", ID(peer.ID).String(),
				"peer", peer.Advertise, "reason", err.Error())
		}
		l.m.LinkDown(now, c.id)
		if l.parted && len(l.links) == 0 {
			l.flushedAll()
		}
	}})
}

// flushedAll says that all links have ended after this node has left.
func (l *loop) flushedAll() {
	select {
	case <-l.flushed:
	default:
		close(l.flushed)
	}
}
