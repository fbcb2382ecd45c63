package tribes

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"net/netip"

	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// IDOf returns the ID under which a member is shown: of host, port and unique
// id, which is what tells members apart in Tribes. So a process that announces
// no unique id, as all of Axis2 do, has the same ID when it is started again;
// its incarnation has grown then.
func IDOf(address netip.AddrPort, uid wire.UID) membership.ID {
	b := append([]byte("tribes member\x00"), address.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, address.Port())
	sum := sha256.Sum256(append(b, uid[:]...))
	return membership.ID(sum[:16])
}

// subDomainProperty is where Carbon puts a member's sub-domain.
const subDomainProperty = "subDomain"

// shown makes the public value of a member.
func shown(block wire.Member, configured map[string]string, incarnation, version uint32) membership.Member {
	properties := wire.ParseProperties(block.Payload)
	if len(configured) > 0 {
		all := maps.Clone(configured)
		maps.Copy(all, properties)
		properties = all
	}
	address := block.Address()
	m := membership.Member{
		ID: IDOf(address, block.UID), Name: address.String(), Address: address.String(), Domain: block.Domain,
		SubDomain: properties[subDomainProperty], State: membership.Alive, Incarnation: incarnation, Version: version,
	}
	return m.WithProperties(properties)
}
