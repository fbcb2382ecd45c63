package transport

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gotribes/tribes/internal/wire"
)

// The range of protocol versions that this package speaks.
const (
	minVersion = 1
	maxVersion = 1
)

// Limits of a hello.
const (
	maxText    = 255      // bytes of a cluster name, address or domain name
	maxDomains = 256      // domains
	maxHello   = 15 << 10 // bytes of an encoded hello; the rest of MaxHandshakeFrame is for proofs
)

// A Hello is what each side of a connection says of itself first. A Hello
// given out by this package is verified: the peer holds the key. Its slices
// are shared and must not be changed.
type Hello struct {
	MinVersion uint16 // protocol versions that it speaks, 1 or more
	MaxVersion uint16

	Cluster   string // both sides must say the same, up to 255 bytes
	Advertise string // the address that others dial, up to 255 bytes
	ID        ID     // of PublicKey and Birth
	PublicKey ed25519.PublicKey
	Birth     Birth    // zero: it has none
	Nonce     [16]byte // fresh random bytes
	Purpose   Purpose  // the dialer's; an acceptor repeats it

	// Expect is who the dialer thinks lives at the address, zero for anyone.
	// It is for information: any ID may answer.
	Expect ID

	HeartbeatInterval time.Duration // between two heartbeats of the sender
	DropTime          time.Duration // at least four times the other side's HeartbeatInterval

	Domains []Domain // at most 256
}

// magic opens every hello, so that a foreign payload that happens to be a
// frame is told from a damaged hello.
const magic = "tribes"

// Field numbers of a hello. Numbers are never given a second meaning.
const (
	helloMagic = iota
	helloMinVersion
	helloMaxVersion
	helloCluster
	helloAdvertise
	helloID
	helloPublicKey
	helloNonce
	helloPurpose
	helloExpect
	helloHeartbeat // nanoseconds
	helloDropTime  // nanoseconds
	helloDomains   // array of [name, role]
	helloBirth     // only if there is one
)

// Kinds of the frames of a handshake.
const (
	kindHello   = 1
	kindWelcome = 2 // map{1: the acceptor's hello, 2: its proof}
	kindRefusal = 3 // map{1: code, 2: text}
	kindOpen    = 4 // map{1: the dialer's proof}
)

// encode returns h as a payload of kind hello.
func (h *Hello) encode() ([]byte, error) {
	var e wire.Encoder
	e.Uint(kindHello)
	fields := helloBirth
	if h.Birth != (Birth{}) {
		fields++
	}
	e.Map(fields)
	e.Uint(helloMagic)
	e.String(magic)
	e.Uint(helloMinVersion)
	e.Uint(uint64(h.MinVersion))
	e.Uint(helloMaxVersion)
	e.Uint(uint64(h.MaxVersion))
	e.Uint(helloCluster)
	e.String(h.Cluster)
	e.Uint(helloAdvertise)
	e.String(h.Advertise)
	e.Uint(helloID)
	e.Bin(h.ID[:])
	e.Uint(helloPublicKey)
	e.Bin(h.PublicKey)
	e.Uint(helloNonce)
	e.Bin(h.Nonce[:])
	e.Uint(helloPurpose)
	e.Uint(uint64(h.Purpose))
	e.Uint(helloExpect)
	e.Bin(h.Expect[:])
	e.Uint(helloHeartbeat)
	e.Int(int64(h.HeartbeatInterval))
	e.Uint(helloDropTime)
	e.Int(int64(h.DropTime))
	e.Uint(helloDomains)
	e.Array(len(h.Domains))
	for _, d := range h.Domains {
		e.Array(2)
		e.String(d.Name)
		e.Uint(uint64(d.Role))
	}
	if h.Birth != (Birth{}) {
		e.Uint(helloBirth)
		e.Bin(h.Birth[:])
	}
	if n := len(e.Bytes()); n > maxHello {
		return nil, fmt.Errorf("hello of %d bytes, at most %d fit: take part in fewer than %d domains or shorten their names",
			n, maxHello, len(h.Domains))
	}
	return e.Bytes(), nil
}

// decodeHello reads a payload of kind hello. The result shares no memory with
// it. Whether its values suit this node is for checkPeer.
func decodeHello(payload []byte) (Hello, error) {
	var d wire.Decoder
	d.Reset(payload)
	if kind := d.Uint(); d.Err() == nil && kind != kindHello {
		d.Fail("kind %d where a hello was expected", kind)
	}
	var h Hello
	var word string
	for range d.Map(64) {
		switch d.Uint() {
		case helloMagic:
			word = d.String(len(magic))
		case helloMinVersion:
			h.MinVersion = uint16(below(&d, 1<<16))
		case helloMaxVersion:
			h.MaxVersion = uint16(below(&d, 1<<16))
		case helloCluster:
			h.Cluster = d.String(maxText)
		case helloAdvertise:
			h.Advertise = d.String(maxText)
		case helloID:
			exactly(&d, h.ID[:])
		case helloPublicKey:
			h.PublicKey = make(ed25519.PublicKey, ed25519.PublicKeySize)
			exactly(&d, h.PublicKey)
		case helloNonce:
			exactly(&d, h.Nonce[:])
		case helloPurpose:
			h.Purpose = Purpose(below(&d, 1<<8))
		case helloExpect:
			exactly(&d, h.Expect[:])
		case helloHeartbeat:
			h.HeartbeatInterval = time.Duration(d.Int())
		case helloDropTime:
			h.DropTime = time.Duration(d.Int())
		case helloDomains:
			h.Domains = decodeDomains(&d)
		case helloBirth:
			if exactly(&d, h.Birth[:]); d.Err() == nil && h.Birth == (Birth{}) {
				d.Fail("birth of zeros")
			}
		default:
			d.Skip()
		}
		if d.Err() != nil {
			break
		}
	}
	if err := d.Done(); err != nil {
		return Hello{}, fmt.Errorf("hello: %w", err)
	}
	if word != magic || h.PublicKey == nil {
		return Hello{}, fmt.Errorf("%w: hello without its first word or its key", ErrMalformed)
	}
	return h, nil
}

// decodeDomains reads an array of [name, role]; parts beyond the second are
// for later versions.
func decodeDomains(d *wire.Decoder) []Domain {
	var all []Domain
	for range d.Array(maxDomains) {
		parts := d.Array(16)
		if d.Err() == nil && parts < 2 {
			d.Fail("domain of %d parts", parts)
		}
		dom := Domain{Name: d.String(maxText), Role: Role(below(d, 1<<8))}
		for range parts - 2 {
			d.Skip()
		}
		if d.Err() != nil {
			return nil
		}
		if dom.Name == "" {
			d.Fail("domain without a name")
		}
		all = append(all, dom)
	}
	return all
}

// below reads an unsigned integer less than limit.
func below(d *wire.Decoder, limit uint64) uint64 {
	n := d.Uint()
	if n >= limit {
		d.Fail("%d where less than %d was expected", n, limit)
		return 0
	}
	return n
}

// exactly reads binary data of the size of into.
func exactly(d *wire.Decoder, into []byte) {
	b := d.Bytes(len(into))
	if d.Err() == nil && len(b) != len(into) {
		d.Fail("%d bytes where %d were expected", len(b), len(into))
	}
	copy(into, b)
}

// checkDomains returns a copy of what Config.Domains gave, or what is wrong
// with it.
func checkDomains(all []Domain) ([]Domain, error) {
	if len(all) > maxDomains {
		return nil, fmt.Errorf("Config.Domains: %d domains, at most %d allowed", len(all), maxDomains)
	}
	for _, d := range all {
		if d.Name == "" || len(d.Name) > maxText || !utf8.ValidString(d.Name) {
			return nil, fmt.Errorf("Config.Domains: name %q is not of 1 to %d bytes of UTF-8", d.Name, maxText)
		}
	}
	return slices.Clone(all), nil
}
