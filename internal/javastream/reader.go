package javastream

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf16"
)

// Bounds of what is read.
const (
	maxDepth   = 64     // of objects in objects, and of superclasses
	maxHandles = 16_384 // things that a stream may refer back to
	maxValues  = 65_536 // values in all
	maxFields  = 256    // of a class
)

// Marks of the grammar.
const (
	magic = 0xaced0005

	tcNull       = 0x70
	tcReference  = 0x71
	tcClassDesc  = 0x72
	tcObject     = 0x73
	tcString     = 0x74
	tcArray      = 0x75
	tcClass      = 0x76
	tcBlock      = 0x77
	tcEndBlock   = 0x78
	tcReset      = 0x79
	tcBlockLong  = 0x7a
	tcException  = 0x7b
	tcLongString = 0x7c
	tcProxy      = 0x7d
	tcEnum       = 0x7e

	firstHandle = 0x7e0000
)

// A FormatError says why a stream cannot be read, and where.
type FormatError struct {
	At   int // bytes from the start
	What string
}

// Error returns what was found, and where.
func (e *FormatError) Error() string {
	return fmt.Sprintf("java object stream: %s, at byte %d", e.What, e.At)
}

// IsStream tells whether b begins as an object stream does.
func IsStream(b []byte) bool { return len(b) >= 4 && binary.BigEndian.Uint32(b) == magic }

// Decode reads a stream of one value and nothing behind it. The value may hold
// itself, if the stream refers back; no more of it is made than the stream has
// bytes for. An error is a *FormatError.
func Decode(b []byte) (v Value, err error) {
	v, rest, err := DecodePrefix(b)
	if err == nil && rest > 0 {
		err = &FormatError{len(b) - rest, fmt.Sprintf("%d bytes behind the object", rest)}
	}
	return v, err
}

// DecodePrefix is Decode for a stream with something behind it; rest is how
// many bytes.
func DecodePrefix(b []byte) (v Value, rest int, err error) {
	r := &reader{b: b}
	defer func() {
		if p := recover(); p != nil {
			bad, ok := p.(*FormatError)
			if !ok {
				panic(p)
			}
			v, err = nil, bad
		}
	}()
	if !IsStream(b) {
		r.fail("no stream header")
	}
	r.at = 4
	v = r.content(0, r.uint8())
	return v, len(b) - r.at, nil
}

// A reader walks over a stream. It leaves by a panic with a *FormatError, which
// DecodePrefix catches.
type reader struct {
	b       []byte
	at      int
	handles []Value
	values  int
}

// endOfBlock is what stands behind the last value of an annotation.
type endOfBlock struct{}

func (r *reader) fail(format string, args ...any) {
	panic(&FormatError{r.at, fmt.Sprintf(format, args...)})
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b)-r.at {
		r.fail("%d bytes announced where %d are left", n, len(r.b)-r.at)
	}
	out := r.b[r.at : r.at+n : r.at+n]
	r.at += n
	return out
}

func (r *reader) uint8() byte    { return r.take(1)[0] }
func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) int32() int32   { return int32(binary.BigEndian.Uint32(r.take(4))) }
func (r *reader) int64() int64   { return int64(binary.BigEndian.Uint64(r.take(8))) }
func (r *reader) utf() string    { return r.modified(r.take(int(r.uint16()))) }

// modified reads Java's own form of UTF-8: a zero in two bytes, and what UTF-16
// needs two units for in twice three.
func (r *reader) modified(b []byte) string {
	plain := true
	for _, c := range b {
		plain = plain && c < 0x80 && c != 0
	}
	if plain {
		return string(b)
	}
	units := make([]uint16, 0, len(b))
	for len(b) > 0 {
		c, n := uint16(b[0]), 1
		switch {
		case c>>4 == 0xe && len(b) >= 3:
			c, n = c&0xf<<12|uint16(b[1]&0x3f)<<6|uint16(b[2]&0x3f), 3
		case c>>5 == 6 && len(b) >= 2:
			c, n = c&0x1f<<6|uint16(b[1]&0x3f), 2
		case c >= 0x80:
			r.fail("a string that is not modified UTF-8")
		}
		units, b = append(units, c), b[n:]
	}
	return string(utf16.Decode(units))
}

// handle remembers a value that the stream may refer back to, and returns its
// place.
func (r *reader) handle(v Value) int {
	if len(r.handles) >= maxHandles {
		r.fail("more than %d handles", maxHandles)
	}
	r.handles = append(r.handles, v)
	return len(r.handles) - 1
}

func (r *reader) reference() Value {
	n := int64(r.int32()) - firstHandle
	if n < 0 || n >= int64(len(r.handles)) {
		r.fail("a reference to handle %d of %d", n, len(r.handles))
	}
	return r.handles[n]
}

// content reads what the mark tc begins.
func (r *reader) content(depth int, tc byte) Value {
	if r.values++; r.values > maxValues {
		r.fail("more than %d values", maxValues)
	}
	if depth > maxDepth {
		r.fail("nested deeper than %d", maxDepth)
	}
	switch tc {
	case tcNull:
		return nil
	case tcReference:
		return r.reference()
	case tcObject:
		return r.object(depth)
	case tcArray:
		return r.array(depth)
	case tcString:
		return r.string(r.take(int(r.uint16())))
	case tcLongString:
		n := r.int64()
		if n < 0 || n > math.MaxInt32 {
			r.fail("a string of %d bytes", n)
		}
		return r.string(r.take(int(n)))
	case tcBlock:
		return Block(r.take(int(r.uint8())))
	case tcBlockLong:
		return Block(r.take(int(r.int32())))
	case tcClassDesc, tcProxy:
		return r.class(depth, tc)
	case tcClass:
		c := r.class(depth+1, r.uint8())
		r.handle(c)
		return c
	case tcEnum:
		c := r.class(depth+1, r.uint8())
		at := r.handle(nil)
		name := r.content(depth+1, r.uint8())
		o := &Object{Class: c, Parts: []Part{{Class: c, Extra: []Value{name}}}}
		r.handles[at] = o
		return o
	case tcEndBlock:
		return endOfBlock{}
	}
	r.fail("mark %#x", tc) // a reset or an exception has no place in a message
	return nil
}

func (r *reader) string(b []byte) string {
	s := r.modified(b)
	r.handle(s)
	return s
}

// value is content where no end of a block may stand.
func (r *reader) value(depth int) Value {
	v := r.content(depth, r.uint8())
	if _, ended := v.(endOfBlock); ended {
		r.fail("an end of block where a value is due")
	}
	return v
}

// class reads a class descriptor, a reference to one, or null.
func (r *reader) class(depth int, tc byte) *Class {
	if depth > maxDepth {
		r.fail("nested deeper than %d", maxDepth)
	}
	switch tc {
	case tcNull:
		return nil
	case tcReference:
		c, ok := r.reference().(*Class)
		if !ok {
			r.fail("a reference to something that is not a class")
		}
		return c
	case tcProxy:
		c := &Class{Name: "$Proxy", Flags: Serializable}
		r.handle(c)
		n := r.int32()
		if n < 0 || n > maxFields {
			r.fail("a proxy with %d interfaces", n)
		}
		for range n {
			r.utf()
		}
		r.annotation(depth)
		c.Super = r.super(depth, c)
		return c
	case tcClassDesc:
		c := &Class{Name: r.utf(), UID: r.int64()}
		r.handle(c)
		c.Flags = r.uint8()
		c.Fields = r.fields(depth)
		r.annotation(depth)
		c.Super = r.super(depth, c)
		return c
	}
	r.fail("mark %#x where a class is due", tc)
	return nil
}

// super reads the superclass of c, which must not lead back to c.
func (r *reader) super(depth int, c *Class) *Class {
	s := r.class(depth+1, r.uint8())
	steps := 0
	for up := s; up != nil; up = up.Super {
		if steps++; up == c || steps > maxDepth {
			r.fail("class %q is its own superclass, or has more than %d", c.Name, maxDepth)
		}
	}
	return s
}

func (r *reader) fields(depth int) []Field {
	n := int(r.uint16())
	if n > maxFields {
		r.fail("a class with %d fields", n)
	}
	fields := make([]Field, n)
	for i := range fields {
		f := &fields[i]
		f.Kind, f.Name = r.uint8(), r.utf()
		switch f.Kind {
		case 'B', 'C', 'D', 'F', 'I', 'J', 'S', 'Z':
		case 'L', '[':
			s, ok := r.value(depth + 1).(string)
			if !ok {
				r.fail("field %q has a type that is not a string", f.Name)
			}
			f.Type = s
		default:
			r.fail("field %q is of kind %#x", f.Name, f.Kind)
		}
	}
	return fields
}

// annotation reads values up to the end of a block.
func (r *reader) annotation(depth int) []Value {
	var out []Value
	for {
		v := r.content(depth+1, r.uint8())
		if _, ended := v.(endOfBlock); ended {
			return out
		}
		out = append(out, v)
	}
}

func (r *reader) object(depth int) Value {
	c := r.class(depth+1, r.uint8())
	if c == nil {
		r.fail("an object without a class")
	}
	o := &Object{Class: c}
	r.handle(o)
	if c.Flags&External != 0 {
		if c.Flags&BlockData == 0 {
			r.fail("class %q does not say where its objects end", c.Name)
		}
		o.Parts = []Part{{Class: c, Extra: r.annotation(depth)}}
		return o
	}
	var chain []*Class
	for up := c; up != nil; up = up.Super {
		if up.Flags&External != 0 {
			r.fail("class %q does not write itself, as its superclass %q does", c.Name, up.Name)
		}
		chain = append(chain, up)
	}
	for i := len(chain) - 1; i >= 0; i-- {
		p := Part{Class: chain[i]}
		for _, f := range p.Class.Fields {
			p.Fields = append(p.Fields, r.fieldValue(depth, f.Kind))
		}
		if p.Class.Flags&WriteMethod != 0 {
			p.Extra = r.annotation(depth)
		}
		o.Parts = append(o.Parts, p)
	}
	return o
}

// fieldValue reads the value of a field or an item of an array.
func (r *reader) fieldValue(depth int, kind byte) Value {
	if r.values++; r.values > maxValues {
		r.fail("more than %d values", maxValues)
	}
	switch kind {
	case 'B':
		return int8(r.uint8())
	case 'C':
		return r.uint16()
	case 'D':
		return math.Float64frombits(uint64(r.int64()))
	case 'F':
		return math.Float32frombits(uint32(r.int32()))
	case 'I':
		return r.int32()
	case 'J':
		return r.int64()
	case 'S':
		return int16(r.uint16())
	case 'Z':
		return r.uint8() != 0
	}
	return r.value(depth + 1)
}

func (r *reader) array(depth int) Value {
	c := r.class(depth+1, r.uint8())
	if c == nil || len(c.Name) < 2 || c.Name[0] != '[' {
		r.fail("an array without a class of arrays")
	}
	at := r.handle(nil)
	n := r.int32()
	if n < 0 || int(n) > len(r.b)-r.at {
		r.fail("an array of %d items where %d bytes are left", n, len(r.b)-r.at)
	}
	if c.Name == "[B" {
		b := r.take(int(n))
		r.handles[at] = b
		return b
	}
	a := &Array{Class: c}
	r.handles[at] = a
	for range n {
		a.Items = append(a.Items, r.fieldValue(depth, c.Name[1]))
	}
	return a
}
