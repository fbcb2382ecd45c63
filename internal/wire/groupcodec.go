package wire

import "encoding/binary"

// Field 1 of every message about a domain is the domain's name.

func (*Join) kind() Kind { return KindJoin }
func (m *Join) encode(e *Encoder) {
	e.Map(2)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	m.Record.encode(e)
}
func (m *Join) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Record = decodeRecord(d)
	default:
		return false
	}
	return true
}
func (m *Join) check(d *Decoder) {
	if m.Record == nil || m.Record.Domain != m.Domain {
		d.Fail("join of %q without a record of it", m.Domain)
	}
}

func (*Refuse) kind() Kind { return KindRefuse }
func (m *Refuse) encode(e *Encoder) {
	e.Map(5)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	e.Uint(uint64(m.Code))
	e.Uint(3)
	e.String(m.Text)
	e.Uint(4)
	e.Array(len(m.Others))
	for _, a := range m.Others {
		e.String(a)
	}
	e.Uint(5)
	e.Uint(uint64(m.Again))
}
func (m *Refuse) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Code = RefusalCode(d.uint8())
	case 3:
		m.Text = d.String(MaxReason)
	case 4:
		m.Others = decodeStrings(d, MaxAddresses)
	case 5:
		m.Again = d.uint32()
	default:
		return false
	}
	return true
}
func (m *Refuse) check(d *Decoder) { needDomain(d, m.Domain) }

func (*Table) kind() Kind { return KindTable }
func (m *Table) encode(e *Encoder) {
	e.Map(4)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	encodeRecords(e, m.Records)
	e.Uint(3)
	encodeDepartures(e, m.Departures)
	e.Uint(4)
	e.Bool(m.Last)
}
func (m *Table) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Records = decodeRecords(d)
	case 3:
		m.Departures = decodeDepartures(d)
	case 4:
		m.Last = d.Bool()
	default:
		return false
	}
	return true
}
func (m *Table) check(d *Decoder) { checkRecords(d, m.Domain, m.Records) }

func (*Gossip) kind() Kind { return KindGossip }
func (m *Gossip) encode(e *Encoder) {
	e.Map(4)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	encodeRecords(e, m.Records)
	e.Uint(3)
	encodeAccusations(e, m.Accusations)
	e.Uint(4)
	e.Array(len(m.Verdicts))
	for i := range m.Verdicts {
		v := &m.Verdicts[i]
		e.Array(4)
		e.Bin(v.Subject[:])
		e.Uint(uint64(v.Incarnation))
		e.Bool(v.Held)
		encodeAccusations(e, v.Accusations)
	}
}
func (m *Gossip) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Records = decodeRecords(d)
	case 3:
		m.Accusations = decodeAccusations(d, MaxAccusations)
	case 4:
		m.Verdicts = decodeVerdicts(d)
	default:
		return false
	}
	return true
}
func (m *Gossip) check(d *Decoder) {
	checkRecords(d, m.Domain, m.Records)
	checkAccusations(d, m.Domain, m.Accusations)
	for i := range m.Verdicts {
		v := &m.Verdicts[i]
		checkAccusations(d, m.Domain, v.Accusations)
		for _, a := range v.Accusations {
			if a.Subject != v.Subject || a.Incarnation != v.Incarnation {
				d.Fail("verdict on %s.%d holds an accusation of %s.%d", v.Subject, v.Incarnation, a.Subject, a.Incarnation)
				return
			}
		}
	}
}

func (*HeldDown) kind() Kind { return KindHeldDown }
func (m *HeldDown) encode(e *Encoder) {
	e.Map(3)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	e.Uint(uint64(m.Incarnation))
	e.Uint(3)
	e.Uint(uint64(m.Cause))
}
func (m *HeldDown) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Incarnation = d.uint32()
	case 3:
		m.Cause = Cause(d.uint8())
	default:
		return false
	}
	return true
}
func (m *HeldDown) check(d *Decoder) {
	needDomain(d, m.Domain)
	needCause(d, m.Cause)
}

func (*Buckets) kind() Kind { return KindBuckets }
func (m *Buckets) encode(e *Encoder) {
	e.Map(2)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	var sums [8 * BucketCount]byte
	for i, s := range m.Sums {
		binary.BigEndian.PutUint64(sums[8*i:], s)
	}
	e.Bin(sums[:])
}
func (m *Buckets) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		b := d.Bytes(8 * BucketCount)
		if len(b) != 8*BucketCount {
			d.Fail("buckets of %d bytes", len(b))
			return true
		}
		for i := range m.Sums {
			m.Sums[i] = binary.BigEndian.Uint64(b[8*i:])
		}
	default:
		return false
	}
	return true
}
func (m *Buckets) check(d *Decoder) { needDomain(d, m.Domain) }

func (*Sync) kind() Kind { return KindSync }
func (m *Sync) encode(e *Encoder) {
	e.Map(6)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	e.Bin(m.Differ[:])
	e.Uint(3)
	encodeRecords(e, m.Records)
	e.Uint(4)
	encodeDepartures(e, m.Departures)
	e.Uint(5)
	e.Bool(m.Answer)
	e.Uint(6)
	e.Bool(m.Last)
}
func (m *Sync) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		if b := d.Bytes(len(m.Differ)); copy(m.Differ[:], b) != len(m.Differ) {
			d.Fail("bucket bits of %d bytes", len(b))
		}
	case 3:
		m.Records = decodeRecords(d)
	case 4:
		m.Departures = decodeDepartures(d)
	case 5:
		m.Answer = d.Bool()
	case 6:
		m.Last = d.Bool()
	default:
		return false
	}
	return true
}
func (m *Sync) check(d *Decoder) { checkRecords(d, m.Domain, m.Records) }
