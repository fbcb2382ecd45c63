package wire

import (
	"encoding/binary"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Skip passes over one value of any type, extension types included: how
// messages tolerate the fields of later versions. msgpack's own Skip descends
// once per nesting level, so that a frame of nested arrays could exhaust the
// stack; this one counts the values that are still to come instead, uses no
// memory, and takes time in proportion to the bytes passed over.
func (d *Decoder) Skip() {
	// Each value takes at least one byte, so more values to come than bytes
	// left is an error at once. It also keeps the counter from overflowing.
	for todo := uint64(1); todo > 0; todo-- {
		c, ok := d.peek("a value")
		if !ok {
			return
		}
		head, body, items := shape(c)
		if head == 0 {
			d.unexpected("a value", c)
			return
		}
		if head > d.Len() {
			d.Fail("frame ends within the header of a value")
			return
		}
		size := uint64(body)
		if body < 0 {
			size = announced(d.src.frame[d.src.pos+1 : d.src.pos+head])
		}
		var bytes uint64
		switch {
		case items > 0:
			todo += size * uint64(items)
		case isExt(c): // one byte of type precedes the data
			bytes = size + 1
		default:
			bytes = size
		}
		d.src.pos += head
		if left := uint64(d.Len()); bytes > left || todo-1 > left-bytes {
			d.Fail("a value announces more than the %d bytes that the frame still has", left)
			return
		}
		d.src.pos += int(bytes)
	}
}

// announced reads a big-endian length of one, two or four bytes.
func announced(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	default:
		return uint64(binary.BigEndian.Uint32(b))
	}
}

// isExt tells whether c is an extension type with an announced length.
func isExt(c byte) bool {
	return c == msgpcode.Ext8 || c == msgpcode.Ext16 || c == msgpcode.Ext32
}

// shape describes the value that starts with code c: head is the size of its
// header, code included, 0 for a code that does not exist; items is 1 for an
// array, 2 for a map (values per element); body is the size of what follows the
// header, or the number of elements, -1 if the header announces it.
func shape(c byte) (head, body, items int) {
	switch {
	case msgpcode.IsFixedNum(c):
		return 1, 0, 0
	case msgpcode.IsFixedString(c):
		return 1, int(c & msgpcode.FixedStrMask), 0
	case msgpcode.IsFixedArray(c):
		return 1, int(c & msgpcode.FixedArrayMask), 1
	case msgpcode.IsFixedMap(c):
		return 1, int(c & msgpcode.FixedMapMask), 2
	}
	switch c {
	case msgpcode.Nil, msgpcode.False, msgpcode.True:
		return 1, 0, 0
	case msgpcode.Uint8, msgpcode.Int8:
		return 1, 1, 0
	case msgpcode.Uint16, msgpcode.Int16:
		return 1, 2, 0
	case msgpcode.Uint32, msgpcode.Int32, msgpcode.Float:
		return 1, 4, 0
	case msgpcode.Uint64, msgpcode.Int64, msgpcode.Double:
		return 1, 8, 0
	case msgpcode.Bin8, msgpcode.Str8, msgpcode.Ext8:
		return 2, -1, 0
	case msgpcode.Bin16, msgpcode.Str16, msgpcode.Ext16:
		return 3, -1, 0
	case msgpcode.Bin32, msgpcode.Str32, msgpcode.Ext32:
		return 5, -1, 0
	case msgpcode.Array16:
		return 3, -1, 1
	case msgpcode.Array32:
		return 5, -1, 1
	case msgpcode.Map16:
		return 3, -1, 2
	case msgpcode.Map32:
		return 5, -1, 2
	// The fixed extensions hold one byte of type before the data.
	case msgpcode.FixExt1:
		return 1, 1 + 1, 0
	case msgpcode.FixExt2:
		return 1, 1 + 2, 0
	case msgpcode.FixExt4:
		return 1, 1 + 4, 0
	case msgpcode.FixExt8:
		return 1, 1 + 8, 0
	case msgpcode.FixExt16:
		return 1, 1 + 16, 0
	}
	return 0, 0, 0
}
