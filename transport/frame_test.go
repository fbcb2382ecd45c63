package transport

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// framed returns payloads as a stream.
func framed(payloads ...[]byte) []byte {
	var b []byte
	for _, p := range payloads {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

func trusted(r io.Reader) *frameReader { return &frameReader{r: r, max: MaxFrame, budget: -1} }

func TestFramesComeOutAsTheyWentIn(t *testing.T) {
	var payloads [][]byte
	for _, n := range []int{1, 3, readStart - 4, readStart, readStart + 1, 1, 70000, 2, MaxFrame, 5, MaxFrame, 9} {
		payloads = append(payloads, bytes.Repeat([]byte{byte(n), byte(n >> 8), byte(len(payloads))}, n/3+1)[:n])
	}
	stream := framed(payloads...)
	for name, r := range map[string]io.Reader{
		"at once":      bytes.NewReader(stream),
		"in halves":    iotest.HalfReader(bytes.NewReader(stream)),
		"with its end": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		t.Run(name, func(t *testing.T) {
			f := trusted(r)
			for i, want := range payloads {
				got, err := f.next()
				require.NoError(t, err)
				require.True(t, bytes.Equal(want, got), "frame %d", i)
			}
			_, err := f.next()
			require.Equal(t, io.EOF, err, "the end between two frames is a clean end")
		})
	}
}

func TestLengthsThatNoFrameHas(t *testing.T) {
	for name, c := range map[string]struct {
		stream []byte
		says   string
	}{
		"nothing":       {framed([]byte{}), "frame of 0 bytes, 1 to 1048576 allowed"},
		"a byte over":   {binary.BigEndian.AppendUint32(nil, MaxFrame+1), "frame of 1048577 bytes"},
		"1 GiB":         {binary.BigEndian.AppendUint32(nil, 1<<30), "frame of 1073741824 bytes"},
		"all bits":      {[]byte{255, 255, 255, 255}, "frame of 4294967295 bytes"},
		"half a header": {[]byte{0, 0}, "unexpected EOF"},
		"half a frame":  {[]byte{0, 0, 0, 5, 1, 2}, "unexpected EOF"},
		"a header only": {[]byte{0, 0, 0, 5}, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := trusted(bytes.NewReader(c.stream)).next()
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestAnAnnouncedFrameCostsLittleUntilItArrives(t *testing.T) {
	stream := append(binary.BigEndian.AppendUint32(nil, MaxFrame), make([]byte, 10000)...)
	f := trusted(bytes.NewReader(stream))
	_, err := f.next()
	require.Equal(t, io.ErrUnexpectedEOF, err)
	require.LessOrEqual(t, len(f.buf), 2*len(stream))
}

func TestTheMemoryOfALargeFrameIsGivenBack(t *testing.T) {
	f := trusted(bytes.NewReader(framed(make([]byte, MaxFrame), []byte{1})))
	for range 2 {
		_, err := f.next()
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(f.buf), readChunk)
}

func TestOnlyAHandshakesWorthIsReadOfAStranger(t *testing.T) {
	r := bytes.NewReader(framed(bytes.Repeat([]byte{1}, MaxHandshakeFrame-4), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9}))
	size := r.Len()
	f := handshakeReader(r)
	_, err := f.next()
	require.NoError(t, err)
	_, err = f.next()
	require.ErrorIs(t, err, ErrMalformed)
	require.Equal(t, MaxHandshakeFrame+headerSize, size-r.Len())

	f = handshakeReader(bytes.NewReader(framed(make([]byte, MaxHandshakeFrame+1))))
	_, err = f.next()
	require.ErrorContains(t, err, "frame of 16385 bytes, 1 to 16384 allowed")
}

// FuzzFrame compares the reader with the plainest possible one.
func FuzzFrame(f *testing.F) {
	f.Add(framed([]byte("hello"), []byte("x")), false)
	f.Add(framed(make([]byte, 5000), []byte("x"))[:5003], true)
	f.Add([]byte{0, 0, 0, 0}, false)
	f.Add([]byte("GET / HTTP/1.1\r\n"), true)
	f.Fuzz(func(t *testing.T, stream []byte, slow bool) {
		var r io.Reader = bytes.NewReader(stream)
		if slow {
			r = iotest.HalfReader(r)
		}
		reader := trusted(r)
		rest := stream
		for {
			got, err := reader.next()
			require.LessOrEqual(t, len(reader.buf), max(readStart, 2*len(stream)+headerSize))
			if len(rest) == 0 {
				require.Equal(t, io.EOF, err)
				return
			}
			if len(rest) < headerSize {
				require.Equal(t, io.ErrUnexpectedEOF, err)
				return
			}
			n := int64(binary.BigEndian.Uint32(rest))
			if n == 0 || n > MaxFrame {
				require.ErrorIs(t, err, ErrMalformed)
				return
			}
			if int64(len(rest)-headerSize) < n {
				require.Equal(t, io.ErrUnexpectedEOF, err)
				return
			}
			require.NoError(t, err)
			require.True(t, bytes.Equal(rest[headerSize:headerSize+n], got))
			rest = rest[headerSize+n:]
		}
	})
}
