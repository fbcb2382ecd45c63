package wire

import "time"

func (*AskView) kind() Kind { return KindAskView }
func (m *AskView) encode(e *Encoder) {
	e.Map(3)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	e.Uint(m.Known)
	e.Uint(3)
	e.Uint(uint64(m.From))
}
func (m *AskView) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Known = d.Uint()
	case 3:
		m.From = d.uint32()
	default:
		return false
	}
	return true
}
func (m *AskView) check(d *Decoder) { needDomain(d, m.Domain) }

func (*AskWhy) kind() Kind { return KindAskWhy }
func (m *AskWhy) encode(e *Encoder) {
	e.Map(2)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	e.String(m.Who)
}
func (m *AskWhy) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Who = d.String(MaxText)
	default:
		return false
	}
	return true
}
func (m *AskWhy) check(d *Decoder) { needDomain(d, m.Domain) }

func (*AskDial) kind() Kind { return KindAskDial }
func (m *AskDial) encode(e *Encoder) {
	e.Map(1)
	e.Uint(1)
	e.String(m.Address)
}
func (m *AskDial) field(d *Decoder, f uint64) bool {
	if f == 1 {
		m.Address = d.String(MaxText)
	}
	return f == 1
}
func (m *AskDial) check(d *Decoder) {
	if m.Address == "" {
		d.Fail("no address to dial")
	}
}

func (*Dialed) kind() Kind { return KindDialed }
func (m *Dialed) encode(e *Encoder) {
	e.Map(5)
	e.Uint(1)
	e.Uint(uint64(m.Failure))
	e.Uint(2)
	e.Uint(uint64(m.Code))
	e.Uint(3)
	e.Bin(m.ID[:])
	e.Uint(4)
	e.Int(int64(m.Took))
	e.Uint(5)
	e.String(m.Text)
}
func (m *Dialed) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Failure = d.uint8()
	case 2:
		m.Code = d.uint8()
	case 3:
		m.ID = d.id()
	case 4:
		m.Took = time.Duration(d.Int())
	case 5:
		m.Text = d.String(MaxReason)
	default:
		return false
	}
	return true
}
func (m *Dialed) check(*Decoder) {}

func (*Unanswered) kind() Kind { return KindUnanswered }
func (m *Unanswered) encode(e *Encoder) {
	e.Map(2)
	e.Uint(1)
	e.Uint(uint64(m.Code))
	e.Uint(2)
	e.String(m.Text)
}
func (m *Unanswered) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Code = AnswerCode(d.uint8())
	case 2:
		m.Text = d.String(MaxReason)
	default:
		return false
	}
	return true
}
func (m *Unanswered) check(*Decoder) {}

func (*Seen) kind() Kind { return KindSeen }
func (m *Seen) encode(e *Encoder) {
	e.Map(6)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	e.Uint(m.Number)
	e.Uint(3)
	e.Uint(uint64(m.Total))
	e.Uint(4)
	e.Bool(m.Isolated)
	e.Uint(5)
	e.Bool(m.Same)
	e.Uint(6)
	e.Array(len(m.Members))
	for i := range m.Members {
		m.Members[i].encode(e)
	}
}
func (m *Seen) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Number = d.Uint()
	case 3:
		m.Total = d.uint32()
	case 4:
		m.Isolated = d.Bool()
	case 5:
		m.Same = d.Bool()
	case 6:
		m.Members = entries(d, MaxRecords, 9, decodeSeenMember)
	default:
		return false
	}
	return true
}
func (m *Seen) check(d *Decoder) { needDomain(d, m.Domain) }

func (m *SeenMember) encode(e *Encoder) {
	e.Array(9)
	e.Bin(m.ID[:])
	e.String(m.Name)
	e.String(m.Address)
	e.String(m.SubDomain)
	e.Uint(uint64(m.State))
	e.Uint(uint64(m.Incarnation))
	e.Uint(uint64(m.Version))
	e.Uint(uint64(m.Marks))
	e.Map(len(m.Properties))
	for _, p := range m.Properties {
		e.String(p.Key)
		e.String(p.Value)
	}
}

func decodeSeenMember(d *Decoder) SeenMember {
	return SeenMember{
		ID: d.id(), Name: d.String(MaxText), Address: d.String(MaxText), SubDomain: d.String(MaxText), State: d.uint8(),
		Incarnation: d.uint32(), Version: d.uint32(), Marks: Marks(d.uint8()), Properties: decodeProperties(d),
	}
}

// entries reads a list of arrays of at least so many parts; further ones are
// for later versions.
func entries[T any](d *Decoder, most, parts int, one func(d *Decoder) T) []T {
	n := d.Array(most)
	if d.Err() != nil || n == 0 {
		return nil
	}
	out := make([]T, 0, n)
	for range n {
		out = append(out, entry(d, parts, one))
		if d.Err() != nil {
			return nil
		}
	}
	return out
}

func entry[T any](d *Decoder, parts int, one func(d *Decoder) T) T {
	n := d.Array(MaxParts)
	if n < parts {
		d.Fail("entry of %d parts, at least %d expected", n, parts)
	}
	v := one(d)
	for range n - parts {
		d.Skip()
	}
	return v
}
