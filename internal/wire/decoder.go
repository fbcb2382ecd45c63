package wire

import (
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// ErrMalformed is wrapped by every error of a Decoder: the bytes are not what
// the reader of the message expected. No retry with the same bytes helps.
var ErrMalformed = errors.New("malformed message")

// source is the frame being decoded with a read position. It gives msgpack's
// decoder the two interfaces it looks for, so that msgpack adds no buffer of
// its own and the position is always exact.
type source struct {
	frame []byte
	pos   int
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if s.pos >= len(s.frame) {
		return 0, io.EOF
	}
	n := copy(p, s.frame[s.pos:])
	s.pos += n
	return n, nil
}

// ReadByte implements io.ByteScanner.
func (s *source) ReadByte() (byte, error) {
	if s.pos >= len(s.frame) {
		return 0, io.EOF
	}
	c := s.frame[s.pos]
	s.pos++
	return c, nil
}

// UnreadByte implements io.ByteScanner.
func (s *source) UnreadByte() error {
	if s.pos == 0 {
		return io.ErrNoProgress
	}
	s.pos--
	return nil
}

// A Decoder reads the values of one frame in order. It is stricter than
// msgpack itself: no value stands in for another kind (nil is not 0, a string
// is not bytes), and an announced length is compared with its limit and with
// what the frame still holds before anything is made of it.
//
// The first error sticks: every later read returns the zero value, so that
// message code reads all fields and looks at Err or Done once.
//
// The zero value is an empty frame; Reset gives it one. A Decoder may be used
// again and again, but not by two goroutines at once, and must not be copied
// after its first use.
type Decoder struct {
	src    source
	dec    *msgpack.Decoder
	err    error
	body   *Decoder // for signed bodies inside the frame, one after the other
	lately *Lately  // nil: nothing is remembered
}

// inner returns a Decoder for a signed body of the frame.
func (d *Decoder) inner(body []byte) *Decoder {
	if d.body == nil {
		d.body = new(Decoder)
	}
	d.body.Reset(body)
	return d.body
}

// Reset forgets the previous frame and its error, and reads frame from its
// start. The Decoder keeps frame until the next Reset; it never writes to it.
func (d *Decoder) Reset(frame []byte) {
	d.src = source{frame: frame}
	d.err = nil
	if d.dec == nil {
		d.dec = msgpack.NewDecoder(&d.src)
	} else {
		d.dec.Reset(&d.src)
	}
}

// Err returns the first error, nil if all reads so far went well.
func (d *Decoder) Err() error { return d.err }

// Len returns how many bytes of the frame are not yet read.
func (d *Decoder) Len() int { return len(d.src.frame) - d.src.pos }

// Fail makes the Decoder fail with an error that wraps ErrMalformed, unless it
// has failed before. Message code uses it for values that are well encoded but
// make no sense.
func (d *Decoder) Fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
}

// Done returns Err, or an error when bytes are left over.
func (d *Decoder) Done() error {
	if n := d.Len(); n > 0 {
		d.Fail("%d bytes left over after the message", n)
	}
	return d.err
}

// peek returns the code of the next value; ok is false after an error and at
// the end of the frame, which becomes the error.
func (d *Decoder) peek(want string) (c byte, ok bool) {
	if d.err != nil {
		return 0, false
	}
	if d.Len() == 0 {
		d.Fail("frame ends where %s was expected", want)
		return 0, false
	}
	return d.src.frame[d.src.pos], true
}

// unexpected fails with what was found at the read position.
func (d *Decoder) unexpected(want string, c byte) {
	d.Fail("byte 0x%02x at offset %d where %s was expected", c, d.src.pos, want)
}

// short reports an error of the msgpack decoder, which, as codes are checked
// before it is called, can only be that the frame ends within the value.
func (d *Decoder) short(want string, err error) {
	d.Fail("%s at the end of the frame: %v", want, err)
}

// isInt tells whether c starts an integer.
func isInt(c byte) bool {
	return msgpcode.IsFixedNum(c) || (c >= msgpcode.Uint8 && c <= msgpcode.Int64)
}

// Uint reads an integer that is not negative.
func (d *Decoder) Uint() uint64 {
	c, ok := d.peek("an unsigned integer")
	if !ok {
		return 0
	}
	if !isInt(c) {
		d.unexpected("an unsigned integer", c)
		return 0
	}
	n, err := d.dec.DecodeUint64()
	if err != nil {
		d.short("an unsigned integer", err)
		return 0
	}
	// A signed encoding of a non-negative number is as good as an unsigned one.
	if signed := c >= msgpcode.NegFixedNumLow || (c >= msgpcode.Int8 && c <= msgpcode.Int64); signed && int64(n) < 0 {
		d.Fail("%d where an unsigned integer was expected", int64(n))
		return 0
	}
	return n
}

// Int reads an integer from math.MinInt64 to math.MaxInt64.
func (d *Decoder) Int() int64 {
	c, ok := d.peek("an integer")
	if !ok {
		return 0
	}
	if !isInt(c) {
		d.unexpected("an integer", c)
		return 0
	}
	n, err := d.dec.DecodeInt64()
	if err != nil {
		d.short("an integer", err)
		return 0
	}
	if c == msgpcode.Uint64 && n < 0 {
		d.Fail("%d where an integer of at most %d was expected", uint64(n), int64(math.MaxInt64))
		return 0
	}
	return n
}

// Bool reads true or false.
func (d *Decoder) Bool() bool {
	c, ok := d.peek("a boolean")
	if !ok {
		return false
	}
	if c != msgpcode.True && c != msgpcode.False {
		d.unexpected("a boolean", c)
		return false
	}
	b, err := d.dec.DecodeBool()
	if err != nil {
		d.short("a boolean", err)
	}
	return b
}

// Bytes reads a binary value of at most max bytes. The result is a part of
// the frame, not a copy: valid as long as the frame is, and not to be changed.
// It is never nil unless the Decoder has failed.
func (d *Decoder) Bytes(max int) []byte {
	c, ok := d.peek("binary data")
	if !ok {
		return nil
	}
	if c != msgpcode.Bin8 && c != msgpcode.Bin16 && c != msgpcode.Bin32 {
		d.unexpected("binary data", c)
		return nil
	}
	return d.take("binary data", max)
}

// String reads a string of at most max bytes of valid UTF-8.
func (d *Decoder) String(max int) string {
	c, ok := d.peek("a string")
	if !ok {
		return ""
	}
	if !msgpcode.IsFixedString(c) && c != msgpcode.Str8 && c != msgpcode.Str16 && c != msgpcode.Str32 {
		d.unexpected("a string", c)
		return ""
	}
	b := d.take("a string", max)
	if !utf8.Valid(b) {
		d.Fail("a string that is not valid UTF-8")
		return ""
	}
	return string(b)
}

// take reads the length header of a string or binary value and returns the
// part of the frame that it announces.
func (d *Decoder) take(what string, max int) []byte {
	n, err := d.dec.DecodeBytesLen()
	if err != nil {
		d.short(what, err)
		return nil
	}
	// A length over 2 GiB is negative where int has 32 bits.
	if n < 0 || n > max {
		d.Fail("%s of %d bytes, at most %d allowed", what, uint32(n), max)
		return nil
	}
	if left := d.Len(); n > left {
		d.Fail("%s of %d bytes, but the frame has only %d more", what, n, left)
		return nil
	}
	start := d.src.pos
	d.src.pos += n
	return d.src.frame[start:d.src.pos:d.src.pos]
}

// Array reads the header of an array of at most max elements and returns how
// many there are; the caller then reads each. A frame that is too short to
// hold that many (each takes a byte or more) fails here.
func (d *Decoder) Array(max int) int {
	c, ok := d.peek("an array")
	if !ok {
		return 0
	}
	if !msgpcode.IsFixedArray(c) && c != msgpcode.Array16 && c != msgpcode.Array32 {
		d.unexpected("an array", c)
		return 0
	}
	n, err := d.dec.DecodeArrayLen()
	if err != nil {
		d.short("an array", err)
		return 0
	}
	return d.count("an array", n, max, 1)
}

// Map reads the header of a map of at most max pairs and returns how many
// there are; the caller then reads each key and value.
func (d *Decoder) Map(max int) int {
	c, ok := d.peek("a map")
	if !ok {
		return 0
	}
	if !msgpcode.IsFixedMap(c) && c != msgpcode.Map16 && c != msgpcode.Map32 {
		d.unexpected("a map", c)
		return 0
	}
	n, err := d.dec.DecodeMapLen()
	if err != nil {
		d.short("a map", err)
		return 0
	}
	return d.count("a map", n, max, 2)
}

// count checks an announced number of elements of at least size bytes each.
func (d *Decoder) count(what string, n, max, size int) int {
	if n < 0 || n > max {
		d.Fail("%s of %d elements, at most %d allowed", what, uint32(n), max)
		return 0
	}
	if left := d.Len(); n > left/size {
		d.Fail("%s of %d elements, but the frame has only %d more bytes", what, n, left)
		return 0
	}
	return n
}
