package transport

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// KeySize is the size of a Key in bytes.
const KeySize = 32

// MaxKeys bounds the keys of an endpoint: the one in use and those that are
// on their way in or out.
const MaxKeys = 16

// What is derived from a key, each for a purpose of its own.
const (
	identityInfo    = "tribes cluster key v1 ed25519 identity"
	fingerprintInfo = "tribes cluster key v1 fingerprint"
)

// A Key is a cluster key: 32 random bytes that all nodes of a cluster share.
// It must come from a random generator ([NewKey], or openssl rand -hex 32): a
// password is guessed by whoever can reach a node. The zero Key is none.
//
// A Key prints as its fingerprint, in whatever way it is printed, so that it
// does not reach a log by mistake; Text is the key itself. Keys can be
// compared with ==.
type Key struct{ secret [KeySize]byte }

// NewKey returns a fresh random key.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k.secret[:]) // never fails: it ends the program if there is no randomness
	return k
}

// ParseKey reads a key from 64 hexadecimal digits, or from base64 of 32 bytes
// (43 characters, or 44 with the padding; the usual alphabet or that of URLs).
// Blanks around it are ignored. The error never holds a part of the text.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	var raw []byte
	var err error
	switch bare := strings.TrimSuffix(text, "="); {
	case len(text) == hex.EncodedLen(KeySize):
		raw, err = hex.DecodeString(text)
	case len(bare) == base64.RawStdEncoding.EncodedLen(KeySize):
		raw, err = base64.RawStdEncoding.Strict().DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(bare))
	default:
		return Key{}, fmt.Errorf("%d characters, want a key of %d bytes: 64 hexadecimal digits, or base64 of 44 characters",
			len(text), KeySize)
	}
	if err != nil {
		return Key{}, errors.New("neither 64 hexadecimal digits nor base64 of 44 characters")
	}
	return KeyOf(raw)
}

// KeyOf returns the key of 32 bytes that were made elsewhere.
func KeyOf(secret []byte) (Key, error) {
	if len(secret) != KeySize {
		return Key{}, fmt.Errorf("%d bytes, want a key of %d", len(secret), KeySize)
	}
	k := Key{secret: [KeySize]byte(secret)}
	if k == (Key{}) {
		return Key{}, errors.New("a key of nothing but zeros")
	}
	return k, nil
}

// Text returns the secret itself as 64 hexadecimal digits, as ParseKey reads
// it.
func (k Key) Text() string { return hex.EncodeToString(k.secret[:]) }

// Fingerprint returns eight hexadecimal digits by which two operators can tell
// whether they have the same key, and from which the key cannot be found.
func (k Key) Fingerprint() string { return hex.EncodeToString(k.derive(fingerprintInfo, 4)) }

// String returns "key " and the fingerprint.
func (k Key) String() string { return "key " + k.Fingerprint() }

// Format prints String, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue returns String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// derive returns size bytes that belong to the key and to info.
func (k Key) derive(info string, size int) []byte {
	out, err := hkdf.Key(sha256.New, k.secret[:], nil, info, size)
	if err != nil {
		panic("transport: deriving from a key: " + err.Error()) // only for sizes over 8 KiB
	}
	return out
}

// identity returns the key pair by which a node shows that it holds k.
func (k Key) identity() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(k.derive(identityInfo, ed25519.SeedSize))
}
