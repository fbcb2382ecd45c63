package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Role says how a node takes part in a domain.
type Role uint8

// The roles. A manager follows a domain without belonging to it.
const (
	Member  Role = 1
	Manager Role = 2
)

// State is what a member says of itself. Whether it is suspected or has
// failed is said by others.
type State uint8

// The states that a member can publish.
const (
	Alive    State = 1
	Draining State = 2 // nothing new but what is sticky; no end
	Leaving  State = 3 // nothing at all; on its way out
	Left     State = 4 // gone for good
)

// A Property is one key and value published with a member.
type Property struct{ Key, Value string }

// A Record is what a member says of itself. It has one writer, the member;
// once made it is never changed, and may be shared.
type Record struct {
	ID          ID // derived from Key and Birth
	Key         PublicKey
	Birth       Birth // zero: the ID is made of the key alone
	Domain      string
	Incarnation uint32 // grows only when the member comes back after having been dropped
	Version     uint32 // grows with any other change
	Role        Role
	State       State
	Name        string
	Address     string
	SubDomain   string
	Properties  []Property // sorted by key
	Follows     []string   // domains that a manager of any domain follows, sorted

	Body  []byte    // the signed bytes, or those that Birth is the hash of
	Sig   Signature // zero if First
	First bool      // the record that Birth is the hash of

	Places [Rings]uint64 // derived from ID
	Hash   uint64        // derived from ID, Incarnation, Version
}

// Field numbers of a record's body.
const (
	recKey = 1 + iota
	recDomain
	recIncarnation
	recVersion
	recRole
	recState
	recName
	recAddress
	recSubDomain
	recProperties
	recFollows
	recBirth // not of a first record
)

// The numbers of a first record.
const (
	FirstIncarnation = 1
	FirstVersion     = 1
)

// SealFirst makes the first record of a process with this public key, which
// needs no signature, filling the derived fields. Incarnation, Version, Role and
// State are those of a first record.
func (r *Record) SealFirst(key PublicKey) {
	r.Key, r.Birth, r.First = key, Birth{}, true
	r.Incarnation, r.Version, r.Role, r.State = FirstIncarnation, FirstVersion, Member, Alive
	r.encodeBody()
	r.Sig = Signature{}
	r.derive()
}

// Seal encodes and signs the record, filling the derived fields. Birth is that of
// the signer's process.
func (r *Record) Seal(s Signer) {
	r.Key, r.First = s.PublicKey(), false
	r.encodeBody()
	r.Sig = s.Sign(signed(recordContext, r.Body))
	r.derive()
}

func (r *Record) encodeBody() {
	var e Encoder
	fields, born := recFollows, r.Birth != Birth{}
	if born {
		fields++
	}
	e.Map(fields)
	e.Uint(recKey)
	e.Bin(r.Key[:])
	e.Uint(recDomain)
	e.String(r.Domain)
	e.Uint(recIncarnation)
	e.Uint(uint64(r.Incarnation))
	e.Uint(recVersion)
	e.Uint(uint64(r.Version))
	e.Uint(recRole)
	e.Uint(uint64(r.Role))
	e.Uint(recState)
	e.Uint(uint64(r.State))
	e.Uint(recName)
	e.String(r.Name)
	e.Uint(recAddress)
	e.String(r.Address)
	e.Uint(recSubDomain)
	e.String(r.SubDomain)
	e.Uint(recProperties)
	e.Map(len(r.Properties))
	for _, p := range r.Properties {
		e.String(p.Key)
		e.String(p.Value)
	}
	e.Uint(recFollows)
	e.Array(len(r.Follows))
	for _, d := range r.Follows {
		e.String(d)
	}
	if born {
		e.Uint(recBirth)
		e.Bin(r.Birth[:])
	}
	r.Body = append([]byte(nil), e.Bytes()...)
}

func (r *Record) derive() {
	if r.First {
		h := sha256.New()
		_, _ = h.Write([]byte(birthContext))
		_, _ = h.Write(r.Body)
		h.Sum(r.Birth[:0])
	}
	r.ID = IDOf(r.Key, r.Birth)
	r.Places = r.ID.Places()
	r.Hash = mix(mix(binary.BigEndian.Uint64(r.ID[:8]), binary.BigEndian.Uint64(r.ID[8:])),
		uint64(r.Incarnation)<<32|uint64(r.Version))
}

// mix folds two words into one, so that sums of results differ where the
// inputs do. It need not stand against an attacker: a member who forges a
// digest only hides what it could refuse to send anyway.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xbf58476d1ce4e5b9)
	return hi ^ lo ^ bits.RotateLeft64(a+b, 31)
}

// Verify checks the signature. A first record is good as it is: it belongs to the
// ID that follows from it, and to no other.
func (r *Record) Verify(v Verifier) bool {
	return r.First || v(r.Key, recordContext, r.Body, r.Sig)
}

// Newer reports whether r comes after o, both of one ID.
func (r *Record) Newer(o *Record) bool {
	if r.Incarnation != o.Incarnation {
		return r.Incarnation > o.Incarnation
	}
	return r.Version > o.Version
}

// String shows what a log line needs.
func (r *Record) String() string {
	return fmt.Sprintf("%s %s@%s %d.%d", r.Domain, r.Name, r.Address, r.Incarnation, r.Version)
}

func (r *Record) encode(e *Encoder) {
	if r.First {
		encodeSigned(e, r.Body, nil)
		return
	}
	encodeSigned(e, r.Body, r.Sig[:])
}

func decodeRecord(d *Decoder) *Record {
	body, sig, signed := decodeSigned(d, MaxBody)
	if d.Err() != nil {
		return nil
	}
	if r := d.lately.record(body, &sig, signed); r != nil {
		return r
	}
	r := &Record{Body: bytes.Clone(body), Sig: sig, First: !signed}
	if r.parse(d) == nil {
		return nil
	}
	d.lately.putRecord(r)
	return r
}

func (r *Record) parse(d *Decoder) *Record {
	in := d.inner(r.Body)
	var seen fields
	for range in.Map(MaxFields) {
		field := in.Uint()
		seen.once(in, field)
		r.field(in, field)
		if in.Err() != nil {
			break
		}
	}
	if err := in.Done(); err != nil {
		d.Fail("record: %v", err)
		return nil
	}
	if err := r.check(); err != nil {
		d.Fail("record: %v", err)
		return nil
	}
	r.derive()
	return r
}

func (r *Record) field(in *Decoder, field uint64) {
	switch field {
	case recKey:
		key := in.Bytes(len(r.Key))
		if copy(r.Key[:], key) != len(r.Key) {
			in.Fail("key of %d bytes", len(key))
		}
	case recDomain:
		r.Domain = in.String(MaxText)
	case recIncarnation:
		r.Incarnation = in.uint32()
	case recVersion:
		r.Version = in.uint32()
	case recRole:
		r.Role = Role(in.uint8())
	case recState:
		r.State = State(in.uint8())
	case recName:
		r.Name = in.String(MaxText)
	case recAddress:
		r.Address = in.String(MaxText)
	case recSubDomain:
		r.SubDomain = in.String(MaxText)
	case recProperties:
		r.Properties = decodeProperties(in)
	case recFollows:
		r.Follows = decodeStrings(in, MaxDomains)
	case recBirth:
		in.birth(&r.Birth)
	default:
		in.Skip()
	}
}

func decodeProperties(in *Decoder) []Property {
	n := in.Map(MaxProperties)
	if in.Err() != nil || n == 0 {
		return nil
	}
	out := make([]Property, 0, n)
	sum := 0
	for i := range n {
		p := Property{Key: in.String(MaxPropertySum), Value: in.String(MaxPropertySum)}
		sum += len(p.Key) + len(p.Value)
		if in.Err() != nil {
			return nil
		}
		if sum > MaxPropertySum {
			in.Fail("properties of more than %d bytes", MaxPropertySum)
			return nil
		}
		if i > 0 && out[i-1].Key >= p.Key {
			in.Fail("properties not sorted by key")
			return nil
		}
		out = append(out, p)
	}
	return out
}

func decodeStrings(in *Decoder, most int) []string {
	n := in.Array(most)
	if in.Err() != nil || n == 0 {
		return nil
	}
	out := make([]string, 0, n)
	for range n {
		out = append(out, in.String(MaxText))
		if in.Err() != nil {
			return nil
		}
	}
	return out
}

func (r *Record) check() error {
	switch {
	case r.Key == PublicKey{}:
		return fmt.Errorf("no key")
	case r.Domain == "":
		return fmt.Errorf("no domain")
	case r.Address == "":
		return fmt.Errorf("no address")
	case r.Role != Member && r.Role != Manager:
		return fmt.Errorf("role %d", r.Role)
	case r.State < Alive || r.State > Left:
		return fmt.Errorf("state %d", r.State)
	case r.First && !r.isFirst():
		return fmt.Errorf("no signature, and not a first record: %d.%d, role %d, state %d", r.Incarnation, r.Version, r.Role, r.State)
	}
	return nil
}

// isFirst says that a record that came without a signature can be a first one.
func (r *Record) isFirst() bool {
	return r.Incarnation == FirstIncarnation && r.Version == FirstVersion && r.Role == Member && r.State == Alive && r.Birth == Birth{}
}

func (d *Decoder) uint32() uint32 {
	v := d.Uint()
	if v > 1<<32-1 {
		d.Fail("number %d over 32 bits", v)
	}
	return uint32(v)
}

func (d *Decoder) uint8() uint8 {
	v := d.Uint()
	if v > 255 {
		d.Fail("number %d over 8 bits", v)
	}
	return uint8(v)
}

// birth reads one that is not zero.
func (d *Decoder) birth(into *Birth) {
	b := d.Bytes(len(into))
	if d.Err() == nil && (copy(into[:], b) != len(into) || *into == Birth{}) {
		d.Fail("birth of %d bytes", len(b))
	}
}
