package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/gotribes/tribes/internal/wire"
)

const (
	// MaxFrame bounds the payload of a frame, in bytes.
	MaxFrame = 1 << 20

	// MaxHandshakeFrame bounds the payload of a frame before the handshake is
	// complete, and all that is read of a connection until then, in bytes.
	MaxHandshakeFrame = 16 << 10

	headerSize = 4 // bytes of length before each payload
	readStart  = wire.SlackKeep
	readChunk  = 64 << 10 // bytes that one read takes at most, and that an idle reader keeps at most
)

// appendFrame appends a payload with its length before it.
func appendFrame(out, payload []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(payload)))
	return append(out, payload...)
}

// A frameReader cuts a stream into frames. Its buffer at most doubles with
// what has arrived, so that a frame announced and never sent costs little.
// Not for several goroutines at once.
type frameReader struct {
	r      io.Reader
	max    int // bytes of payload allowed
	budget int // bytes that may still be read of r, negative for no limit
	buf    []byte
	start  int // buf[start:end] has arrived and is not yet given out
	end    int
	used   int // bytes of the last frame
	slack  wire.Slack
}

// handshakeReader returns a reader for a connection whose peer is not known.
func handshakeReader(r io.Reader) *frameReader {
	return &frameReader{r: r, max: MaxHandshakeFrame, budget: MaxHandshakeFrame + headerSize}
}

// trust lifts the limits of the handshake.
func (f *frameReader) trust() { f.max, f.budget = MaxFrame, -1 }

// next returns the payload of the next frame, valid until the following call.
// io.EOF means that the stream ended between two frames.
func (f *frameReader) next() ([]byte, error) {
	if f.start == f.end && (len(f.buf) > readChunk || f.slack.Over(f.used, len(f.buf), bufferTimes)) {
		f.buf = nil // do not keep the memory of one large frame
		f.start, f.end = 0, 0
	}
	if err := f.fill(headerSize); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(f.buf[f.start:])
	if n == 0 || int64(n) > int64(f.max) {
		return nil, &frameError{length: n, max: f.max, head: f.head()}
	}
	if err := f.fill(headerSize + int(n)); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	f.used = headerSize + int(n)
	payload := f.buf[f.start+headerSize : f.start+headerSize+int(n)]
	f.start += headerSize + int(n)
	return payload, nil
}

// head returns a copy of the first bytes not yet given out.
func (f *frameReader) head() []byte {
	return bytes.Clone(f.buf[f.start:min(f.end, f.start+headBytes)])
}

// fill reads until n bytes are there from start on.
func (f *frameReader) fill(n int) error {
	for f.end-f.start < n {
		f.makeRoom(n)
		room := f.buf[f.end:min(len(f.buf), f.end+readChunk)]
		if f.budget >= 0 {
			if f.budget == 0 {
				return fmt.Errorf("%w: more than %d bytes before the end of the handshake", ErrMalformed, MaxHandshakeFrame)
			}
			room = room[:min(len(room), f.budget)]
		}
		got, err := f.r.Read(room)
		f.end += got
		if f.budget >= 0 {
			f.budget -= got
		}
		if err != nil && f.end-f.start < n {
			if err == io.EOF && f.end > f.start {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// makeRoom sees to it that there is room behind end for a part of the n bytes
// that are wanted from start on.
func (f *frameReader) makeRoom(n int) {
	if f.start == f.end {
		f.start, f.end = 0, 0
	}
	if f.start+n <= len(f.buf) {
		return
	}
	if f.start > 0 { // move what is there to the front
		f.end = copy(f.buf, f.buf[f.start:f.end])
		f.start = 0
	}
	if f.end == len(f.buf) {
		grown := make([]byte, min(max(readStart, 2*len(f.buf)), max(readStart, n)))
		copy(grown, f.buf[:f.end])
		f.buf = grown
	}
}
