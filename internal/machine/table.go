package machine

import (
	"hash/maphash"

	"github.com/gotribes/tribes/internal/wire"
)

// table holds a group's participants, to be found by ID, by address and by
// name. There is one entry for each participant in each node, so it is kept
// small: three maps of the language's own took 135 bytes of each, and these
// indexes take 44 (docs/decisions/0010-large-groups.md).
type table struct {
	slots     []*member
	free      []uint32
	byID      index
	byAddress index
	byName    index // those of one name each have an entry
}

// hashSeed differs from process to process. Nothing that is seen depends on
// it: an index has no order.
var hashSeed = maphash.MakeSeed()

func hashID(id wire.ID) uint32      { return uint32(maphash.Comparable(hashSeed, id)) }
func hashText(s string) uint32      { return uint32(maphash.String(hashSeed, s)) }
func (t *table) len() int           { return len(t.slots) - len(t.free) }
func (t *table) has(x *member) bool { return t.get(x.rec.ID) == x }

// get returns the participant with an ID, or nil.
func (t *table) get(id wire.ID) *member {
	c := t.byID.first(hashID(id))
	for s, ok := c.next(&t.byID); ok; s, ok = c.next(&t.byID) {
		if x := t.slots[s]; x.rec.ID == id {
			return x
		}
	}
	return nil
}

// at returns the participant at an address, or nil.
func (t *table) at(address string) *member {
	c := t.byAddress.first(hashText(address))
	for s, ok := c.next(&t.byAddress); ok; s, ok = c.next(&t.byAddress) {
		if x := t.slots[s]; x.rec.Address == address {
			return x
		}
	}
	return nil
}

// named counts the participants with a name, up to most.
func (t *table) named(name string, most int) int {
	n := 0
	c := t.byName.first(hashText(name))
	for s, ok := c.next(&t.byName); ok && n < most; s, ok = c.next(&t.byName) {
		if t.slots[s].rec.Name == name {
			n++
		}
	}
	return n
}

// add takes in a participant. The caller has made sure that neither its ID nor
// its address is there.
func (t *table) add(x *member) {
	var s uint32
	if last := len(t.free) - 1; last >= 0 {
		s, t.free = t.free[last], t.free[:last]
		t.slots[s] = x
	} else {
		s = uint32(len(t.slots))
		t.slots = append(t.slots, x)
	}
	t.byID.add(hashID(x.rec.ID), s)
	t.byAddress.add(hashText(x.rec.Address), s)
	t.byName.add(hashText(x.rec.Name), s)
}

// remove takes a participant out.
func (t *table) remove(x *member) {
	s, ok := t.slot(x)
	if !ok {
		return
	}
	t.byID.remove(hashID(x.rec.ID), s)
	t.byAddress.remove(hashText(x.rec.Address), s)
	t.byName.remove(hashText(x.rec.Name), s)
	t.slots[s] = nil
	t.free = append(t.free, s)
}

func (t *table) slot(x *member) (uint32, bool) {
	c := t.byID.first(hashID(x.rec.ID))
	for s, ok := c.next(&t.byID); ok; s, ok = c.next(&t.byID) {
		if t.slots[s] == x {
			return s, true
		}
	}
	return 0, false
}
