package wire

// Lists inside messages: bounded, and of the message's domain only.

func encodeRecords(e *Encoder, list []*Record) {
	e.Array(len(list))
	for _, r := range list {
		r.encode(e)
	}
}

func decodeRecords(d *Decoder) []*Record {
	n := d.Array(MaxRecords)
	if d.Err() != nil || n == 0 {
		return nil
	}
	out := make([]*Record, 0, n)
	for range n {
		r := decodeRecord(d)
		if d.Err() != nil {
			return nil
		}
		out = append(out, r)
	}
	return out
}

func encodeAccusations(e *Encoder, list []*Accusation) {
	e.Array(len(list))
	for _, a := range list {
		encodeSigned(e, a.Body, a.Sig[:])
	}
}

func decodeAccusations(d *Decoder, most int) []*Accusation {
	n := d.Array(most)
	if d.Err() != nil || n == 0 {
		return nil
	}
	out := make([]*Accusation, 0, n)
	for range n {
		a := decodeAccusation(d)
		if d.Err() != nil {
			return nil
		}
		out = append(out, a)
	}
	return out
}

func decodeVerdicts(d *Decoder) []Verdict {
	var out []Verdict
	for range d.Array(MaxVerdicts) {
		n := d.Array(MaxParts)
		if n < 4 {
			d.Fail("verdict of %d parts", n)
		}
		v := Verdict{Subject: d.id(), Incarnation: d.uint32(), Held: d.Bool(), Accusations: decodeAccusations(d, MaxAccusers)}
		for range n - 4 {
			d.Skip()
		}
		if d.Err() != nil {
			return nil
		}
		out = append(out, v)
	}
	return out
}

func encodeDepartures(e *Encoder, list []Departure) {
	e.Array(len(list))
	for i := range list {
		p := &list[i]
		e.Array(4)
		e.Bin(p.ID[:])
		e.Uint(uint64(p.Incarnation))
		e.Uint(uint64(p.Cause))
		e.String(p.Address)
	}
}

func decodeDepartures(d *Decoder) []Departure {
	var out []Departure
	for range d.Array(MaxDepartures) {
		n := d.Array(MaxParts)
		if n < 4 {
			d.Fail("departure of %d parts", n)
		}
		p := Departure{ID: d.id(), Incarnation: d.uint32(), Cause: Cause(d.uint8()), Address: d.String(MaxText)}
		for range n - 4 {
			d.Skip()
		}
		needCause(d, p.Cause)
		if d.Err() != nil {
			return nil
		}
		out = append(out, p)
	}
	return out
}

func needDomain(d *Decoder, domain string) {
	if domain == "" {
		d.Fail("no domain")
	}
}

func needCause(d *Decoder, c Cause) {
	if c < CauseSilent || c > CauseLeft {
		d.Fail("cause %d of a departure", c)
	}
}

func checkRecords(d *Decoder, domain string, list []*Record) {
	needDomain(d, domain)
	for _, r := range list {
		if r.Domain != domain {
			d.Fail("record of domain %q in a message about %q", r.Domain, domain)
			return
		}
	}
}

func checkAccusations(d *Decoder, domain string, list []*Accusation) {
	for _, a := range list {
		if a.Domain != domain {
			d.Fail("accusation of domain %q in a message about %q", a.Domain, domain)
			return
		}
	}
}
