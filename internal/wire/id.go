package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// ID names one run of one process. It is never reused, and made of the public
// key and the birth of the process, so that nobody can claim another's.
type ID [16]byte

// PublicKey is the Ed25519 public key made at a process's start.
type PublicKey [32]byte

// Signature is an Ed25519 signature.
type Signature [64]byte

// Birth is the SHA-256 of a process's first record. Since the ID is made of it,
// that record needs no signature: changed by a bit, it is the record of another
// ID. The zero Birth is that of a process without such a record.
type Birth [sha256.Size]byte

// IDOf returns the ID that belongs to a public key and a birth: the first 16
// bytes of the SHA-256 of the one and, unless it is zero, the other.
func IDOf(k PublicKey, b Birth) ID {
	var both [len(k) + len(b)]byte
	made := append(both[:0], k[:]...)
	if b != (Birth{}) {
		made = append(made, b[:]...)
	}
	sum := sha256.Sum256(made)
	return ID(sum[:len(ID{})])
}

// String returns the ID in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first eight hexadecimal digits, enough for a log line.
func (id ID) Short() string { return hex.EncodeToString(id[:4]) }

// IsZero reports whether the ID is unset.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders IDs by their bytes; the lower of two IDs keeps its dial when
// two nodes dial each other at once.
func (id ID) Compare(o ID) int { return bytes.Compare(id[:], o[:]) }

// Rings is the number of rings in which every participant of a group has a
// place (protocol.md, "Who watches whom").
const Rings = 4

// Places returns the ID's place in each ring: four 64-bit parts of one hash.
func (id ID) Places() [Rings]uint64 { return placesOf(id[:]) }

// AddressPlaces returns the places that a well-known address without a known
// owner takes in the rings, so that some would-be watchers try it.
func AddressPlaces(address string) [Rings]uint64 { return placesOf([]byte(address)) }

func placesOf(b []byte) [Rings]uint64 {
	sum := sha256.Sum256(append([]byte("tribes ring\x00"), b...))
	var p [Rings]uint64
	for r := range p {
		p[r] = binary.BigEndian.Uint64(sum[8*r:])
	}
	return p
}
