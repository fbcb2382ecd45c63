package tribes

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// The marks around a body, and its length behind the first.
const (
	frameBegin = "FLT2002"
	frameEnd   = "TLF2003"
	frameHead  = len(frameBegin) + 4
	mostBody   = math.MaxInt32 // that the length can say
	ackBody    = 3             // bytes; every other body is a message
)

// defaultMaxBody bounds the body of a frame unless the caller says otherwise.
const defaultMaxBody = 16 << 20

// smallBody is what is allocated at once; a longer body grows as it comes.
const smallBody = 64 << 10

// An Answer is what a receiver sends back for a message with Ack.
type Answer uint8

// The answers.
const (
	NoAnswer Answer = iota // none has come
	Accepted               // it has arrived; with SyncAck, the application has taken it
	Failed                 // the application has not taken it
)

// String returns "accepted", "failed" or "none".
func (a Answer) String() string {
	switch a {
	case Accepted:
		return "accepted"
	case Failed:
		return "failed"
	}
	return "none"
}

var answerBodies = [...]string{Accepted: "\x06\x02\x03", Failed: "\x0b\x00\x05"}

// AppendAnswer appends the frame of an answer.
func AppendAnswer(b []byte, a Answer) []byte {
	b = append(b, frameBegin...)
	b = appendBytes(b, answerBodies[a])
	return append(b, frameEnd...)
}

// A Frame is either an answer or a message.
type Frame struct {
	Answer  Answer   // NoAnswer if there is a message
	Message *Message // nil if there is an answer
}

// A Reader cuts a stream into frames. It is for one goroutine.
type Reader struct {
	r       *bufio.Reader
	maxBody int
	admit   func(n int) error // asked before a body of more than smallBody bytes is read; nil allows all
	begun   func()            // called when the head of a frame has come; may be nil
}

// NewReader makes a Reader that refuses bodies of more than maxBody bytes;
// 0 stands for 16 MiB.
func NewReader(r io.Reader, maxBody int) *Reader {
	if maxBody <= 0 {
		maxBody = defaultMaxBody
	}
	return &Reader{r: bufio.NewReaderSize(r, 16<<10), maxBody: maxBody}
}

// Next returns the next frame. At the end of the stream it returns io.EOF,
// within a frame io.ErrUnexpectedEOF. What the protocol does not allow is a
// *FormatError; then nothing that follows can be trusted.
func (r *Reader) Next() (Frame, error) {
	var head [frameHead]byte
	if n, err := io.ReadFull(r.r, head[:]); err != nil {
		if n > 0 && string(head[:min(n, len(frameBegin))]) != frameBegin[:min(n, len(frameBegin))] {
			return Frame{}, malformed("no begin of a frame: %x", head[:n])
		}
		return Frame{}, err
	}
	if string(head[:len(frameBegin)]) != frameBegin {
		return Frame{}, malformed("no begin of a frame: %x", head[:])
	}
	n := int64(int32(binary.BigEndian.Uint32(head[len(frameBegin):])))
	if n < ackBody || n > int64(r.maxBody) {
		return Frame{}, malformed("a frame of %d bytes; %d to %d are allowed", n, ackBody, r.maxBody)
	}
	if r.begun != nil {
		r.begun()
	}
	body, err := r.body(int(n))
	if err != nil {
		return Frame{}, unexpected(err)
	}
	var end [len(frameEnd)]byte
	if _, err := io.ReadFull(r.r, end[:]); err != nil {
		return Frame{}, unexpected(err)
	}
	if string(end[:]) != frameEnd {
		return Frame{}, malformed("no end of a frame: %x", end[:])
	}
	return frameOf(body)
}

// body reads n bytes. No more is allocated than twice what has come.
func (r *Reader) body(n int) ([]byte, error) {
	if n <= smallBody {
		body := make([]byte, n)
		_, err := io.ReadFull(r.r, body)
		return body, err
	}
	if r.admit != nil {
		if err := r.admit(n); err != nil {
			return nil, err
		}
	}
	var body bytes.Buffer
	body.Grow(smallBody)
	if _, err := io.CopyN(&body, r.r, int64(n)); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// frameOf tells answers from messages: only answers have a body of three bytes.
func frameOf(body []byte) (Frame, error) {
	if len(body) != ackBody {
		m, err := DecodeMessage(body)
		return Frame{Message: m}, err
	}
	for a, want := range answerBodies {
		if want != "" && string(body) == want {
			return Frame{Answer: Answer(a)}, nil
		}
	}
	return Frame{}, malformed("an answer of %x; 060203 and 0b0005 are allowed", body)
}

// unexpected turns an end within a frame into what it is.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// String tells a frame in a few words.
func (f Frame) String() string {
	if f.Message == nil {
		return f.Answer.String()
	}
	return fmt.Sprintf("%s from %s, %d bytes", f.Message.Options, f.Message.Sender.Address(), len(f.Message.Content))
}
