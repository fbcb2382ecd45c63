package tribes

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
)

// A UID is the unique id in a member block. Axis2, and any peer without a
// setting for it, leaves it zero.
type UID [16]byte

// String returns 32 hexadecimal digits.
func (u UID) String() string { return hex.EncodeToString(u[:]) }

// A Layout is one of the two forms of member blocks. A peer understands one of
// them only.
type Layout uint8

// The layouts.
const (
	Layout7 Layout = iota // Tribes 7.0.0 and later
	Layout6               // Tribes 6.0.x
)

// String returns "7" or "6", for the version in which it came up.
func (l Layout) String() string {
	if l == Layout6 {
		return "6"
	}
	return "7"
}

// None stands for a port that a member does not have.
const None = -1

// maxBlock bounds a member block, as Java does.
const maxBlock = 65_535

// CommandLeaving is the command of a member that leaves: "BABY-ALEX" on the
// wire.
const CommandLeaving = "BABY-ALEX"

// A Member is what a member block holds. It is comparable and never changed.
type Member struct {
	Layout     Layout // of the block it was read from, or is to be written in
	Alive      int64  // milliseconds: since start, or of the epoch; to be compared with nothing but itself
	Host       netip.Addr
	Port       int    // 0 to 65535
	SecurePort int    // None, or 0 to 65535
	UDPPort    int    // the same; Layout6 does not carry it
	Command    string // bytes; empty or CommandLeaving
	Domain     string // bytes
	UID        UID
	Payload    string // bytes; often properties, see ParseProperties
}

// An Identity is what tells members apart; the rest of a block may change.
type Identity struct {
	Address netip.AddrPort // where it listens
	UID     UID            // as it announces it
}

// Identity returns host, port and unique id.
func (m Member) Identity() Identity { return Identity{m.Address(), m.UID} }

// Address returns host and port, where others dial the member.
func (m Member) Address() netip.AddrPort { return netip.AddrPortFrom(m.Host, uint16(m.Port)) }

// The markers around a block, by layout, and what a block has in all beside
// host, command, domain and payload.
var (
	blockBegin = [...]string{Layout7: "TRIBES-B\x01\x00", Layout6: "TRIBES-B"}
	blockEnd   = [...]string{Layout7: "TRIBES-E\x01\x00", Layout6: "TRIBES-E"}
	blockFixed = [...]int{Layout7: 49, Layout6: 45}
)

// AppendMember appends the member block of m to b. A member that no block can
// hold is an error that names the field.
func AppendMember(b []byte, m Member) ([]byte, error) {
	host := m.Host.AsSlice()
	inner := blockFixed[m.Layout] + len(host) + len(m.Command) + len(m.Domain) + len(m.Payload)
	switch {
	case len(host) == 0:
		return b, fmt.Errorf("member block: no host")
	case m.Port < 0 || m.Port > 65_535 || !isPort(m.SecurePort) || !isPort(m.UDPPort):
		return b, fmt.Errorf("member block: ports %d, %d, %d: want 0 to 65535, or -1 for those that may be missing",
			m.Port, m.SecurePort, m.UDPPort)
	case inner+len(blockBegin[m.Layout])+4+len(blockEnd[m.Layout]) > maxBlock:
		return b, fmt.Errorf("member block: %d bytes of domain and payload: want a block of at most %d",
			len(m.Domain)+len(m.Payload), maxBlock)
	}
	b = append(b, blockBegin[m.Layout]...)
	b = binary.BigEndian.AppendUint32(b, uint32(inner))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Alive))
	b = binary.BigEndian.AppendUint32(b, uint32(m.Port))
	b = binary.BigEndian.AppendUint32(b, uint32(int32(m.SecurePort)))
	if m.Layout == Layout7 {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(m.UDPPort)))
	}
	b = append(b, byte(len(host)))
	b = append(b, host...)
	b = appendBytes(b, m.Command)
	b = appendBytes(b, m.Domain)
	b = append(b, m.UID[:]...)
	b = appendBytes(b, m.Payload)
	return append(b, blockEnd[m.Layout]...), nil
}

func isPort(p int) bool { return p >= None && p <= 65_535 }

// appendBytes appends a length of four bytes and the bytes.
func appendBytes[T string | []byte](b []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// DecodeMember reads a member block that is exactly b. The layout is seen from
// the block. An error is a *FormatError.
func DecodeMember(b []byte) (Member, error) {
	if len(b) > maxBlock {
		return Member{}, malformed("a member block of %d bytes; at most %d are allowed", len(b), maxBlock)
	}
	layout := Layout7
	if len(b) >= len(blockBegin[Layout7]) && string(b[:len(blockBegin[Layout7])]) != blockBegin[Layout7] {
		layout = Layout6
	}
	d := decoder{b: b}
	d.literal(blockBegin[layout], "begin of a member block")
	inner := d.length("member block")
	if d.err == nil && inner != len(d.b)-len(blockEnd[layout]) {
		return Member{}, malformed("a member block that says %d bytes where %d are", inner, len(d.b)-len(blockEnd[layout]))
	}
	m := Member{Layout: layout, Alive: int64(d.uint64()), Port: d.port(0), SecurePort: d.port(None), UDPPort: None}
	if layout == Layout7 {
		m.UDPPort = d.port(None)
	}
	host := d.take(int(d.uint8()))
	m.Command = string(d.take(d.length("command")))
	m.Domain = string(d.take(d.length("domain")))
	copy(m.UID[:], d.take(len(m.UID)))
	m.Payload = string(d.take(d.length("payload")))
	d.literal(blockEnd[layout], "end of a member block")
	if d.err == nil && len(d.b) > 0 {
		d.err = malformed("%d bytes behind a member block", len(d.b))
	}
	if d.err != nil {
		return Member{}, d.err
	}
	var ok bool
	if m.Host, ok = netip.AddrFromSlice(host); !ok {
		return Member{}, malformed("a host of %d bytes; 4 or 16 are allowed", len(host))
	}
	return m, nil
}
