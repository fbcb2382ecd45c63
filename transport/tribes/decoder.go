package tribes

import (
	"encoding/binary"
	"fmt"
)

// A FormatError says what a peer has sent that the protocol does not allow. The
// connection it came over is closed.
type FormatError struct {
	What string // what was found, and what would be allowed
}

// Error returns what was found.
func (e *FormatError) Error() string { return e.What }

func malformed(format string, args ...any) *FormatError {
	return &FormatError{What: fmt.Sprintf(format, args...)}
}

// A decoder takes values off the front of b. After the first error it returns
// zeroes.
type decoder struct {
	b   []byte
	err error
}

// take returns the next n bytes, which alias the input.
func (d *decoder) take(n int) []byte {
	if d.err == nil && (n < 0 || n > len(d.b)) {
		d.err = malformed("%d bytes announced where %d are left", n, len(d.b))
	}
	if d.err != nil {
		return nil
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) uint8() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// length returns a length that fits into what is left.
func (d *decoder) length(what string) int {
	n := int32(d.uint32())
	if d.err == nil && (n < 0 || int(n) > len(d.b)) {
		d.err = malformed("%s: %d bytes announced where %d are left", what, n, len(d.b))
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

// port returns a port of at least least.
func (d *decoder) port(least int) int {
	p := int(int32(d.uint32()))
	if d.err == nil && (p < least || p > 65_535) {
		d.err = malformed("a port of %d", p)
	}
	return p
}

// literal takes bytes that must be there.
func (d *decoder) literal(want, what string) {
	if got := d.take(len(want)); d.err == nil && string(got) != want {
		d.err = malformed("no %s: %x", what, got)
	}
}
