package wire

import (
	"bytes"
	"fmt"
)

// Reason is what a watcher found when it could not reach a member.
type Reason uint8

// The reasons, in order of weight: a verdict takes the weightiest of its
// accusers' (replaced, then refused, then silent).
const (
	Silent   Reason = 1 // no word for longer than the drop time
	Refused  Reason = 2 // connect refused at an address reached before
	Replaced Reason = 3 // another ID answers at the address
)

// An Accusation is what a watcher says of a member that it cannot reach, or no
// longer says. It has one writer, the watcher.
type Accusation struct {
	Watcher     ID // derived from Key and Birth
	Key         PublicKey
	Birth       Birth // the watcher's
	Domain      string
	Subject     ID
	Incarnation uint32 // the subject's; an accusation counts for this one only
	Raised      bool   // false: withdrawn
	Reason      Reason
	Seq         uint64 // grows with every word of this watcher on this subject

	Body []byte
	Sig  Signature
}

const (
	accKey = 1 + iota
	accDomain
	accSubject
	accIncarnation
	accRaised
	accReason
	accSeq
	accBirth
)

// Seal encodes and signs the accusation. Birth is that of the signer's process.
func (a *Accusation) Seal(s Signer) {
	var e Encoder
	a.Key = s.PublicKey()
	a.Watcher = IDOf(a.Key, a.Birth)
	fields, born := accSeq, a.Birth != Birth{}
	if born {
		fields++
	}
	e.Map(fields)
	e.Uint(accKey)
	e.Bin(a.Key[:])
	e.Uint(accDomain)
	e.String(a.Domain)
	e.Uint(accSubject)
	e.Bin(a.Subject[:])
	e.Uint(accIncarnation)
	e.Uint(uint64(a.Incarnation))
	e.Uint(accRaised)
	e.Bool(a.Raised)
	e.Uint(accReason)
	e.Uint(uint64(a.Reason))
	e.Uint(accSeq)
	e.Uint(a.Seq)
	if born {
		e.Uint(accBirth)
		e.Bin(a.Birth[:])
	}
	a.Body = append([]byte(nil), e.Bytes()...)
	a.Sig = s.Sign(signed(accusationContext, a.Body))
}

// Verify checks the signature.
func (a *Accusation) Verify(v Verifier) bool {
	return v(a.Key, accusationContext, a.Body, a.Sig)
}

// String shows what a log line needs.
func (a *Accusation) String() string {
	word := "withdraws"
	if a.Raised {
		word = "accuses"
	}
	return fmt.Sprintf("%s %s %s.%d (%s) #%d", a.Watcher.Short(), word, a.Subject.Short(), a.Incarnation, a.Reason, a.Seq)
}

// String returns the reason's word.
func (r Reason) String() string {
	switch r {
	case Silent:
		return "silent"
	case Refused:
		return "refused"
	case Replaced:
		return "replaced"
	}
	return "no reason"
}

func decodeAccusation(d *Decoder) *Accusation {
	body, sig, signed := decodeSigned(d, MaxAccusation)
	if d.Err() == nil && !signed {
		d.Fail("accusation without a signature")
	}
	if d.Err() != nil {
		return nil
	}
	if a := d.lately.accusation(body, &sig); a != nil {
		return a
	}
	a := &Accusation{Body: bytes.Clone(body), Sig: sig}
	in := d.inner(a.Body)
	var seen fields
	for range in.Map(MaxFields) {
		field := in.Uint()
		seen.once(in, field)
		a.field(in, field)
		if in.Err() != nil {
			break
		}
	}
	if err := in.Done(); err != nil {
		d.Fail("accusation: %v", err)
		return nil
	}
	if a.Key == (PublicKey{}) {
		d.Fail("accusation without a key")
		return nil
	}
	if a.Reason < Silent || a.Reason > Replaced || a.Domain == "" {
		d.Fail("accusation with reason %d in domain %q", a.Reason, a.Domain)
		return nil
	}
	a.Watcher = IDOf(a.Key, a.Birth)
	d.lately.putAccusation(a)
	return a
}

func (a *Accusation) field(in *Decoder, field uint64) {
	switch field {
	case accKey:
		key := in.Bytes(len(a.Key))
		if copy(a.Key[:], key) != len(a.Key) {
			in.Fail("key of %d bytes", len(key))
		}
	case accDomain:
		a.Domain = in.String(MaxText)
	case accSubject:
		a.Subject = in.id()
	case accIncarnation:
		a.Incarnation = in.uint32()
	case accRaised:
		a.Raised = in.Bool()
	case accReason:
		a.Reason = Reason(in.uint8())
	case accSeq:
		a.Seq = in.Uint()
	case accBirth:
		in.birth(&a.Birth)
	default:
		in.Skip()
	}
}

func (d *Decoder) id() (id ID) {
	b := d.Bytes(len(id))
	if d.Err() == nil && copy(id[:], b) != len(id) {
		d.Fail("ID of %d bytes", len(b))
	}
	return id
}
