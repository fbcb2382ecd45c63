package javastream

// A Value is one of: nil, string, bool, int8, int16, int32, int64, uint16 (char),
// float32, float64, []byte (an array of bytes), Block, *Object, *Array, *Class.
type Value any

// A Block is data without a type, of which a class knows what it means.
type Block []byte

// Flags of a class.
const (
	WriteMethod  = 0x01 // the class writes further data behind its fields
	Serializable = 0x02
	External     = 0x04 // the class writes itself
	BlockData    = 0x08 // … and marks where it ends
	Enum         = 0x10
)

// A Class is a class descriptor.
type Class struct {
	Name   string
	UID    int64 // serialVersionUID
	Flags  byte
	Fields []Field
	Super  *Class // nil if that is not serializable
}

// A Field is a field of a class. Kind is its type code: B C D F I J S Z for
// primitives, L for objects, [ for arrays; Type is the descriptor of these two.
type Field struct {
	Kind byte
	Name string
	Type string
}

// An Object is an instance: for each class from the top down its values.
type Object struct {
	Class *Class
	Parts []Part // the topmost superclass first; one of an External class holds only Extra
}

// A Part is what one class of an object has written.
type Part struct {
	Class  *Class
	Fields []Value // in the order of Class.Fields
	Extra  []Value // what the class wrote itself; block data as Block
}

// An Array is an array of anything but bytes.
type Array struct {
	Class *Class
	Items []Value
}

// Is tells whether v is an object of a class with this very name.
func Is(v Value, class string) bool {
	o, ok := v.(*Object)
	return ok && o.Class.Name == class
}

// Field returns the value of a field, nil if no class of the object has it.
func (o *Object) Field(name string) Value {
	if p := o.field(name); p != nil {
		return *p
	}
	return nil
}

// SetField replaces the value of a field and reports whether there is one.
func (o *Object) SetField(name string, v Value) bool {
	p := o.field(name)
	if p != nil {
		*p = v
	}
	return p != nil
}

func (o *Object) field(name string) *Value {
	for i := len(o.Parts) - 1; i >= 0; i-- {
		for j, f := range o.Parts[i].Class.Fields {
			if f.Name == name && j < len(o.Parts[i].Fields) {
				return &o.Parts[i].Fields[j]
			}
		}
	}
	return nil
}

// Extra returns what an External object has written.
func (o *Object) Extra() []Value {
	if len(o.Parts) != 1 {
		return nil
	}
	return o.Parts[0].Extra
}
