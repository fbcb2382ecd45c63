package javastream

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// streams are the contents of the captured frames that hold Java objects, by
// the name of the file.
func streams(tb testing.TB) map[string][]byte {
	tb.Helper()
	index, err := os.ReadFile("../../transport/tribes/testdata/frames/index.json")
	require.NoError(tb, err)
	var all []struct {
		File    string
		Size    int    `json:"message_bytes"`
		Content string `json:"message_hex"`
	}
	require.NoError(tb, json.Unmarshal(index, &all))
	out := map[string][]byte{}
	for _, f := range all {
		raw, err := os.ReadFile("../../transport/tribes/testdata/frames/" + f.File)
		require.NoError(tb, err)
		b, err := hex.DecodeString(strings.Join(strings.Fields(string(raw)), ""))
		require.NoError(tb, err)
		// The content is at the end, before the seven bytes that end a frame.
		if f.Size > 0 && IsStream(b[len(b)-7-f.Size:]) {
			out[f.File] = b[len(b)-7-f.Size : len(b)-7]
		}
	}
	require.Equal(tb, 23, len(out), "frames with an object")
	return out
}

// body is what an RpcMessage carries.
func body(t *testing.T, v Value) Value {
	t.Helper()
	require.True(t, Is(v, "org.apache.catalina.tribes.group.RpcMessage"))
	extra := v.(*Object).Extra()
	require.Len(t, extra, 2)
	return extra[1]
}

func TestCapturedStreams(t *testing.T) {
	all := streams(t)
	for name, b := range all {
		_, rest, err := DecodePrefix(b)
		require.NoError(t, err, name)
		if name == "45-axis2-message-plain-0x2710.hex" {
			require.Equal(t, 4, rest, "a counter follows the object")
			continue
		}
		require.Zero(t, rest, name)
	}
	read := func(name string) Value {
		v, err := Decode(all[name])
		require.NoError(t, err, name)
		return v
	}
	require.Equal(t, "a java string", read("12-data-java-string.hex"))
	require.Equal(t, "ask", body(t, read("24-rpc-request-string.hex")))
	require.Nil(t, body(t, read("40-axis2-null-reply.hex")))
	require.Equal(t, "Processed MEMBER_LIST message", body(t, read("38-axis2-memberlist-processed.hex")))

	start := body(t, read("26-svc-start-request.hex")).(*Object)
	require.Equal(t, int32(1), start.Field("msgtype"))
	require.Equal(t, []byte("chan-StaticMembership"), start.Field("membershipId"))
	member := start.Field("member").(*Object)
	require.Equal(t, "org.apache.catalina.tribes.membership.StaticMember", member.Class.Name)
	require.Equal(t, int64(3323947316117794076), member.Class.Super.UID)
	require.Contains(t, string(member.Extra()[0].(Block)), "TRIBES-B")

	list := body(t, read("36-axis2-memberlist-reply.hex")).(*Object)
	require.Len(t, list.Field("members").(*Array).Items, 1)
	join := body(t, read("35-axis2-join-request.hex")).(*Object)
	require.Equal(t, "org.apache.axis2.clustering.control.wka.JoinGroupCommand", join.Class.Name)
	require.True(t, Is(join.Field("log"), "org.apache.commons.logging.impl.Log4JLogger"), "a class that nobody knows is data")
	require.Equal(t, "org.apache.axis2.clustering.ClusteringCommand", join.Class.Super.Super.Name)
}

func TestOwnFormIsWrittenByteForByte(t *testing.T) {
	// These were written without references back, as Encode writes.
	for _, name := range []string{"52-go-svc-start-request.hex", "53-go-axis2-join.hex", "24-rpc-request-string.hex",
		"26-svc-start-request.hex", "36-axis2-memberlist-reply.hex", "41-axis2-norpcchannel-reply.hex", "12-data-java-string.hex"} {
		in := streams(t)[name]
		v, err := Decode(in)
		require.NoError(t, err)
		out, err := Encode(v)
		require.NoError(t, err)
		require.Equal(t, in, out, name)
	}
}

func TestEveryKindOfFieldComesBack(t *testing.T) {
	c := &Class{Name: "C", UID: -1, Flags: Serializable | WriteMethod, Super: &Class{Name: "S", Flags: Serializable, Fields: []Field{}}}
	values := map[byte]Value{'B': int8(-1), 'C': uint16(7), 'D': 1.5, 'F': float32(2.5), 'I': int32(-3), 'J': int64(4),
		'S': int16(-5), 'Z': true}
	part := Part{Class: c, Extra: []Value{Block("block"), "text", Block(make([]byte, 300)), []byte("array")}}
	for _, k := range []byte("BCDFIJSZ") {
		c.Fields = append(c.Fields, Field{Kind: k, Name: string(k)})
		part.Fields = append(part.Fields, values[k])
	}
	c.Fields = append(c.Fields, Field{'L', "o", "Ljava/lang/Object;"}, Field{'[', "a", "[I"})
	ints := &Array{Class: &Class{Name: "[I", Flags: Serializable, Fields: []Field{}}, Items: []Value{int32(1), int32(2)}}
	long := strings.Repeat("ä\x00😀", 20_000)
	part.Fields = append(part.Fields, long, ints)
	in := &Object{Class: c, Parts: []Part{{Class: c.Super}, part}}
	b, err := Encode(in)
	require.NoError(t, err)
	out, err := Decode(b)
	require.NoError(t, err)
	require.Equal(t, in.Class, out.(*Object).Class)
	for k, v := range values {
		require.Equal(t, v, out.(*Object).Field(string(k)))
	}
	require.Equal(t, long, out.(*Object).Field("o"))
	require.Equal(t, ints, out.(*Object).Field("a"))
	require.Equal(t, part.Extra, out.(*Object).Parts[1].Extra)
	require.True(t, out.(*Object).SetField("I", int32(9)))
	require.Equal(t, int32(9), out.(*Object).Field("I"))
	require.False(t, out.(*Object).SetField("none", nil))
	require.Nil(t, out.(*Object).Field("none"))
}

// raw writes a stream by hand.
type raw []byte

func stream(parts ...any) []byte {
	out := raw{0xac, 0xed, 0, 5}
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = append(out, byte(p))
		case string:
			out = append(binary.BigEndian.AppendUint16(out, uint16(len(p))), p...)
		case []byte:
			out = append(out, p...)
		case int32:
			out = binary.BigEndian.AppendUint32(out, uint32(p))
		}
	}
	return out
}

// fields is an object of a class, from the number of its fields on.
func fields(more ...any) []byte {
	return stream(append([]any{tcObject, tcClassDesc, "C", make([]byte, 8), Serializable}, more...)...)
}

// classOf is a descriptor without fields and superclass.
func classOf(name string, flags int) []byte {
	return stream(tcClassDesc, name, make([]byte, 8), flags, 0, 0, tcEndBlock, tcNull)[4:]
}

func TestHostileStreamsAreRefused(t *testing.T) {
	object := append([]byte{tcObject}, classOf("C", Serializable)...)
	again := stream(tcObject, tcReference, int32(firstHandle))[4:] // of the class
	many := func(n int, item []byte) []byte {
		out := stream(tcArray, classOf("[LX;", Serializable), int32(n))
		for range n {
			out = append(out, item...)
		}
		return out
	}
	deep := stream()
	for range 100_000 {
		deep = append(deep, tcObject, tcClassDesc, 0, 1, 'C', 0, 0, 0, 0, 0, 0, 0, 0, Serializable,
			0, 1, 'L', 0, 1, 'f', tcString, 0, 1, 'T', tcEndBlock, tcNull)
	}
	supers := stream(tcObject)
	for range 100_000 {
		supers = append(supers, tcClassDesc, 0, 1, 'C', 0, 0, 0, 0, 0, 0, 0, 0, Serializable, 0, 0, tcEndBlock)
	}
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"nothing", nil, "no stream header"},
		{"another header", []byte{0xac, 0xed, 0, 4, tcNull}, "no stream header"},
		{"a coordinator's bytes", []byte{0xaa, 0x26, 0xde, 0xe3}, "no stream header"},
		{"a header alone", stream(), "1 bytes announced where 0 are left"},
		{"a million handles", many(1_000_000, stream(tcString, "")[4:]), "more than 16384 handles"},
		{"a million nulls", many(1_000_000, []byte{tcNull}), "more than 65536 values"},
		{"a million references", many(1_000_000, again), "handles"},
		{"deep nesting", deep, "nested deeper than 64"},
		{"deep nesting of superclasses", supers, "nested deeper than 64"},
		{"a class that is its own superclass", fields(0, 0, tcEndBlock,
			tcReference, int32(firstHandle)), "its own superclass"},
		{"a reference to nothing", stream(tcReference, int32(firstHandle+5)), "a reference to handle 5 of 0"},
		{"a reference before the first handle", stream(tcReference, int32(0)), "a reference to handle"},
		{"an array longer than the stream", stream(tcArray, classOf("[B", Serializable), int32(1<<30)), "an array of 1073741824 items"},
		{"an array of negative length", stream(tcArray, classOf("[B", Serializable), int32(-1)), "an array of -1 items"},
		{"an array of no array's class", stream(tcArray, classOf("B", Serializable), int32(0)), "without a class of arrays"},
		{"a string of 2^62 bytes", stream(tcLongString, int32(1<<30), int32(0)), "a string of 4611686018427387904 bytes"},
		{"a block of negative length", stream(tcBlockLong, int32(-1)), "-1 bytes announced"},
		{"an object of a string", stream(tcObject, tcString, "x"), "where a class is due"},
		{"an object without a class", stream(tcObject, tcNull), "an object without a class"},
		{"externalizable without marks", stream(tcObject, classOf("E", External)), "does not say where its objects end"},
		{"a class of 65535 fields", fields(0xff, 0xff), "a class with 65535 fields"},
		{"a field of an unknown kind", fields(0, 1, int('Q'), "f"), "is of kind 0x51"},
		{"a field whose type is no string", fields(0, 1, int('L'), "f", tcNull), "a type that is not a string"},
		{"an exception", stream(tcException), "mark 0x7b"},
		{"a reset", stream(tcReset), "mark 0x79"},
		{"something behind", append(stream(object), 1), "1 bytes behind the object"},
		{"a string that is not UTF-8", stream(tcString, "\xff\xff"), "not modified UTF-8"},
		{"an end of block as a field", fields(0, 1, int('L'), "f", tcString, "T",
			tcEndBlock, tcNull, tcEndBlock), "an end of block where a value is due"},
	} {
		_, err := Decode(c.in)
		var format *FormatError
		require.ErrorAs(t, err, &format, c.name)
		require.ErrorContains(t, err, c.want, c.name)
	}
}

func TestACycleIsReadAndNeverWritten(t *testing.T) {
	in := fields(0, 1, int('L'), "me", tcString, "LC;",
		tcEndBlock, tcNull, tcReference, int32(firstHandle+2))
	v, err := Decode(in)
	require.NoError(t, err)
	o := v.(*Object)
	require.Same(t, o, o.Field("me"))
	_, err = Encode(o)
	require.ErrorContains(t, err, "holds itself")
}

func TestAValueThatIsSharedOverAndOverIsNotWrittenWithoutEnd(t *testing.T) {
	pair := &Class{Name: "P", Flags: Serializable, Fields: []Field{{'L', "a", "LP;"}, {'L', "b", "LP;"}}}
	var o Value
	for range 50 { // 2^50 of the innermost, if each is written
		o = &Object{Class: pair, Parts: []Part{{Class: pair, Fields: []Value{o, o}}}}
	}
	_, err := Encode(o)
	require.ErrorContains(t, err, "more than")
}

func TestUnknownThingsAreSkipped(t *testing.T) {
	proxy := stream(tcProxy, int32(1), "java.lang.Runnable", tcEndBlock, tcNull)[4:]
	for name, in := range map[string][]byte{
		"an enum":          stream(tcEnum, classOf("E", Serializable|Enum), tcString, "ONE"),
		"a class":          stream(tcClass, classOf("C", Serializable)),
		"a proxy":          stream(tcObject, proxy),
		"an external":      stream(tcObject, classOf("X", External|BlockData), tcBlock, 1, 0, tcString, "s", tcEndBlock),
		"a write method":   stream(tcObject, classOf("W", Serializable|WriteMethod), tcNull, tcBlock, 0, tcEndBlock),
		"an array of ints": stream(tcArray, classOf("[I", Serializable), int32(1), int32(5)),
	} {
		_, err := Decode(in)
		require.NoError(t, err, name)
	}
}

func TestValuesThatCannotBeWritten(t *testing.T) {
	c := &Class{Name: "C", Flags: Serializable, Fields: []Field{{Kind: 'I', Name: "i"}}}
	for name, v := range map[string]Value{
		"a struct":       struct{}{},
		"a wrong field":  &Object{Class: c, Parts: []Part{{Class: c, Fields: []Value{"x"}}}},
		"a field short":  &Object{Class: c, Parts: []Part{{Class: c}}},
		"too long names": &Object{Class: &Class{Name: strings.Repeat("x", 70_000)}},
	} {
		_, err := Encode(v)
		require.Error(t, err, name)
	}
}

// What can be read and written keeps its meaning; nothing panics.
func FuzzStream(f *testing.F) {
	for _, b := range streams(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, _, err := DecodePrefix(in)
		if err != nil {
			return
		}
		out, err := Encode(v)
		if err != nil {
			return // it holds itself, or an enum or a class, which are only skipped
		}
		if _, _, err := DecodePrefix(out); err != nil && len(out) < 1<<16 {
			t.Fatalf("read %x, written %x: %v", in, out, err)
		}
	})
}
