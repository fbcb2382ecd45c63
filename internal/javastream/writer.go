package javastream

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf16"
)

// ByteArray is the class of arrays of bytes, as Java writes it.
var ByteArray = &Class{Name: "[B", UID: -0x530ce807f9f7ab20, Flags: Serializable}

// maxWritten bounds what one value may become, as what is referred to twice is
// written twice.
const maxWritten = 32 << 20

// Encode writes a stream of one value without any references back: classes and
// strings that come twice are written twice. A value that holds itself, or is
// nested deeper than 64, is an error, as is one that Encode does not know.
func Encode(v Value) ([]byte, error) { return Append(nil, v) }

// Append is Encode, behind what is in b.
func Append(b []byte, v Value) ([]byte, error) {
	w := &writer{b: binary.BigEndian.AppendUint32(b, magic)}
	w.value(0, v)
	return w.b, w.err
}

type writer struct {
	b   []byte
	err error
}

func (w *writer) uint8(v byte)    { w.b = append(w.b, v) }
func (w *writer) uint16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) int32(v int32)   { w.b = binary.BigEndian.AppendUint32(w.b, uint32(v)) }
func (w *writer) int64(v int64)   { w.b = binary.BigEndian.AppendUint64(w.b, uint64(v)) }

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("java object stream: "+format, args...)
	}
}

// modified is Java's own form of UTF-8.
func modified(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, u := range utf16.Encode([]rune(s)) {
		switch {
		case u != 0 && u < 0x80:
			b = append(b, byte(u))
		case u < 0x800:
			b = append(b, 0xc0|byte(u>>6), 0x80|byte(u&0x3f))
		default:
			b = append(b, 0xe0|byte(u>>12), 0x80|byte(u>>6&0x3f), 0x80|byte(u&0x3f))
		}
	}
	return b
}

func (w *writer) utf(s string) {
	b := modified(s)
	if len(b) > math.MaxUint16 {
		w.fail("a name of %d bytes", len(b))
		return
	}
	w.uint16(uint16(len(b)))
	w.b = append(w.b, b...)
}

func (w *writer) string(s string) {
	b := modified(s)
	if len(b) <= math.MaxUint16 {
		w.uint8(tcString)
		w.uint16(uint16(len(b)))
	} else {
		w.uint8(tcLongString)
		w.int64(int64(len(b)))
	}
	w.b = append(w.b, b...)
}

func (w *writer) block(b []byte) {
	if len(b) <= math.MaxUint8 {
		w.uint8(tcBlock)
		w.uint8(byte(len(b)))
	} else {
		w.uint8(tcBlockLong)
		w.int32(int32(len(b)))
	}
	w.b = append(w.b, b...)
}

func (w *writer) value(depth int, v Value) {
	if len(w.b) > maxWritten {
		w.fail("more than %d bytes", maxWritten)
	}
	if w.err != nil {
		return
	}
	if depth > maxDepth {
		w.fail("nested deeper than %d, or a value that holds itself", maxDepth)
		return
	}
	switch v := v.(type) {
	case nil:
		w.uint8(tcNull)
	case string:
		w.string(v)
	case Block:
		w.block(v)
	case []byte:
		w.uint8(tcArray)
		w.class(0, ByteArray)
		w.int32(int32(len(v)))
		w.b = append(w.b, v...)
	case *Array:
		w.array(depth, v)
	case *Object:
		w.object(depth, v)
	default:
		w.fail("a %T cannot be written", v)
	}
}

func (w *writer) class(depth int, c *Class) {
	switch {
	case c == nil:
		w.uint8(tcNull)
		return
	case depth > maxDepth:
		w.fail("class %q has more than %d superclasses", c.Name, maxDepth)
		return
	}
	w.uint8(tcClassDesc)
	w.utf(c.Name)
	w.int64(c.UID)
	w.uint8(c.Flags)
	w.uint16(uint16(len(c.Fields)))
	for _, f := range c.Fields {
		w.uint8(f.Kind)
		w.utf(f.Name)
		if f.Kind == 'L' || f.Kind == '[' {
			w.string(f.Type)
		}
	}
	w.uint8(tcEndBlock)
	w.class(depth+1, c.Super)
}

func (w *writer) array(depth int, a *Array) {
	w.uint8(tcArray)
	w.class(0, a.Class)
	w.int32(int32(len(a.Items)))
	for _, v := range a.Items {
		w.fieldValue(depth, a.Class.Name[1], v)
	}
}

func (w *writer) object(depth int, o *Object) {
	w.uint8(tcObject)
	w.class(0, o.Class)
	for _, p := range o.Parts {
		if len(p.Fields) != len(p.Class.Fields) && p.Class.Flags&External == 0 {
			w.fail("class %q has %d fields, and there are %d values", p.Class.Name, len(p.Class.Fields), len(p.Fields))
			return
		}
		for i, v := range p.Fields {
			w.fieldValue(depth, p.Class.Fields[i].Kind, v)
		}
		if p.Class.Flags&(External|WriteMethod) == 0 {
			continue
		}
		for _, v := range p.Extra {
			w.value(depth+1, v)
		}
		w.uint8(tcEndBlock)
	}
}

func (w *writer) fieldValue(depth int, kind byte, v Value) {
	ok := true
	switch kind {
	case 'B':
		var x int8
		x, ok = v.(int8)
		w.uint8(byte(x))
	case 'C':
		var x uint16
		x, ok = v.(uint16)
		w.uint16(x)
	case 'D':
		var x float64
		x, ok = v.(float64)
		w.int64(int64(math.Float64bits(x)))
	case 'F':
		var x float32
		x, ok = v.(float32)
		w.int32(int32(math.Float32bits(x)))
	case 'I':
		var x int32
		x, ok = v.(int32)
		w.int32(x)
	case 'J':
		var x int64
		x, ok = v.(int64)
		w.int64(x)
	case 'S':
		var x int16
		x, ok = v.(int16)
		w.uint16(uint16(x))
	case 'Z':
		var x bool
		if x, ok = v.(bool); x {
			w.uint8(1)
		} else {
			w.uint8(0)
		}
	default:
		w.value(depth+1, v)
	}
	if !ok {
		w.fail("a %T where %q is due", v, kind)
	}
}
