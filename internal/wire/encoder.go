package wire

import "github.com/vmihailenco/msgpack/v5"

// buffer is what msgpack's encoder writes to; it never fails.
type buffer []byte

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// WriteByte is looked for by msgpack, which otherwise allocates per byte.
func (b *buffer) WriteByte(c byte) error {
	*b = append(*b, c)
	return nil
}

// An Encoder appends values to a buffer that it uses again after Reset, so
// that a steady stream of messages costs no memory. Integers take as few
// bytes as they need.
//
// The zero value is ready. An Encoder is not for two goroutines at once and
// must not be copied after its first use. Nothing here fails: whoever builds a
// message is responsible for the limits that its reader will check.
type Encoder struct {
	buf   buffer
	enc   *msgpack.Encoder
	slack Slack
}

// to returns the msgpack encoder, made at the first value.
func (e *Encoder) to() *msgpack.Encoder {
	if e.enc == nil {
		e.enc = msgpack.NewEncoder(&e.buf)
	}
	return e.enc
}

// Reset forgets what was encoded and keeps the memory.
func (e *Encoder) Reset() {
	if e.slack.Over(len(e.buf), cap(e.buf), encoderTimes) {
		e.buf = nil
	}
	e.buf = e.buf[:0]
}

// encoderTimes is after how many small messages in a row the memory that a large
// one needed is let go: after some seconds of heartbeats.
const encoderTimes = 64

// Bytes returns all that was encoded since the last Reset. The result is the
// Encoder's own memory, valid until the next call of any other method.
func (e *Encoder) Bytes() []byte { return e.buf }

// The errors of the msgpack encoder below can only be those of buffer, which
// has none.

// Uint appends an unsigned integer, 1 to 9 bytes.
func (e *Encoder) Uint(n uint64) { _ = e.to().EncodeUint(n) }

// Int appends an integer, 1 to 9 bytes.
func (e *Encoder) Int(n int64) { _ = e.to().EncodeInt(n) }

// Bool appends true or false.
func (e *Encoder) Bool(v bool) { _ = e.to().EncodeBool(v) }

// Bin appends binary data; nil is as good as empty.
func (e *Encoder) Bin(p []byte) {
	// EncodeBytes would turn nil into msgpack's nil, which no Decoder takes.
	_ = e.to().EncodeBytesLen(len(p))
	e.buf = append(e.buf, p...)
}

// String appends a string, which must be valid UTF-8 to be read again.
func (e *Encoder) String(s string) { _ = e.to().EncodeString(s) }

// Array appends the header of an array; n values must follow.
func (e *Encoder) Array(n int) { _ = e.to().EncodeArrayLen(n) }

// Map appends the header of a map; n keys with their values must follow.
func (e *Encoder) Map(n int) { _ = e.to().EncodeMapLen(n) }

// Raw appends what is already encoded, one or more whole values.
func (e *Encoder) Raw(p []byte) { e.buf = append(e.buf, p...) }
