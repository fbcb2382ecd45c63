package wire

import (
	"errors"
	"fmt"
)

// A Message is what one frame means. Once sent it is never changed: the same
// message may be on its way over many links.
type Message interface {
	kind() Kind
	encode(e *Encoder)
	// field reads the value of one field; false means that it does not know it.
	field(d *Decoder, field uint64) bool
	// check is called after all fields were read.
	check(d *Decoder)
}

// Kind is the number that a frame starts with.
type Kind uint64

// The kinds of messages. 1 to 9 concern a link, 10 to 29 one domain.
const (
	KindBeat    Kind = 1
	KindGoodbye Kind = 2
	KindNeed    Kind = 3
	KindDomains Kind = 4
	KindDigests Kind = 5

	KindJoin     Kind = 10
	KindRefuse   Kind = 11
	KindTable    Kind = 12
	KindGossip   Kind = 13
	KindHeldDown Kind = 14
	KindBuckets  Kind = 15
	KindSync     Kind = 16
	KindLookFor  Kind = 17
	KindLooked   Kind = 18
	KindConfirm  Kind = 19
	KindPress    Kind = 20

	// Questions and answers, only on a connection that asks (transport.PurposeAsk).
	KindAskView    Kind = 30
	KindSeen       Kind = 31
	KindAskWhy     Kind = 32
	KindWhy        Kind = 33
	KindAskDial    Kind = 34
	KindDialed     Kind = 35
	KindUnanswered Kind = 36
)

// ErrUnknownKind says that a frame holds a message of a newer version; it is
// to be skipped.
var ErrUnknownKind = errors.New("unknown kind of message")

// Encode appends the message's frame payload to e.
func Encode(e *Encoder, m Message) {
	e.Uint(uint64(m.kind()))
	m.encode(e)
}

// Name returns the message's name for logs and transcripts.
func Name(m Message) string {
	if m == nil {
		return "beat"
	}
	return fmt.Sprintf("%T", m)[len("*wire."):]
}

// Decode reads one message from a frame's payload. The result shares nothing
// with the payload. A Beat is not a Message: to Decode it is an unknown kind,
// DecodeBeat reads it.
func Decode(payload []byte) (Message, error) { return decodeWith(payload, nil) }

func decodeWith(payload []byte, lately *Lately) (Message, error) {
	d := Decoder{lately: lately}
	d.Reset(payload)
	k := Kind(d.Uint())
	if err := d.Err(); err != nil {
		return nil, err
	}
	m := newMessage(k)
	if m == nil {
		return nil, fmt.Errorf("%w %d", ErrUnknownKind, k)
	}
	decodeFields(&d, m)
	if err := d.Done(); err != nil {
		return nil, fmt.Errorf("%s: %w", Name(m), err)
	}
	return m, nil
}

func decodeFields(d *Decoder, m Message) {
	var seen fields
	for range d.Map(MaxFields) {
		field := d.Uint()
		seen.once(d, field)
		if d.Err() != nil {
			return
		}
		if !m.field(d, field) {
			d.Skip()
		}
		if d.Err() != nil {
			return
		}
	}
	if d.Err() == nil {
		m.check(d)
	}
}

// fields notes which fields of a map were read.
type fields uint64

// once fails when a field comes a second time: its limit would count for each
// of them, and readers of one signed body could differ in which they believe.
// Fields from 64 on are not noted; no reader knows one yet.
func (f *fields) once(d *Decoder, field uint64) {
	if field >= 64 {
		return
	}
	if *f&(1<<field) != 0 {
		d.Fail("field %d comes twice", field)
	}
	*f |= 1 << field
}

func newMessage(k Kind) Message {
	switch k {
	case KindGoodbye:
		return new(Goodbye)
	case KindNeed:
		return new(Need)
	case KindDomains:
		return new(Domains)
	case KindDigests:
		return new(Digests)
	case KindJoin:
		return new(Join)
	case KindRefuse:
		return new(Refuse)
	case KindTable:
		return new(Table)
	case KindGossip:
		return new(Gossip)
	case KindHeldDown:
		return new(HeldDown)
	case KindBuckets:
		return new(Buckets)
	case KindSync:
		return new(Sync)
	case KindLookFor:
		return new(LookFor)
	case KindLooked:
		return new(Looked)
	case KindConfirm:
		return new(Confirm)
	case KindPress:
		return new(Press)
	}
	return newQuestion(k)
}

func newQuestion(k Kind) Message {
	switch k {
	case KindAskView:
		return new(AskView)
	case KindSeen:
		return new(Seen)
	case KindAskWhy:
		return new(AskWhy)
	case KindWhy:
		return new(Why)
	case KindAskDial:
		return new(AskDial)
	case KindDialed:
		return new(Dialed)
	case KindUnanswered:
		return new(Unanswered)
	}
	return nil
}
