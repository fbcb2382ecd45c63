package wire

// A Beat is a heartbeat: sent every interval, whatever else is sent. It is a
// plain value, so that sending and reading one allocates nothing.
type Beat struct {
	Seq    uint64 // number of this beat on this link, from 1
	Echo   uint64 // number of the last beat heard from the other side
	Digest uint64 // of the records held up in all common domains (anti-entropy)
}

const (
	beatSeq = 1 + iota
	beatEcho
	beatDigest
)

// Encode appends the beat's frame payload to e.
func (b Beat) Encode(e *Encoder) {
	e.Uint(uint64(KindBeat))
	e.Map(3)
	e.Uint(beatSeq)
	e.Uint(b.Seq)
	e.Uint(beatEcho)
	e.Uint(b.Echo)
	e.Uint(beatDigest)
	e.Uint(b.Digest)
}

// DecodeBeat reads a beat with the caller's decoder. ok is false, without an
// error, if the payload is another kind of message.
func DecodeBeat(d *Decoder, payload []byte) (b Beat, ok bool, err error) {
	if len(payload) == 0 || payload[0] != byte(KindBeat) {
		return b, false, nil
	}
	d.Reset(payload)
	d.Uint()
	var seen fields
	for range d.Map(MaxFields) {
		field := d.Uint()
		seen.once(d, field)
		switch field {
		case beatSeq:
			b.Seq = d.Uint()
		case beatEcho:
			b.Echo = d.Uint()
		case beatDigest:
			b.Digest = d.Uint()
		default:
			d.Skip()
		}
		if d.Err() != nil {
			break
		}
	}
	return b, true, d.Done()
}
