package wire

import "crypto/ed25519"

// A Signer signs what its node says of itself. Sign must be deterministic and
// must not block.
type Signer interface {
	PublicKey() PublicKey
	Sign(message []byte) Signature
}

// A Verifier checks the signature of a body that was signed in a context. The
// simulator uses one that accepts all.
type Verifier func(key PublicKey, context string, body []byte, sig Signature) bool

// Ed25519Signer signs with an Ed25519 private key.
type Ed25519Signer struct{ Key ed25519.PrivateKey }

// PublicKey returns the public half.
func (s Ed25519Signer) PublicKey() PublicKey {
	return PublicKey(s.Key.Public().(ed25519.PublicKey))
}

// Sign signs the message.
func (s Ed25519Signer) Sign(message []byte) Signature {
	return Signature(ed25519.Sign(s.Key, message))
}

// Ed25519Verify is the Verifier of real nodes: about 60 µs a signature, and no
// memory for a body of usual size.
func Ed25519Verify(key PublicKey, context string, body []byte, sig Signature) bool {
	var buf [512]byte
	return ed25519.Verify(key[:], append(append(buf[:0], context...), body...), sig[:])
}

// Contexts keep a signature of one sort from being taken for another.
const (
	birthContext      = "tribes birth v1\x00" // of a hash
	recordContext     = "tribes record v1\x00"
	accusationContext = "tribes accusation v1\x00"
)

func signed(context string, body []byte) []byte {
	return append([]byte(context), body...)
}

func encodeSigned(e *Encoder, body, sig []byte) {
	e.Array(2)
	e.Bin(body)
	e.Bin(sig)
}

// decodeSigned reads a signed body of at most most bytes, which is a part of
// the frame, and its signature; signed is false if that is empty.
func decodeSigned(d *Decoder, most int) (body []byte, sig Signature, signed bool) {
	n := d.Array(MaxParts)
	if n < 2 {
		d.Fail("signed body of %d parts", n)
		return nil, sig, false
	}
	body = d.Bytes(most)
	s := d.Bytes(len(sig))
	for range n - 2 {
		d.Skip()
	}
	if d.Err() == nil && copy(sig[:], s) != len(sig) && len(s) > 0 {
		d.Fail("signature of %d bytes", len(s))
	}
	return body, sig, len(s) > 0
}
