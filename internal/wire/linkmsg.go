package wire

import "slices"

// Messages about the link itself.

// Parting says why a link is closed.
type Parting uint8

// The partings. Only a Left record says that a member has left its group; a
// parting says what the close of the link does not mean.
const (
	NotNeeded Parting = 1 // neither end counts the other as neighbour
	Duplicate Parting = 2 // another link between the two stays
	Departing Parting = 3 // the node has left, or is closing down
	Rejected  Parting = 4 // a Refuse went before
)

// Goodbye is the last message before an orderly close.
type Goodbye struct{ Parting Parting }

// Need says whether the sender counts the receiver as a neighbour.
type Need struct{ Needed bool }

// A DomainRole is a domain that a node takes part in, and how.
type DomainRole struct {
	Name string
	Role Role
}

// Domains says which domains the sender takes part in, when that has changed
// since the handshake.
type Domains struct{ Domains []DomainRole }

// A DomainDigest is the digest of one domain's records.
type DomainDigest struct {
	Domain string
	Digest uint64
}

// Digests is sent when the digests in two beats running have differed: which
// of the common domains is it?
type Digests struct{ Digests []DomainDigest }

func (*Goodbye) kind() Kind          { return KindGoodbye }
func (m *Goodbye) encode(e *Encoder) { e.Map(1); e.Uint(1); e.Uint(uint64(m.Parting)) }
func (m *Goodbye) field(d *Decoder, f uint64) bool {
	if f == 1 {
		m.Parting = Parting(d.uint8())
	}
	return f == 1
}
func (m *Goodbye) check(*Decoder) {}

func (*Need) kind() Kind          { return KindNeed }
func (m *Need) encode(e *Encoder) { e.Map(1); e.Uint(1); e.Bool(m.Needed) }
func (m *Need) field(d *Decoder, f uint64) bool {
	if f == 1 {
		m.Needed = d.Bool()
	}
	return f == 1
}
func (m *Need) check(*Decoder) {}

func (*Domains) kind() Kind { return KindDomains }
func (m *Domains) encode(e *Encoder) {
	e.Map(1)
	e.Uint(1)
	e.Array(len(m.Domains))
	for _, dr := range m.Domains {
		e.Array(2)
		e.String(dr.Name)
		e.Uint(uint64(dr.Role))
	}
}
func (m *Domains) field(d *Decoder, f uint64) bool {
	if f != 1 {
		return false
	}
	eachPair(d, MaxDomains, func() {
		m.Domains = append(m.Domains, DomainRole{Name: d.String(MaxText), Role: Role(d.uint8())})
	})
	return true
}
func (m *Domains) check(d *Decoder) {
	names := make([]string, 0, len(m.Domains))
	for _, dr := range m.Domains {
		names = append(names, dr.Name)
		if dr.Name == "" || (dr.Role != Member && dr.Role != Manager) {
			d.Fail("domain %q with role %d", dr.Name, dr.Role)
		}
	}
	needDistinct(d, names)
}

func (*Digests) kind() Kind { return KindDigests }
func (m *Digests) encode(e *Encoder) {
	e.Map(1)
	e.Uint(1)
	e.Array(len(m.Digests))
	for _, dd := range m.Digests {
		e.Array(2)
		e.String(dd.Domain)
		e.Uint(dd.Digest)
	}
}
func (m *Digests) field(d *Decoder, f uint64) bool {
	if f != 1 {
		return false
	}
	eachPair(d, MaxDomains, func() {
		m.Digests = append(m.Digests, DomainDigest{Domain: d.String(MaxText), Digest: d.Uint()})
	})
	return true
}
func (m *Digests) check(d *Decoder) {
	names := make([]string, 0, len(m.Digests))
	for _, dd := range m.Digests {
		needDomain(d, dd.Domain)
		names = append(names, dd.Domain)
	}
	needDistinct(d, names)
}

// needDistinct fails when a list names a domain twice: every entry of Digests
// may be answered with a message that is much larger. It sorts the names.
func needDistinct(d *Decoder, names []string) {
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i-1] == names[i] {
			d.Fail("domain %q is named twice", names[i])
			return
		}
	}
}

// eachPair reads an array of arrays of two or more parts; parts beyond the
// second belong to newer versions and are skipped.
func eachPair(d *Decoder, most int, read func()) {
	for range d.Array(most) {
		n := d.Array(MaxParts)
		if n < 2 {
			d.Fail("pair of %d parts", n)
		}
		if d.Err() != nil {
			return
		}
		read()
		for range n - 2 {
			d.Skip()
		}
		if d.Err() != nil {
			return
		}
	}
}
