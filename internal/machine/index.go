package machine

// An index finds slots of a table by a hash: cells with linear probing, of
// which at most three in four are used. It holds no pointers.
type index struct {
	cells []cell // as many as a power of two
	used  int
}

type cell struct {
	hash uint32
	slot uint32 // one more than the slot; 0: the cell is free
}

// cursor walks over the slots with one hash.
type cursor struct {
	hash uint32
	at   int
}

func (x *index) first(hash uint32) cursor { return cursor{hash, x.home(hash)} }

func (x *index) home(hash uint32) int { return int(hash) & (len(x.cells) - 1) }

// next returns the next slot with the cursor's hash; false: there are no more.
func (c *cursor) next(x *index) (uint32, bool) {
	if len(x.cells) == 0 {
		return 0, false
	}
	for {
		e := x.cells[c.at]
		if e.slot == 0 {
			return 0, false
		}
		c.at = (c.at + 1) & (len(x.cells) - 1)
		if e.hash == c.hash {
			return e.slot - 1, true
		}
	}
}

func (x *index) add(hash, slot uint32) {
	if 4*(x.used+1) > 3*len(x.cells) {
		x.grow()
	}
	x.put(cell{hash, slot + 1})
	x.used++
}

func (x *index) put(e cell) {
	i := x.home(e.hash)
	for x.cells[i].slot != 0 {
		i = (i + 1) & (len(x.cells) - 1)
	}
	x.cells[i] = e
}

func (x *index) grow() {
	old := x.cells
	size := max(8, 2*len(old))
	if len(old) == 512 || len(old) == 2048 {
		size *= 2 // it fills from the table of a large group, most likely
	}
	x.cells = make([]cell, size)
	for _, e := range old {
		if e.slot != 0 {
			x.put(e)
		}
	}
}

// remove takes out a slot and moves up what was displaced by it.
func (x *index) remove(hash, slot uint32) {
	if len(x.cells) == 0 {
		return
	}
	mask := len(x.cells) - 1
	i := x.home(hash)
	for x.cells[i] != (cell{hash, slot + 1}) {
		if x.cells[i].slot == 0 {
			return
		}
		i = (i + 1) & mask
	}
	x.used--
	for j := (i + 1) & mask; x.cells[j].slot != 0; j = (j + 1) & mask {
		// What is at j may move to i unless its home lies after i.
		if home := x.home(x.cells[j].hash); (j-home)&mask >= (j-i)&mask {
			x.cells[i] = x.cells[j]
			i = j
		}
	}
	x.cells[i] = cell{}
}
