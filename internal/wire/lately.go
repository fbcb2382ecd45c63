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
	mu          sync.Mutex
	records     [latelyRecords]*Record
	accusations [latelyAccusations]*Accusation
}

// Decode is Decode, but records and accusations that came before are the same
// ones.
func (s *Lately) Decode(payload []byte) (Message, error) { return decodeWith(payload, s) }

var latelySeed = maphash.MakeSeed()

func place(body []byte, places uint64) uint64 {
	return maphash.Bytes(latelySeed, body) % places
}

// record returns the record with this body and signature, if it is remembered.
func (s *Lately) record(body []byte, sig *Signature, signed bool) *Record {
	if s == nil {
		return nil
	}
	at := place(body, latelyRecords)
	s.mu.Lock()
	r := s.records[at]
	s.mu.Unlock()
	if r == nil || r.First == signed || r.Sig != *sig || !bytes.Equal(r.Body, body) {
		return nil
	}
	return r
}

func (s *Lately) putRecord(r *Record) {
	if s == nil || len(r.Body) > latelyBody {
		return
	}
	at := place(r.Body, latelyRecords)
	s.mu.Lock()
	s.records[at] = r
	s.mu.Unlock()
}

// accusation is record for accusations.
func (s *Lately) accusation(body []byte, sig *Signature) *Accusation {
	if s == nil {
		return nil
	}
	at := place(body, latelyAccusations)
	s.mu.Lock()
	a := s.accusations[at]
	s.mu.Unlock()
	if a == nil || a.Sig != *sig || !bytes.Equal(a.Body, body) {
		return nil
	}
	return a
}

func (s *Lately) putAccusation(a *Accusation) {
	if s == nil {
		return
	}
	at := place(a.Body, latelyAccusations)
	s.mu.Lock()
	s.accusations[at] = a
	s.mu.Unlock()
}
