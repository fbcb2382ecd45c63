package machine

import (
	"fmt"
	"strings"

	"github.com/gotribes/tribes/internal/wire"
)

// Explain tells in words what this node knows of a participant: who watches
// it, who accuses it and who vouches for it.
func (m *Machine) Explain(domain string, id wire.ID) string {
	g := m.group(domain)
	if g == nil {
		return "no such domain"
	}
	x := g.members.get(id)
	if x == nil {
		if d := g.gone.get(id); d != nil {
			return fmt.Sprintf("gone at %s (incarnation %d, cause %d)", d.at, d.incarnation, d.cause)
		}
		return "not known"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %d participants, %d healthy links", x.rec, g.members.len(), m.healthyLinks())
	if x.neighbour {
		p := m.peers[id]
		fmt.Fprintf(&b, "; watched from here, link %v, proof %s ago, refused %v, replaced %v",
			p.link != nil, m.running()-p.proof, p.refused, p.replaced)
	}
	if x.inquiry == nil {
		return b.String() + "; nobody accuses it"
	}
	t := g.count(x)
	for _, a := range t.accusers {
		fmt.Fprintf(&b, "; accused by %s (%s)", a.Watcher.Short(), a.Reason)
	}
	for _, w := range t.vouching {
		fmt.Fprintf(&b, "; vouched for by %s", w.rec.Address)
	}
	if q := x.inquiry; q != nil {
		fmt.Fprintf(&b, "; dismissed %d, pressing %v, pressed %s, confirm %d", len(q.dismissed), q.pressing, q.pressed, q.confirm)
	}
	return b.String()
}
