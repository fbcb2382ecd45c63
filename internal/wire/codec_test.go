package wire

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
)

// decode returns a Decoder over the encoding of v by msgpack itself.
func decode(t *testing.T, v any) *Decoder {
	t.Helper()
	b, err := msgpack.Marshal(v)
	require.NoError(t, err)
	var d Decoder
	d.Reset(b)
	return &d
}

func TestWhatIsEncodedIsDecoded(t *testing.T) {
	uints := []uint64{0, 1, 127, 128, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64, math.MaxUint64}
	ints := []int64{
		0, -1, -32, -33, -128, -129, math.MinInt16, math.MinInt16 - 1, math.MinInt32, math.MinInt32 - 1, math.MinInt64,
		1, 200, 70000, math.MaxInt64,
	}
	sizes := []int{0, 1, 31, 32, 255, 256, 65535, 65536}
	var e Encoder
	for range 2 { // the second round runs in used memory
		e.Reset()
		for _, n := range uints {
			e.Uint(n)
		}
		for _, n := range ints {
			e.Int(n)
		}
		e.Bool(true)
		e.Bool(false)
		for _, n := range sizes {
			e.Bin(make([]byte, n))
			e.String(strings.Repeat("x", n))
		}
		e.Bin(nil)
		e.Map(1)
		e.Uint(7)
		e.Array(2)
		e.Raw([]byte{1, 2})
	}
	var d Decoder
	d.Reset(e.Bytes())
	for _, n := range uints {
		require.Equal(t, n, d.Uint())
	}
	for _, n := range ints {
		require.Equal(t, n, d.Int())
	}
	require.True(t, d.Bool())
	require.False(t, d.Bool())
	for _, n := range sizes {
		require.Equal(t, make([]byte, n), d.Bytes(n))
		require.Equal(t, strings.Repeat("x", n), d.String(n))
	}
	require.Equal(t, []byte{}, d.Bytes(0))
	require.Equal(t, 1, d.Map(1))
	require.Equal(t, uint64(7), d.Uint())
	require.Equal(t, 2, d.Array(2))
	require.Equal(t, uint64(1), d.Uint())
	require.Equal(t, int64(2), d.Int())
	require.NoError(t, d.Done())
}

func TestSignedEncodingOfANonNegativeNumberIsUnsigned(t *testing.T) {
	require.Equal(t, uint64(5), decode(t, int8(5)).Uint())
	require.Equal(t, uint64(5), decode(t, int64(5)).Uint())
}

// Each reader is offered what it must not take.
func TestNothingStandsInForAnotherKind(t *testing.T) {
	reads := map[string]func(*Decoder){
		"uint":   func(d *Decoder) { d.Uint() },
		"int":    func(d *Decoder) { d.Int() },
		"bool":   func(d *Decoder) { d.Bool() },
		"bytes":  func(d *Decoder) { d.Bytes(100) },
		"string": func(d *Decoder) { d.String(100) },
		"array":  func(d *Decoder) { d.Array(100) },
		"map":    func(d *Decoder) { d.Map(100) },
	}
	values := map[string]any{
		"uint": 1, "int": -1, "bool": true, "bytes": []byte("x"), "string": "x",
		"array": []int{1}, "map": map[int]int{1: 1}, "nil": nil, "float": 1.5,
	}
	for read, f := range reads {
		for value, v := range values {
			if read == value || read == "int" && value == "uint" {
				continue
			}
			d := decode(t, v)
			f(d)
			require.ErrorIs(t, d.Err(), ErrMalformed, "%s read as %s", value, read)
		}
		var d Decoder
		d.Reset(nil)
		f(&d)
		require.ErrorContains(t, d.Err(), "frame ends", "empty frame read as %s", read)
	}
}

func TestLimitsAreCheckedBeforeAnythingIsMade(t *testing.T) {
	for name, c := range map[string]struct {
		frame []byte
		read  func(*Decoder)
		says  string
	}{
		"bytes over the limit":     {[]byte{0xc4, 3, 1, 2, 3}, func(d *Decoder) { d.Bytes(2) }, "3 bytes, at most 2"},
		"bytes over the frame":     {[]byte{0xc4, 4, 1, 2, 3}, func(d *Decoder) { d.Bytes(99) }, "only 3 more"},
		"4 GiB of bytes":           {[]byte{0xc6, 255, 255, 255, 255, 1}, func(d *Decoder) { d.Bytes(99) }, "4294967295 bytes"},
		"string over the limit":    {[]byte{0xa3, 'a', 'b', 'c'}, func(d *Decoder) { d.String(2) }, "3 bytes, at most 2"},
		"string that is not UTF-8": {[]byte{0xa1, 0xff}, func(d *Decoder) { d.String(2) }, "UTF-8"},
		"array over the limit":     {[]byte{0x92, 1, 1}, func(d *Decoder) { d.Array(1) }, "2 elements, at most 1"},
		"array over the frame":     {[]byte{0x93, 1, 1}, func(d *Decoder) { d.Array(9) }, "only 2 more"},
		"4 Gi of elements":         {[]byte{0xdd, 255, 255, 255, 255, 1}, func(d *Decoder) { d.Array(9) }, "4294967295 elements"},
		"map over the limit":       {[]byte{0x82, 1, 1, 2, 2}, func(d *Decoder) { d.Map(1) }, "2 elements, at most 1"},
		"map over the frame":       {[]byte{0x82, 1, 1, 2}, func(d *Decoder) { d.Map(9) }, "only 3 more"},
		"negative as unsigned":     {[]byte{0xff}, func(d *Decoder) { d.Uint() }, "-1 where"},
		"negative as unsigned, 64": {[]byte{0xd3, 255, 255, 255, 255, 255, 255, 255, 254}, func(d *Decoder) { d.Uint() }, "-2 where"},
		"unsigned over int64": {
			[]byte{0xcf, 255, 255, 255, 255, 255, 255, 255, 255}, func(d *Decoder) { d.Int() }, "18446744073709551615",
		},
		"half an unsigned integer":  {[]byte{0xcf, 1, 2}, func(d *Decoder) { d.Uint() }, "end of the frame"},
		"half an integer":           {[]byte{0xd2, 1, 2}, func(d *Decoder) { d.Int() }, "end of the frame"},
		"half a bytes header":       {[]byte{0xc5, 1}, func(d *Decoder) { d.Bytes(9) }, "end of the frame"},
		"half an array header":      {[]byte{0xdc, 1}, func(d *Decoder) { d.Array(9) }, "end of the frame"},
		"half a map header":         {[]byte{0xde, 1}, func(d *Decoder) { d.Map(9) }, "end of the frame"},
		"extension before a map":    {[]byte{0xd4, 1, 1, 0x80}, func(d *Decoder) { d.Map(9) }, "0xd4"},
		"something left over":       {[]byte{1, 2}, func(d *Decoder) { d.Uint(); _ = d.Done() }, "1 bytes left over"},
		"what message code objects": {nil, func(d *Decoder) { d.Fail("odd %d", 7) }, "malformed message: odd 7"},
	} {
		t.Run(name, func(t *testing.T) {
			var d Decoder
			d.Reset(c.frame)
			c.read(&d)
			require.ErrorIs(t, d.Err(), ErrMalformed)
			require.ErrorContains(t, d.Err(), c.says)
		})
	}
}

func TestTheFirstErrorSticksUntilReset(t *testing.T) {
	var d Decoder
	d.Reset([]byte{0xc0, 1})
	require.Zero(t, d.Uint())
	first := d.Err()
	require.Zero(t, d.Uint(), "nothing is read after an error")
	d.Skip()
	d.Fail("another")
	require.Equal(t, first, d.Err())
	require.Equal(t, 2, d.Len())
	d.Reset([]byte{1})
	require.Equal(t, uint64(1), d.Uint())
	require.NoError(t, d.Done())
}

func TestBytesAliasTheFrameAndCannotGrowIntoIt(t *testing.T) {
	frame := []byte{0xc4, 1, 'a', 'b'}
	var d Decoder
	d.Reset(frame)
	b := d.Bytes(1)
	require.Same(t, &frame[2], &b[0])
	_ = append(b, 'x')
	require.Equal(t, byte('b'), frame[3])
}

func TestSkipPassesOverOneValueOfAnyType(t *testing.T) {
	values := []any{
		nil, true, false, 1, -1, uint8(200), uint16(60000), uint32(1 << 31), uint64(1 << 63), int8(-100),
		int16(-30000), int32(-1 << 31), int64(-1 << 63), float32(1.5), 1.5, "", "x", strings.Repeat("x", 40),
		strings.Repeat("x", 300), strings.Repeat("x", 70000), []byte{}, make([]byte, 300), make([]byte, 70000),
		[]int{}, []any{1, "x", []int{2, 3}}, make([]bool, 20), make([]bool, 70000),
		map[string]int{}, map[string]any{"a": []any{1, map[int]int{1: 2}}},
	}
	var frame []byte
	for _, v := range values {
		b, err := msgpack.Marshal(v)
		require.NoError(t, err)
		frame = append(frame, b...)
	}
	frames := [][]byte{
		{0xd4, 9, 1}, {0xd5, 9, 1, 2}, {0xd6, 9, 1, 2, 3, 4}, {0xd7, 9, 1, 2, 3, 4, 5, 6, 7, 8},
		append([]byte{0xd8, 9}, make([]byte, 16)...), {0xc7, 2, 9, 1, 2}, {0xc8, 0, 1, 9, 1}, {0xc9, 0, 0, 0, 1, 9, 1},
		{0xde, 0, 1, 1, 2}, {0xdf, 0, 0, 0, 1, 1, 2}, {0xdd, 0, 0, 0, 1, 1},
	}
	for _, f := range frames {
		frame = append(frame, f...)
	}
	frame = append(frame, 0x2a)
	var d Decoder
	d.Reset(frame)
	for range len(values) + len(frames) {
		d.Skip()
		require.NoError(t, d.Err())
	}
	require.Equal(t, uint64(42), d.Uint())
	require.NoError(t, d.Done())
}

func TestSkipTakesNoBombs(t *testing.T) {
	deep := bytes.Repeat([]byte{0x91}, 1<<20)
	for name, frame := range map[string][]byte{
		"arrays nested without end": deep,
		"4 Gi pairs":                {0xdf, 255, 255, 255, 255, 1},
		"4 Gi elements, nested":     bytes.Repeat([]byte{0xdd, 255, 255, 255, 255}, 100),
		"4 GiB of extension":        {0xc9, 255, 255, 255, 255, 1},
		"4 GiB of string":           {0xdb, 255, 255, 255, 255, 1},
		"half a header":             {0xdb, 255},
		"a code that is not used":   {0xc1},
		"a short number":            {0xcf, 1},
		"a short fixed extension":   {0xd8, 1, 2},
		"nothing":                   {},
	} {
		t.Run(name, func(t *testing.T) {
			var d Decoder
			allocs := testing.AllocsPerRun(1, func() {
				d.Reset(frame)
				d.Skip()
			})
			require.ErrorIs(t, d.Err(), ErrMalformed)
			require.LessOrEqual(t, allocs, 20.0, "only the error is allocated")
		})
	}
	var d Decoder
	d.Reset(append(deep, 1))
	d.Skip()
	require.NoError(t, d.Done(), "depth alone is no fault")
}

func TestMessagesOfIntegersCostNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var e Encoder
	var d Decoder
	run := func() {
		e.Reset()
		e.Uint(3)
		e.Map(3)
		for i := range 3 {
			e.Uint(uint64(i))
			e.Uint(1 << (20 * i))
		}
		d.Reset(e.Bytes())
		if kind := d.Uint(); kind != 3 {
			t.Fatalf("kind %d", kind)
		}
		for range d.Map(8) {
			if d.Uint() == 1 {
				d.Skip()
			} else {
				d.Int()
			}
		}
		if err := d.Done(); err != nil {
			t.Fatal(err)
		}
	}
	run()
	require.Zero(t, testing.AllocsPerRun(1000, run))
}

// FuzzDecoder lets program choose what is read from frame.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0, 6, 0, 7, 3}, []byte{1, 0x81, 1, 0x93, 1, 2, 3})
	f.Add([]byte{4, 3}, []byte{0xa1, 'x', 0xc4, 1, 1})
	f.Add([]byte{7}, bytes.Repeat([]byte{0xdd, 0, 0, 0, 1}, 50))
	f.Add([]byte{5}, []byte{0xdd, 255, 255, 255, 255})
	f.Add([]byte{8, 1, 2}, []byte{0xd3, 1, 2, 3, 4, 5, 6, 7, 8, 0xc2})
	f.Fuzz(func(t *testing.T, program, frame []byte) {
		var d Decoder
		d.Reset(frame)
		taken := 0
		for _, op := range program {
			before, failed := d.Len(), d.Err()
			switch op % 9 {
			case 0:
				d.Uint()
			case 1:
				d.Int()
			case 2:
				d.Bool()
			case 3:
				taken += len(d.Bytes(int(op)))
			case 4:
				taken += len(d.String(int(op)))
			case 5:
				require.LessOrEqual(t, d.Array(int(op)), d.Len())
			case 6:
				require.LessOrEqual(t, 2*d.Map(int(op)), d.Len())
			case 7, 8:
				d.Skip()
			}
			if failed != nil {
				require.Equal(t, failed, d.Err(), "the first error sticks")
				require.Equal(t, before, d.Len(), "nothing is read after an error")
			} else if d.Err() == nil {
				require.Less(t, d.Len(), before, "every value takes a byte")
			} else {
				require.ErrorIs(t, d.Err(), ErrMalformed)
			}
			require.GreaterOrEqual(t, d.Len(), 0)
		}
		require.LessOrEqual(t, taken, len(frame))
	})
}
