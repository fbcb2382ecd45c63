package machine

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// rings holds a group's participants in each of the rings, sorted by their
// place (docs/protocol.md, "Who watches whom"). Newcomers gather until the
// rings are next looked at: a table of thousands is put in place at once.
type rings struct {
	sorted [wire.Rings][]*member
	fresh  []*member
}

func byPlace(r int) func(a, b *member) int {
	return func(a, b *member) int {
		if c := cmp.Compare(a.rec.Places[r], b.rec.Places[r]); c != 0 {
			return c
		}
		return a.rec.ID.Compare(b.rec.ID)
	}
}

var ringOrders = [wire.Rings]func(a, b *member) int{byPlace(0), byPlace(1), byPlace(2), byPlace(3)}

func (rs *rings) len() int { return len(rs.sorted[0]) + len(rs.fresh) }

func (rs *rings) add(x *member) { rs.fresh = append(rs.fresh, x) }

func (rs *rings) remove(x *member) {
	rs.settle()
	for r := range rs.sorted {
		if i, ok := slices.BinarySearchFunc(rs.sorted[r], x, ringOrders[r]); ok {
			rs.sorted[r] = slices.Delete(rs.sorted[r], i, i+1)
		}
	}
}

// settle puts the newcomers in their places.
func (rs *rings) settle() {
	if len(rs.fresh) == 0 {
		return
	}
	var sorter placer
	for r := range rs.sorted {
		if len(rs.fresh) == 1 {
			i, _ := slices.BinarySearchFunc(rs.sorted[r], rs.fresh[0], ringOrders[r])
			rs.sorted[r] = slices.Insert(rs.sorted[r], i, rs.fresh[0])
			continue
		}
		sorter.sort(r, rs.fresh)
		rs.sorted[r] = merge(rs.sorted[r], rs.fresh, ringOrders[r])
	}
	if cap(rs.fresh) > 4*everybodyUpTo {
		rs.fresh = nil
	}
	clear(rs.fresh)
	rs.fresh = rs.fresh[:0]
}

// placed is a member with its place, so that to sort thousands need not follow a
// pointer for each comparison.
type placed struct {
	place uint64
	x     *member
}

func (a placed) compare(b placed) int {
	if a.place != b.place {
		return cmp.Compare(a.place, b.place)
	}
	return a.x.rec.ID.Compare(b.x.rec.ID)
}

// A placer sorts members by their place in a ring. Places are sums of IDs, so
// evenly spread: it deals them out into as many boxes as there are members, by
// their first bits, and sorts within each box.
type placer struct {
	ends  []uint32 // of each box
	dealt []placed
}

func (p *placer) sort(r int, list []*member) {
	width := bits.Len(uint(len(list)))
	shift := 64 - width
	if p.dealt == nil {
		p.ends = make([]uint32, 1<<width)
		p.dealt = make([]placed, len(list))
	}
	clear(p.ends)
	for _, x := range list {
		p.ends[x.rec.Places[r]>>shift]++
	}
	sum := uint32(0)
	for i, n := range p.ends {
		p.ends[i] = sum // its begin, until the box is filled
		sum += n
	}
	for _, x := range list {
		place := x.rec.Places[r]
		end := &p.ends[place>>shift]
		p.dealt[*end] = placed{place, x}
		*end++
	}
	begin := uint32(0)
	for _, end := range p.ends {
		slices.SortFunc(p.dealt[begin:end], placed.compare)
		begin = end
	}
	for i := range p.dealt {
		list[i] = p.dealt[i].x
	}
}

// merge merges b into a, both sorted, from the end.
func merge(a, b []*member, order func(a, b *member) int) []*member {
	if len(a) == 0 {
		return append(a, b...)
	}
	i, j := len(a)-1, len(b)-1
	a = roomFor(a, len(b))[:len(a)+len(b)]
	for k := len(a) - 1; j >= 0; k-- {
		if i >= 0 && order(a[i], b[j]) > 0 {
			a[k] = a[i]
			i--
		} else {
			a[k] = b[j]
			j--
		}
	}
	return a
}

// all returns the participants in the order of the first ring.
func (rs *rings) all() []*member {
	rs.settle()
	return rs.sorted[0]
}

// watchers appends the participants that watch x, which are those that x
// watches: its neighbours in each ring, or everybody in a small group.
func (rs *rings) watchers(x *member, buf []*member) []*member {
	n := len(rs.all())
	if n <= everybodyUpTo {
		for _, y := range rs.sorted[0] {
			if y != x {
				buf = append(buf, y)
			}
		}
		return buf
	}
	for r, ring := range rs.sorted {
		i, _ := slices.BinarySearchFunc(ring, x, ringOrders[r])
		buf = addOnce(buf, ring[(i+n-1)%n])
		buf = addOnce(buf, ring[(i+1)%n])
	}
	return buf
}

// around appends the participants that would watch whoever had these places.
func (rs *rings) around(places [wire.Rings]uint64, buf []*member) []*member {
	n := len(rs.all())
	if n < everybodyUpTo {
		return append(buf, rs.sorted[0]...)
	}
	for r, ring := range rs.sorted {
		i, _ := slices.BinarySearchFunc(ring, places[r], func(m *member, p uint64) int { return cmp.Compare(m.rec.Places[r], p) })
		buf = addOnce(buf, ring[(i+n-1)%n])
		buf = addOnce(buf, ring[i%n])
	}
	return buf
}

func addOnce(list []*member, x *member) []*member {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}
