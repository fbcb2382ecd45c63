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

// The kinds of messages. 1 to 9 concern a link, the others one domain.
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
// with the payload. A Beat is better read with DecodeBeat, which does not
// allocate.
func Decode(payload []byte) (Message, error) {
	var d Decoder
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
	for range d.Map(64) {
		field := d.Uint()
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
	return nil
}
