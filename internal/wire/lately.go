package wire

import (
	"bytes"
	"hash/maphash"
	"sync"
)

const (
	latelyRecords     = 512 // records that Lately remembers at most
	latelyAccusations = 128
	latelyBody        = 1 << 10 // bytes of a body that it remembers at most
)

// Lately shares what was decoded lately. A flood brings each record and each
// accusation over several links: the bytes that came before are not read a
// second time, and take no further memory. All of it is for one node, whose
// links' readers may use it at once. The zero value is ready.
//
// It remembers at most one of each for a place that follows from the body, so
// others are pushed out now and then, which costs no more than reading them did.
type Lately struct {
	records     recent[Record]
	accusations recent[Accusation]
}

// Decode is Decode, but records and accusations that came before are the same
// ones.
func (s *Lately) Decode(payload []byte) (Message, error) { return decodeWith(payload, s) }

// record returns the record with this body and signature, if it is remembered.
func (s *Lately) record(body []byte, sig *Signature, signed bool) *Record {
	if s == nil {
		return nil
	}
	return s.records.get(body, func(r *Record) bool {
		return r.First != signed && r.Sig == *sig && bytes.Equal(r.Body, body)
	})
}

func (s *Lately) putRecord(r *Record) {
	if s != nil && len(r.Body) <= latelyBody {
		s.records.put(r.Body, r, latelyRecords)
	}
}

// accusation is record for accusations.
func (s *Lately) accusation(body []byte, sig *Signature) *Accusation {
	if s == nil {
		return nil
	}
	return s.accusations.get(body, func(a *Accusation) bool { return a.Sig == *sig && bytes.Equal(a.Body, body) })
}

func (s *Lately) putAccusation(a *Accusation) {
	if s != nil {
		s.accusations.put(a.Body, a, latelyAccusations)
	}
}

// recent remembers one value for a place, which follows from its body.
type recent[T any] struct {
	mu sync.Mutex
	at []*T // as many as there are places, once there is a value
}

var recentSeed = maphash.MakeSeed()

func place(body []byte, places int) uint64 { return maphash.Bytes(recentSeed, body) % uint64(places) }

// get returns the value at the body's place if it is the one that is wanted.
func (r *recent[T]) get(body []byte, wanted func(*T) bool) *T {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.at) == 0 {
		return nil
	}
	if v := r.at[place(body, len(r.at))]; v != nil && wanted(v) {
		return v
	}
	return nil
}

func (r *recent[T]) put(body []byte, v *T, places int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = make([]*T, places)
	}
	r.at[place(body, places)] = v
}
