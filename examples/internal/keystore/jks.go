package keystore

import (
	"encoding/binary"
	"errors"
)

// A JKS is a header, entries and a checksum; see KeyStore of the JDK.
const (
	jksMagic  = 0xfeedfeed // at the beginning
	jksDigest = 20         // bytes at the end
	jksKey    = 1          // an entry with a key and its chain
	jksCert   = 2          // an entry with a certificate alone
)

// errCut says that a length in a file points beyond its end.
var errCut = errors.New("it is damaged: a length in it points beyond its end")

// sound tells whether all lengths in a JKS stay within it. The checksum is
// looked at later; until then a length might be anything, and memory is taken
// for it.
func sound(data []byte) error {
	w := &walker{rest: data[:max(0, len(data)-jksDigest)]}
	w.skip(4) // magic
	version := w.number(4)
	for range w.number(4) {
		kind := w.number(4)
		w.skip(w.number(2)) // alias
		w.skip(8)           // time
		certs := 1
		if kind == jksKey {
			w.skip(w.number(4))
			certs = w.number(4)
		} else if kind != jksCert {
			return errors.New("it is damaged: an entry is neither a key nor a certificate")
		}
		for range certs {
			if version > 1 {
				w.skip(w.number(2)) // type
			}
			w.skip(w.number(4))
			if w.cut {
				return errCut // whatever the count says
			}
		}
		if w.cut {
			return errCut
		}
	}
	if w.cut {
		return errCut
	}
	return nil
}

// A walker goes through bytes; once cut it stays where it is and reads zeros.
type walker struct {
	rest []byte
	cut  bool
}

func (w *walker) skip(n int) {
	if w.cut || n > len(w.rest) {
		w.cut = true
		return
	}
	w.rest = w.rest[n:]
}

// number reads 2 or 4 bytes. One that does not fit is beyond every file.
func (w *walker) number(size int) int {
	at := w.rest
	if w.skip(size); w.cut {
		return 0
	}
	if size == 2 {
		return int(binary.BigEndian.Uint16(at))
	}
	return int(min(binary.BigEndian.Uint32(at), 1<<31-1))
}
