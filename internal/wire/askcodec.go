package wire

// Codec of the small messages about one member.

func (*LookFor) kind() Kind { return KindLookFor }
func (m *LookFor) encode(e *Encoder) {
	e.Map(4)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	e.Uint(m.Token)
	e.Uint(3)
	e.Bin(m.Subject[:])
	e.Uint(4)
	e.String(m.Address)
}
func (m *LookFor) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Token = d.Uint()
	case 3:
		m.Subject = d.id()
	case 4:
		m.Address = d.String(MaxText)
	default:
		return false
	}
	return true
}
func (m *LookFor) check(d *Decoder) { needDomain(d, m.Domain) }

func (*Looked) kind() Kind { return KindLooked }
func (m *Looked) encode(e *Encoder) {
	e.Map(6)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	e.Uint(m.Token)
	e.Uint(3)
	e.Bin(m.Subject[:])
	e.Uint(4)
	e.Uint(uint64(m.Incarnation))
	e.Uint(5)
	e.Bool(m.Answers)
	e.Uint(6)
	e.String(m.Text)
}
func (m *Looked) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Token = d.Uint()
	case 3:
		m.Subject = d.id()
	case 4:
		m.Incarnation = d.uint32()
	case 5:
		m.Answers = d.Bool()
	case 6:
		m.Text = d.String(MaxReason)
	default:
		return false
	}
	return true
}
func (m *Looked) check(d *Decoder) { needDomain(d, m.Domain) }

func (*Confirm) kind() Kind { return KindConfirm }
func (m *Confirm) encode(e *Encoder) {
	e.Map(4)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	e.Bin(m.Subject[:])
	e.Uint(3)
	e.Uint(uint64(m.Incarnation))
	e.Uint(4)
	e.Uint(uint64(m.Version))
}
func (m *Confirm) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Subject = d.id()
	case 3:
		m.Incarnation = d.uint32()
	case 4:
		m.Version = d.uint32()
	default:
		return false
	}
	return true
}
func (m *Confirm) check(d *Decoder) { needDomain(d, m.Domain) }

func (*Press) kind() Kind { return KindPress }
func (m *Press) encode(e *Encoder) {
	e.Map(2)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	e.Bin(m.Subject[:])
}
func (m *Press) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Subject = d.id()
	default:
		return false
	}
	return true
}
func (m *Press) check(d *Decoder) { needDomain(d, m.Domain) }
