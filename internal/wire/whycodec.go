package wire

import "time"

func (*Why) kind() Kind { return KindWhy }
func (m *Why) encode(e *Encoder) {
	fields := 9
	if m.Removal != nil {
		fields++
	}
	e.Map(fields)
	e.Uint(1)
	e.String(m.Domain)
	e.Uint(2)
	m.Member.encode(e)
	e.Uint(3)
	e.Uint(m.flags())
	e.Uint(4)
	e.Int(int64(m.Heard))
	e.Uint(5)
	e.Int(int64(m.RoundTrip))
	e.Uint(6)
	e.Uint(uint64(m.Unreachable))
	e.Uint(7)
	e.Array(len(m.Watchers))
	for i := range m.Watchers {
		m.Watchers[i].encode(e)
	}
	e.Uint(8)
	encodeOtherWords(e, m.Others)
	e.Uint(9)
	e.Array(len(m.Transitions))
	for i := range m.Transitions {
		m.Transitions[i].encode(e)
	}
	if r := m.Removal; r != nil {
		e.Uint(10)
		e.Array(5)
		e.Uint(uint64(r.Cause))
		e.Int(int64(r.Age))
		e.Uint(uint64(r.Incarnation))
		e.Bool(r.Hearsay)
		encodeOtherWords(e, r.Evidence)
	}
}

func (m *Why) field(d *Decoder, f uint64) bool {
	switch f {
	case 1:
		m.Domain = d.String(MaxText)
	case 2:
		m.Member = entry(d, 9, decodeSeenMember)
	case 3:
		m.setFlags(d.Uint())
	case 4:
		m.Heard = time.Duration(d.Int())
	case 5:
		m.RoundTrip = time.Duration(d.Int())
	case 6:
		m.Unreachable = d.uint8()
	case 7:
		m.Watchers = entries(d, MaxWords, 5, decodeWatcherWord)
	case 8:
		m.Others = entries(d, MaxWords, 3, decodeOtherWord)
	case 9:
		m.Transitions = entries(d, MaxTransitions, 5, decodeTransitionWord)
	case 10:
		m.Removal = new(entry(d, 5, decodeRemovalWord))
	default:
		return false
	}
	return true
}

// flags packs what is yes or no.
func (m *Why) flags() (n uint64) {
	for i, b := range [...]bool{m.Present, m.Watched, m.Linked} {
		if b {
			n |= 1 << i
		}
	}
	return n
}

func (m *Why) setFlags(n uint64) {
	m.Present, m.Watched, m.Linked = n&1 != 0, n&2 != 0, n&4 != 0
}

func (m *Why) check(d *Decoder) { needDomain(d, m.Domain) }

func (w *WatcherWord) encode(e *Encoder) {
	e.Array(5)
	e.Bin(w.ID[:])
	e.String(w.Address)
	e.Bool(w.Self)
	e.Uint(uint64(w.Stance))
	e.Uint(uint64(w.Cause))
}

func decodeWatcherWord(d *Decoder) WatcherWord {
	return WatcherWord{ID: d.id(), Address: d.String(MaxText), Self: d.Bool(), Stance: d.uint8(), Cause: d.uint8()}
}

func encodeOtherWords(e *Encoder, list []OtherWord) {
	e.Array(len(list))
	for i := range list {
		w := &list[i]
		e.Array(3)
		e.Bin(w.By[:])
		e.String(w.Address)
		e.Uint(uint64(w.Cause))
	}
}

func decodeOtherWord(d *Decoder) OtherWord {
	return OtherWord{By: d.id(), Address: d.String(MaxText), Cause: d.uint8()}
}

func (t *TransitionWord) encode(e *Encoder) {
	e.Array(5)
	e.Int(int64(t.Age))
	e.Uint(uint64(t.Kind))
	e.Uint(uint64(t.Cause))
	e.Uint(uint64(t.State))
	e.Uint(t.View)
}

func decodeTransitionWord(d *Decoder) TransitionWord {
	return TransitionWord{Age: time.Duration(d.Int()), Kind: d.uint8(), Cause: d.uint8(), State: d.uint8(), View: d.Uint()}
}

func decodeRemovalWord(d *Decoder) RemovalWord {
	return RemovalWord{
		Cause: d.uint8(), Age: time.Duration(d.Int()), Incarnation: d.uint32(), Hearsay: d.Bool(),
		Evidence: entries(d, MaxWords, 3, decodeOtherWord),
	}
}
