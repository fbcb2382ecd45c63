package transport

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"

	"github.com/gotribes/tribes/internal/wire"
)

// ID names one run of one process: the first 16 bytes of the SHA-256 of an
// Ed25519 public key made at its start and of its birth. The zero ID belongs to
// nobody.
type ID [16]byte

// Birth is a hash of whatever a process says of itself at its start. As its ID is
// made of it too, nobody can say that another said something else. The zero Birth
// is that of a process that says nothing.
type Birth [sha256.Size]byte

// IDOf returns the ID that belongs to a public key and a birth.
func IDOf(pub ed25519.PublicKey, b Birth) ID {
	if len(pub) != ed25519.PublicKeySize {
		return ID{}
	}
	return ID(wire.IDOf(wire.PublicKey(pub), wire.Birth(b)))
}

// String returns the ID as 32 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Role tells how a node takes part in a domain.
type Role uint8

// The roles. Later versions may know others, which arrive here unchanged.
const (
	RoleMember  Role = 1 // belongs to the domain
	RoleManager Role = 2 // follows the domain without belonging to it, as a load balancer does
)

// String returns the role's name.
func (r Role) String() string { return name("role", uint8(r), "member", "manager") }

// A Domain is one that a node takes part in.
type Domain struct {
	Name string // 1 to 255 bytes of UTF-8
	Role Role
}

// Purpose tells what a connection is for.
type Purpose uint8

// The purposes.
const (
	PurposeLink Purpose = 1 // a lasting link
	PurposeLook Purpose = 2 // only to learn which ID answers: closed after the welcome
	PurposeAsk  Purpose = 3 // to ask questions: a connection like a link, but its dialer takes part in nothing
)

// String returns the purpose's name.
func (p Purpose) String() string { return name("purpose", uint8(p), "link", "look", "ask") }
