package tribes

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/gotribes/tribes/internal/javastream"
	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// Options are the bits with which a message is sent.
type Options = wire.Options

// The options that mean something to a sender. Whether the content is bytes or
// an object is set by what is sent.
const (
	Ack     = wire.Ack     // wait until the receiver has it
	SyncAck = wire.SyncAck // with Ack: until its application has taken it
	Async   = wire.Async   // do not wait for anything
)

// A Message is what a member has sent: bytes, a text, or an object of some other
// class, of which only the name is shown.
type Message struct {
	From    membership.Member // as it is shown, or, if it is no member now, as it says
	Sender  wire.Member       // its member block, as it came with the message
	ID      wire.MessageID    // the same when it is sent again; zero for calls
	Options Options           // with which it was sent
	Bytes   []byte            // of a byte message
	Text    string            // of a java.lang.String
	Class   string            // of an object: java.lang.String of a text; "" of bytes
}

// ErrUnknownMember is wrapped by the error of a message to an ID that is no
// member.
var ErrUnknownMember = errors.New("not a member")

// A DeliveryError says to which members a message was not delivered.
type DeliveryError struct {
	Failed []DeliveryFailure // sorted by address
}

// A DeliveryFailure is one of them.
type DeliveryFailure struct {
	To  netip.AddrPort // where it listens
	Err error          // often a *SendError of package transport/tribes
}

// Error names each member with the reason.
func (e *DeliveryError) Error() string {
	var parts []string
	for _, f := range e.Failed {
		parts = append(parts, f.To.String()+": "+f.Err.Error())
	}
	return "not delivered: " + strings.Join(parts, "; ")
}

// Unwrap returns the reasons.
func (e *DeliveryError) Unwrap() []error {
	var out []error
	for _, f := range e.Failed {
		out = append(out, f.Err)
	}
	return out
}

func (e *DeliveryError) add(to netip.AddrPort, err error) {
	e.Failed = append(e.Failed, DeliveryFailure{to, err})
	slices.SortFunc(e.Failed, func(a, b DeliveryFailure) int { return compareAddresses(a.To, b.To) })
}

func (e *DeliveryError) orNil() error {
	if len(e.Failed) == 0 {
		return nil
	}
	return e
}

// Send sends a message, bytes or a string, to members of any group of the node;
// without to, to all others of its own domain. A string arrives as a
// java.lang.String.
//
// Without options it returns when the message is written; with Ack when every
// receiver has it, with Ack and SyncAck when their applications have taken it;
// with Async, whatever else is set, at once, and a failure is logged. What is
// sent to one member one after the other, and not Async, arrives in that order
// at a Go node; Java may deliver what needs no SyncAck in another.
//
// A message that is not acknowledged in time, or that the receiver's application
// fails on, is sent once more with the same id, which is returned. The error is
// a *DeliveryError, or ctx's.
func (n *Node) Send(ctx context.Context, options Options, body any, to ...membership.ID) (wire.MessageID, error) {
	id := wire.NewMessageID()
	content, kind, err := contentOf(body)
	if err != nil {
		return id, err
	}
	targets, err := n.targets(to)
	if err != nil {
		return id, err
	}
	options = options&^wire.Bytes | kind
	frames, err := n.frames(id, options, content, targets)
	if err != nil {
		return id, err
	}
	if options&Async != 0 {
		var failed DeliveryError
		for i, a := range targets {
			if err := n.boxes.put(n, a, parcel{options, frames[i]}); err != nil {
				failed.add(a, err)
			}
		}
		return id, failed.orNil()
	}
	return id, n.sendAll(ctx, options, frames, targets)
}

// sendAll sends to each target side by side, or to one here.
func (n *Node) sendAll(ctx context.Context, options Options, frames [][]byte, targets []netip.AddrPort) error {
	var failed DeliveryError
	if len(targets) == 1 {
		if err := n.sendFrame(ctx, targets[0], wire.LaneMessages, options, frames[0]); err != nil {
			failed.add(targets[0], err)
		}
		return failed.orNil()
	}
	results := make([]error, len(targets))
	done := make(chan int, len(targets))
	for i, a := range targets {
		send := func(context.Context) {
			results[i] = n.sendFrame(ctx, a, wire.LaneMessages, options, frames[i])
			done <- i
		}
		if err := n.job(send); err != nil {
			results[i] = err
			done <- i
		}
	}
	for range targets {
		<-done
	}
	for i, err := range results {
		if err != nil {
			failed.add(targets[i], err)
		}
	}
	return failed.orNil()
}

// contentOf makes the content of a message, and the option that says what it is.
func contentOf(body any) (content []byte, kind Options, err error) {
	switch b := body.(type) {
	case []byte:
		return b, wire.Bytes, nil
	case string:
		content, err = javastream.Encode(b)
		return content, 0, err
	}
	return nil, 0, errors.New("a message is bytes or a string")
}

// targets finds where members listen; those of the own domain if none is named.
func (n *Node) targets(to []membership.ID) ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	if len(to) == 0 {
		for m := range n.Own().View().All() {
			if a := netip.MustParseAddrPort(m.Address); a != n.address {
				out = append(out, a)
			}
		}
		return out, nil
	}
	for _, id := range to {
		a, ok := n.addressOf(id)
		if !ok {
			return nil, &unknownMemberError{id}
		}
		out = append(out, a)
	}
	return out, nil
}

type unknownMemberError struct{ id membership.ID }

func (e *unknownMemberError) Error() string { return "member " + e.id.String() + " is not in any view" }
func (e *unknownMemberError) Unwrap() error { return ErrUnknownMember }

func (n *Node) addressOf(id membership.ID) (netip.AddrPort, bool) {
	for _, g := range n.order {
		if m, ok := g.View().Get(id); ok {
			return netip.MustParseAddrPort(m.Address), true
		}
	}
	return netip.AddrPort{}, false
}

// textOf makes a Message of what has arrived.
func textOf(from membership.Member, sender wire.Member, options Options, content []byte, v javastream.Value) Message {
	m := Message{From: from, Sender: sender, Options: options}
	if options&wire.Bytes != 0 {
		m.Bytes = content
		return m
	}
	m.Class = classOf(v)
	switch v := v.(type) {
	case string:
		m.Text = v
	case []byte:
		m.Bytes = v
	case *javastream.Object:
		if v.Class.Name == classBytes {
			m.Bytes = bytesOf(v)
		}
	}
	return m
}

// bytesOf reads a ByteMessage that was sent as an object: a length and as many
// bytes.
func bytesOf(o *javastream.Object) []byte {
	b, _, _ := counted(blockOf(o))
	return b
}
