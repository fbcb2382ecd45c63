package transport

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gotribes/tribes/internal/wire"
)

var (
	// ErrClosed is wrapped by errors that follow from this side's own Close,
	// of the endpoint or of the link. Nothing is wrong with the peer.
	ErrClosed = errors.New("transport closed")

	// ErrSlowPeer is why a link goes down whose peer does not take what it is
	// sent: the queue is full, or a write made no progress for
	// Config.WriteTimeout. What was queued is lost.
	ErrSlowPeer = errors.New("peer does not take what it is sent")

	// ErrFrameSize is what Send returns for an empty payload or one over
	// MaxFrame. The link is left as it was.
	ErrFrameSize = errors.New("payload is not of 1 to 1048576 bytes")

	// ErrMalformed is wrapped by errors about bytes that no node of this
	// protocol sends. The connection is closed.
	ErrMalformed = wire.ErrMalformed
)

// Code says why a handshake was refused.
type Code uint8

// The codes. A peer of a later version may send others.
const (
	CodeVersion   Code = 1 // no common protocol version: upgrade the older side
	CodeCluster   Code = 2 // another cluster name: one of the two is configured wrong, or the address is
	CodeSelf      Code = 3 // the address is one's own: expected among well-known addresses
	CodeSettings  Code = 4 // heartbeat interval and drop time do not go together
	CodeMalformed Code = 5 // the peer did not follow the protocol, or its proof is wrong
	CodeBusy      Code = 6 // try again later
	CodeKey       Code = 7 // a key or certificate that is not accepted, or one side has none
)

// String returns the code's name.
func (c Code) String() string {
	return name("code", uint8(c), "version", "cluster", "self", "settings", "malformed", "busy", "key")
}

// A RefusedError reports a handshake that came to a clear no: said by the peer,
// or found by the same checks on this side. No link exists, and except for
// CodeBusy the same try has no better end until somebody changes something.
type RefusedError struct {
	Code    Code   // why
	Address string // that was dialled; on the accepting side, where the dialer came from
	Text    string // what does not fit, with both values

	err error // what Unwrap returns
}

// Error says who refused and what to change.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("no link with %s (%s): %s", e.Address, e.Code, e.Text)
}

// Unwrap returns what this side does not like about the peer's certificate, as
// crypto/x509 has it; nil for all else.
func (e *RefusedError) Unwrap() error { return e.err }

// A frameError reports a length that no frame may have.
type frameError struct {
	length uint32
	max    int
	head   []byte // what arrived, from the length on, cut to headBytes
}

// headBytes bounds what is quoted of bytes that make no sense.
const headBytes = 32

func (e *frameError) Error() string {
	return fmt.Sprintf("frame of %d bytes, 1 to %d allowed", e.length, e.max)
}

func (e *frameError) Unwrap() error { return ErrMalformed }

// notTribes returns the error for a peer that answers with something else.
func notTribes(address string, err error) error {
	if f, ok := errors.AsType[*frameError](err); ok {
		return fmt.Errorf("address %s does not speak tribes: got %s: %w", address, describe(f.head), err)
	}
	return fmt.Errorf("address %s does not speak tribes: %w", address, err)
}

// describe quotes the first bytes of a foreign protocol, and names TLS, which
// says nothing to the eye: the commonest cause is one side with a key and one
// without.
func describe(head []byte) string {
	if len(head) >= 2 && head[0] >= 0x14 && head[0] <= 0x17 && head[1] == 3 {
		return "TLS"
	}
	return fmt.Sprintf("%q", strings.TrimRight(string(head), "\r\n"))
}
