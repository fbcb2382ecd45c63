package world

import (
	"github.com/gotribes/tribes/internal/wire"
)

// Introduce hands each process the table of all, over a link from a stranger
// who says no more and leaves: what a well-known member does for a node that
// comes to a group, without the floods that thousands of newcomers make.
func (w *World) Introduce(domain string, hosts []*Host) {
	var tables []*wire.Table
	for i, h := range hosts {
		if i%256 == 0 {
			tables = append(tables, &wire.Table{Domain: domain})
		}
		t := tables[len(tables)-1]
		t.Records = append(t.Records, h.proc.m.Own(domain))
	}
	tables[len(tables)-1].Last = true
	stranger := wire.IDOf(wire.PublicKey{1}, wire.Birth{})
	for _, h := range hosts {
		h.proc.introduced(domain, stranger, tables)
	}
}
