package tribes

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// Options are the bits with which a message is sent. They travel with it.
type Options uint32

// The options that Tribes knows. Further bits are conventions between
// applications and go through untouched.
const (
	Bytes   Options = 0x0001 // the content is raw bytes, not a Java object
	Ack     Options = 0x0002 // the receiver acknowledges: on arrival, or as SyncAck says
	SyncAck Options = 0x0004 // with Ack: when the application has taken it, or that it has not; alone: nothing
	Async   Options = 0x0008 // the sender does not wait
	Secure  Options = 0x0010 // nothing over TCP
	UDP     Options = 0x0020 // nothing over TCP
	Mcast   Options = 0x0040 // nothing over TCP
	Gzip    Options = 0x0100 // the content is compressed by an interceptor
	Order   Options = 0x0200 // Axis2: a counter of four bytes behind the content, where that is configured
	Group   Options = 0x0400 // Axis2: about membership
	Once    Options = 0x0800 // Axis2: at most once
)

var optionNames = map[Options]string{Bytes: "bytes", Ack: "ack", SyncAck: "sync-ack", Async: "async", Secure: "secure",
	UDP: "udp", Mcast: "mcast", Gzip: "gzip", Order: "order", Group: "group", Once: "once"}

// String returns the names of the bits, with + between, and the rest as a
// number.
func (o Options) String() string {
	var names []string
	rest := o
	for bit := Options(1); bit != 0; bit <<= 1 {
		if name, ok := optionNames[bit]; ok && o&bit != 0 {
			names, rest = append(names, name), rest&^bit
		}
	}
	if rest != 0 || len(names) == 0 {
		names = append(names, fmt.Sprintf("%#x", uint32(rest)))
	}
	return strings.Join(names, "+")
}

// A MessageID is made with the message and stays when it is sent again.
type MessageID [16]byte

// NewMessageID makes a random one.
func NewMessageID() MessageID {
	var id MessageID
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// String returns 32 hexadecimal digits.
func (id MessageID) String() string { return hex.EncodeToString(id[:]) }

// A Message is one message on the wire.
type Message struct {
	Options   Options // how it was sent
	Timestamp int64   // milliseconds of the epoch, when the message was made
	ID        MessageID
	Sender    Member // whom an answer goes to
	Content   []byte // bytes, or a Java object stream; not to be changed
}

// AppendMessage appends a whole frame with the message in it.
func AppendMessage(b []byte, m *Message) ([]byte, error) {
	start := len(b)
	b = append(b, frameBegin...)
	b = append(b, 0, 0, 0, 0) // length of the body, see below
	b = binary.BigEndian.AppendUint32(b, uint32(m.Options))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Timestamp))
	b = appendBytes(b, m.ID[:])
	block := len(b)
	b, err := AppendMember(append(b, 0, 0, 0, 0), m.Sender)
	if err != nil {
		return b[:start], err
	}
	binary.BigEndian.PutUint32(b[block:], uint32(len(b)-block-4))
	b = appendBytes(b, m.Content)
	body := len(b) - start - frameHead
	if int64(body) > mostBody {
		return b[:start], fmt.Errorf("message: %d bytes; at most %d fit into a frame", len(m.Content), int64(mostBody))
	}
	binary.BigEndian.PutUint32(b[start+len(frameBegin):], uint32(body))
	return append(b, frameEnd...), nil
}

// DecodeMessage reads the body of a frame. The content aliases b. An error is a
// *FormatError.
func DecodeMessage(b []byte) (*Message, error) {
	d := decoder{b: b}
	m := &Message{Options: Options(d.uint32()), Timestamp: int64(d.uint64())}
	if n := d.length("id"); d.err == nil && n != len(m.ID) {
		return nil, malformed("an id of %d bytes; 16 are allowed", n)
	}
	copy(m.ID[:], d.take(len(m.ID)))
	block := d.take(d.length("member block"))
	m.Content = d.take(d.length("message"))
	if d.err == nil && len(d.b) > 0 {
		d.err = malformed("%d bytes behind a message", len(d.b))
	}
	if d.err != nil {
		return nil, d.err
	}
	var err error
	if m.Sender, err = DecodeMember(block); err != nil {
		return nil, err
	}
	return m, nil
}
