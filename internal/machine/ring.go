package machine

import (
	"cmp"
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// rings holds a group's participants in each of the rings, sorted by their
// place (docs/protocol.md, "Who watches whom").
type rings [wire.Rings][]*member

func byPlace(r int) func(a, b *member) int {
	return func(a, b *member) int {
		if c := cmp.Compare(a.rec.Places[r], b.rec.Places[r]); c != 0 {
			return c
		}
		return a.rec.ID.Compare(b.rec.ID)
	}
}

var ringOrders = [wire.Rings]func(a, b *member) int{byPlace(0), byPlace(1), byPlace(2), byPlace(3)}

func (rs *rings) add(x *member) {
	for r := range rs {
		i, _ := slices.BinarySearchFunc(rs[r], x, ringOrders[r])
		rs[r] = slices.Insert(rs[r], i, x)
	}
}

func (rs *rings) remove(x *member) {
	for r := range rs {
		if i, ok := slices.BinarySearchFunc(rs[r], x, ringOrders[r]); ok {
			rs[r] = slices.Delete(rs[r], i, i+1)
		}
	}
}

// all returns the participants in the order of the first ring.
func (rs *rings) all() []*member { return rs[0] }

// watchers appends the participants that watch x, which are those that x
// watches: its neighbours in each ring, or everybody in a small group.
func (rs *rings) watchers(x *member, buf []*member) []*member {
	n := len(rs[0])
	if n <= everybodyUpTo {
		for _, y := range rs[0] {
			if y != x {
				buf = append(buf, y)
			}
		}
		return buf
	}
	for r := range rs {
		i, _ := slices.BinarySearchFunc(rs[r], x, ringOrders[r])
		buf = addOnce(buf, rs[r][(i+n-1)%n])
		buf = addOnce(buf, rs[r][(i+1)%n])
	}
	return buf
}

// around appends the participants that would watch whoever had these places.
func (rs *rings) around(places [wire.Rings]uint64, buf []*member) []*member {
	n := len(rs[0])
	if n < everybodyUpTo {
		return append(buf, rs[0]...)
	}
	for r := range rs {
		i, _ := slices.BinarySearchFunc(rs[r], places[r], func(m *member, p uint64) int { return cmp.Compare(m.rec.Places[r], p) })
		buf = addOnce(buf, rs[r][(i+n-1)%n])
		buf = addOnce(buf, rs[r][i%n])
	}
	return buf
}

func addOnce(list []*member, x *member) []*member {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}
