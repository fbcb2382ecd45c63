package transport

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gotribes/tribes/internal/wire"
)

// What a proof signs starts with the side that makes it, so that neither side
// can hand the other's proof back.
const (
	acceptorProof = "tribes link v1 acceptor"
	dialerProof   = "tribes link v1 dialer"
)

// lingerTime bounds how long a side that has said its last word waits for the
// other to read it.
const lingerTime = time.Second

// A handshake is one connection on its way to becoming a link. It is used by
// one goroutine. Deadlines are set on the connection by its owner.
type handshake struct {
	endpoint *Endpoint
	channel  *channel
	conn     net.Conn // the channel's
	address  string   // dialled, or where the dialer comes from
	frames   *frameReader

	self, peer   Hello
	version      uint16
	dialed       [sha256.Size]byte // hash of the dialer's hello payload
	accepted     [sha256.Size]byte // hash of the acceptor's
	heardNothing bool              // the other side closed without a byte
	asks         bool              // takes the place of one who asks
}

func newHandshake(e *Endpoint, ch *channel, address string) *handshake {
	return &handshake{endpoint: e, channel: ch, conn: ch.conn, address: address, frames: handshakeReader(ch.conn)}
}

// hello makes this side's hello.
func (h *handshake) hello(purpose Purpose, expect ID) ([]byte, error) {
	cfg := &h.endpoint.cfg
	domains, err := checkDomains(cfg.Domains())
	if err != nil {
		return nil, err
	}
	h.self = Hello{
		MinVersion: h.endpoint.minVersion, MaxVersion: h.endpoint.maxVersion,
		Cluster: cfg.Cluster, Advertise: cfg.Advertise,
		ID: h.endpoint.id, PublicKey: cfg.Key.Public().(ed25519.PublicKey), Birth: cfg.Birth,
		Purpose: purpose, Expect: expect,
		HeartbeatInterval: cfg.HeartbeatInterval, DropTime: cfg.DropTime,
		Domains: domains,
	}
	if _, err := rand.Read(h.self.Nonce[:]); err != nil {
		return nil, fmt.Errorf("no random bytes for a handshake: %w", err)
	}
	return h.self.encode()
}

// dial does the dialer's side. After a look the caller closes the connection.
func (h *handshake) dial(purpose Purpose, expect ID) error {
	hello, err := h.hello(purpose, expect)
	if err != nil {
		return err
	}
	if err := h.write(hello); err != nil {
		// A refusal sent before our hello arrived is worth more than the reset.
		if _, early := h.readWelcome(); early != nil {
			if _, ok := errors.AsType[*RefusedError](early); ok {
				return early
			}
		}
		return fmt.Errorf("address %s: sending the hello: %w", h.address, err)
	}
	h.dialed = sha256.Sum256(hello)
	proof, err := h.readWelcome()
	if err != nil {
		return err
	}
	if !h.verify(acceptorProof, proof) {
		return &RefusedError{Code: CodeMalformed, Address: h.address, Text: "it does not hold the key of the ID that it claims"}
	}
	if h.version, err = checkPeer(&h.self, &h.peer, h.address); err != nil {
		return err
	}
	if h.peer.Purpose != purpose { // it would choose which rules hold for it
		return &RefusedError{Code: CodeMalformed, Address: h.address,
			Text: fmt.Sprintf("it was dialled for purpose %d and answers for purpose %d", purpose, h.peer.Purpose)}
	}
	if err := h.endpoint.checkBinding(h); err != nil {
		return err
	}
	if purpose == PurposeLook {
		return nil
	}
	if err := h.write(encodeOpen(h.prove(dialerProof))); err != nil {
		return fmt.Errorf("address %s: sending the proof: %w", h.address, err)
	}
	h.trust()
	return nil
}

// readWelcome reads the acceptor's answer up to its proof.
func (h *handshake) readWelcome() (proof []byte, err error) {
	payload, err := h.frames.next()
	if err != nil {
		return nil, h.dialError(err)
	}
	var d wire.Decoder
	d.Reset(payload)
	var hello []byte
	switch kind := d.Uint(); {
	case d.Err() != nil:
	case kind == kindRefusal:
		err := decodeRefusal(&d, h.address)
		if _, ok := errors.AsType[*RefusedError](err); ok {
			return nil, err
		}
	case kind != kindWelcome:
		d.Fail("kind %d where a welcome was expected", kind)
	default:
		for range d.Map(64) {
			switch d.Uint() {
			case 1:
				hello = d.Bytes(maxHello)
			case 2:
				proof = d.Bytes(ed25519.SignatureSize)
			default:
				d.Skip()
			}
		}
		_ = d.Done()
	}
	if err := d.Err(); err != nil {
		return nil, notTribes(h.address, err)
	}
	if h.peer, err = decodeHello(hello); err != nil {
		return nil, notTribes(h.address, err)
	}
	h.accepted = sha256.Sum256(hello)
	return proof, nil
}

// trust lifts the limits of the handshake.
func (h *handshake) trust() {
	h.frames.trust()
	h.channel.trust()
}

// dialError says what a failed read means to the dialer. In TLS 1.3 this is
// where it learns that the acceptor does not like what it has shown.
func (h *handshake) dialError(err error) error {
	if a, ok := errors.AsType[*alertError](err); ok {
		mine := theCertificate
		if h.channel.certificate == nil {
			mine = theKey
		}
		return refusedByAlert(a, h.address, mine)
	}
	switch {
	case errors.Is(err, ErrMalformed):
		return notTribes(h.address, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("address %s closed the connection before the handshake ended: %w", h.address, err)
	}
	return fmt.Errorf("address %s: waiting for its hello: %w", h.address, err)
}

// accept does the acceptor's side. A peer that only looks yields errLooked.
func (h *handshake) accept() error {
	payload, err := h.frames.next()
	if err != nil {
		h.heardNothing = FailureOf(err) == FailureReset && h.frames.end == 0
		return h.acceptError(err)
	}
	h.dialed = sha256.Sum256(payload)
	if h.peer, err = decodeHello(payload); err != nil {
		return h.refuse(&RefusedError{Code: CodeMalformed, Address: h.address, Text: err.Error()})
	}
	hello, err := h.hello(h.peer.Purpose, h.peer.ID)
	if err != nil {
		return err
	}
	if h.version, err = checkPeer(&h.self, &h.peer, h.address); err != nil {
		return h.refuse(err.(*RefusedError))
	}
	if err := h.endpoint.checkDialer(h); err != nil {
		return h.refuse(err.(*RefusedError))
	}
	if h.peer.Purpose == PurposeLook {
		if !h.endpoint.beginLook() {
			return h.refuse(&RefusedError{Code: CodeBusy, Address: h.address,
				Text: fmt.Sprintf("%d looks are being answered; try again later", looksServed)})
		}
		defer h.endpoint.endLook()
	}
	if h.peer.Purpose == PurposeAsk {
		if r := h.beginAsk(); r != nil {
			return h.refuse(r)
		}
	}
	h.accepted = sha256.Sum256(hello)
	if err := h.write(encodeWelcome(hello, h.prove(acceptorProof))); err != nil {
		return fmt.Errorf("sending the welcome: %w", err)
	}
	if h.peer.Purpose == PurposeLook {
		_ = h.conn.SetReadDeadline(time.Now().Add(lookEnd))
	}
	payload, err = h.frames.next()
	if h.peer.Purpose == PurposeLook && FailureOf(err) == FailureReset {
		return errLooked
	}
	if err != nil {
		return fmt.Errorf("waiting for its proof: %w", err)
	}
	proof, err := decodeOpen(payload)
	if err != nil {
		return err
	}
	if h.peer.Purpose == PurposeLook || !h.verify(dialerProof, proof) {
		return h.refuse(&RefusedError{Code: CodeMalformed, Address: h.address, Text: "no proof of the key of the claimed ID"})
	}
	h.trust()
	if h.asks {
		h.frames.max = MaxQuestion
	}
	return nil
}

// acceptError says what a failed read of the hello means to the acceptor. Who
// speaks TLS to a node without keys is told so, in plain.
func (h *handshake) acceptError(err error) error {
	if f, ok := errors.AsType[*frameError](err); ok && describe(f.head) == "TLS" {
		return h.refuse(&RefusedError{Code: CodeKey, Address: h.address,
			Text: "does not speak tribes: sent TLS, and this node has neither key nor certificate"})
	}
	if a, ok := errors.AsType[*alertError](err); ok {
		return &RefusedError{Code: CodeKey, Address: h.address, Text: printable("the dialer has broken off TLS: it said " + a.Error())}
	}
	return fmt.Errorf("waiting for its hello: %w", err)
}

// errLooked ends a look as it should end.
var errLooked = errors.New("a look")

// refuse tells the dialer why there will be no link, sees that the word is not
// lost in a reset, and returns it as an error.
func (h *handshake) refuse(r *RefusedError) error {
	if h.write(encodeRefusal(r.Code, r.Text)) == nil {
		linger(h.conn)
	}
	return r
}

// A halfCloser can end its sending direction alone, as TCP and TLS can.
type halfCloser interface{ CloseWrite() error }

// write sends one frame.
func (h *handshake) write(payload []byte) error {
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, headerSize+len(payload)), uint32(len(payload)))
	_, err := h.conn.Write(append(frame, payload...))
	return err
}

// toSign returns what a proof of the given side signs.
func (h *handshake) toSign(side string) []byte {
	b := append([]byte(side), h.dialed[:]...)
	b = append(b, h.accepted[:]...)
	return append(b, h.channel.binding...)
}

func (h *handshake) prove(side string) []byte {
	return ed25519.Sign(h.endpoint.cfg.Key, h.toSign(side))
}

func (h *handshake) verify(side string, proof []byte) bool {
	return ed25519.Verify(h.peer.PublicKey, h.toSign(side), proof)
}

func encodeWelcome(hello, proof []byte) []byte {
	var e wire.Encoder
	e.Uint(kindWelcome)
	e.Map(2)
	e.Uint(1)
	e.Bin(hello)
	e.Uint(2)
	e.Bin(proof)
	return e.Bytes()
}

func encodeOpen(proof []byte) []byte {
	var e wire.Encoder
	e.Uint(kindOpen)
	e.Map(1)
	e.Uint(1)
	e.Bin(proof)
	return e.Bytes()
}

func decodeOpen(payload []byte) (proof []byte, err error) {
	var d wire.Decoder
	d.Reset(payload)
	if kind := d.Uint(); d.Err() == nil && kind != kindOpen {
		d.Fail("kind %d where a proof was expected", kind)
	}
	for range d.Map(64) {
		if d.Uint() == 1 {
			proof = d.Bytes(ed25519.SignatureSize)
		} else {
			d.Skip()
		}
	}
	return proof, d.Done()
}
