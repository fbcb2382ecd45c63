package inspect

import (
	"context"
	"fmt"
	"time"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport"
)

// Bounds of what is taken of a node that is asked.
const (
	viewMost  = 1_000_000 // participants, as of Config.MaxMembers
	bytesMost = 512 << 20 // of all parts of a view
)

// A Seen is the view of a domain as the asked node has it.
type Seen struct {
	View membership.View // members and managers; its Isolated says nothing
	// Number of the view, by the count of the asked node.
	Number uint64
	// Isolated says that the asked node hears nobody at all.
	Isolated bool
	// Same says that the view is the one that was known, and View is empty.
	Same bool
}

// View asks for the view of a domain. known is the number of the view that the
// same node (by its ID) has answered with before, or 0: if it still has that
// one, Same is set, and little is sent. An error wraps ErrNotServed if the node
// takes no part in the domain.
func (c *Conn) View(ctx context.Context, domain string, known uint64) (Seen, error) {
	if err := checkText("domain", domain); err != nil {
		return Seen{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var out Seen
	var members []membership.Member
	for bytes := 0; ; {
		answer, size, err := c.ask(ctx, &wire.AskView{Domain: domain, Known: known, From: uint32(len(members))})
		if err != nil {
			return Seen{}, err
		}
		part, ok := answer.(*wire.Seen)
		bytes += size
		switch {
		case !ok, part.Domain != domain, len(members) > 0 && part.Number != out.Number:
			return Seen{}, c.strange(answer)
		case part.Total > viewMost || bytes > bytesMost || len(members)+len(part.Members) > int(part.Total):
			return Seen{}, fmt.Errorf("%w: a view of %d participants and %d bytes", c.strange(answer), part.Total, bytes)
		}
		out.Number, out.Isolated, out.Same = part.Number, part.Isolated, part.Same
		if out.Same {
			return out, nil
		}
		for i := range part.Members {
			members = append(members, memberOf(domain, &part.Members[i]))
		}
		if len(members) == int(part.Total) {
			out.View = membership.MakeView(domain, out.Number, members)
			return out, nil
		}
		if len(part.Members) == 0 {
			return Seen{}, c.strange(answer)
		}
	}
}

// Explain asks what the node knows of a participant, also of one that is gone,
// as Group.Explain of the node itself: who is its ID or four of its first
// digits, its address, or its name. What is watched from "this node" is watched
// from the asked one. Of who is not known, Known is false.
func (c *Conn) Explain(ctx context.Context, domain, who string) (membership.Explanation, error) {
	if err := checkText("domain", domain); err != nil {
		return membership.Explanation{}, err
	}
	if err := checkText("who", who); err != nil {
		return membership.Explanation{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, _, err := c.ask(ctx, &wire.AskWhy{Domain: domain, Who: who})
	if err != nil {
		return membership.Explanation{}, err
	}
	why, ok := answer.(*wire.Why)
	if !ok || why.Domain != domain {
		return membership.Explanation{}, c.strange(answer)
	}
	return explanationOf(why, time.Now()), nil
}

// A DialBack is what came of dialling an address from another node.
type DialBack struct {
	Failure transport.Failure // FailureNone: somebody has answered
	Code    transport.Code    // of a handshake that came to a no
	ID      membership.ID     // who has answered
	Took    time.Duration     // connect and handshake, or until it failed
	Text    string            // what went wrong, in the words of the asked node
}

// DialBack asks the node to dial an address as it would dial a member's: a look,
// of 3 s at most. It does one at a time; otherwise the error wraps ErrBusy.
func (c *Conn) DialBack(ctx context.Context, address string) (DialBack, error) {
	if err := checkText("address", address); err != nil {
		return DialBack{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, _, err := c.ask(ctx, &wire.AskDial{Address: address})
	if err != nil {
		return DialBack{}, err
	}
	d, ok := answer.(*wire.Dialed)
	if !ok {
		return DialBack{}, c.strange(answer)
	}
	return DialBack{
		Failure: transport.Failure(d.Failure), Code: transport.Code(d.Code), ID: membership.ID(d.ID), Took: d.Took, Text: d.Text,
	}, nil
}
