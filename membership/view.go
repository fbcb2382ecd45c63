package membership

import (
	"cmp"
	"iter"
	"slices"
)

// A View is a numbered, immutable picture of a group as one node sees it. It is
// a small value to be copied and kept as one likes; all its methods take no
// lock, allocate nothing, and may be called by many goroutines. The zero View
// is empty and has the number 0.
type View struct{ s *snapshot }

// MakeView makes a view that does not come from a Node: for tests, for a fixed
// list of members, or from another source of membership. Members with Manager
// set are found with Managers only. Of two members with one ID or one address
// the later counts. The slice is copied.
func MakeView(domain string, number uint64, members []Member) View {
	s := &snapshot{domain: domain, number: number}
	for _, m := range members {
		s.drop(m.ID)
		if old := s.at(m.Address); old != nil && !m.Manager {
			s.drop(old.ID)
		}
		s.put(new(m))
	}
	return View{s}
}

// Domain returns the group's domain.
func (v View) Domain() string {
	if v.s == nil {
		return ""
	}
	return v.s.domain
}

// Number returns the view's number. The numbers of one node and domain start at
// 1 and have no gaps; whoever looks only now and then sees them jump.
func (v View) Number() uint64 {
	if v.s == nil {
		return 0
	}
	return v.s.number
}

// Isolated says that the node hears nobody at all: neither members nor
// well-known addresses. The view is then down to itself, which says nothing
// about the others.
func (v View) Isolated() bool { return v.s != nil && v.s.isolated }

// Len returns the number of members.
func (v View) Len() int {
	if v.s == nil {
		return 0
	}
	return len(v.s.byAddress)
}

// All returns the members, sorted by address. Managers are not among them.
func (v View) All() iter.Seq[Member] {
	return func(yield func(Member) bool) {
		if v.s != nil {
			each(v.s.byAddress, yield)
		}
	}
}

// Managers returns those who follow the domain without belonging to it, sorted
// by address.
func (v View) Managers() iter.Seq[Member] {
	return func(yield func(Member) bool) {
		if v.s != nil {
			each(v.s.managers, yield)
		}
	}
}

func each(list []*Member, yield func(Member) bool) {
	for _, m := range list {
		if !yield(*m) {
			return
		}
	}
}

// Get returns the member with an ID.
func (v View) Get(id ID) (Member, bool) {
	if v.s == nil {
		return Member{}, false
	}
	return deref(v.s.get(id))
}

// At returns the member with an advertised address, spelt as it advertises it.
func (v View) At(address string) (Member, bool) {
	if v.s == nil {
		return Member{}, false
	}
	return deref(v.s.at(address))
}

func deref(m *Member) (Member, bool) {
	if m == nil {
		return Member{}, false
	}
	return *m, true
}

// Stale returns a channel that is closed when the node has a newer view. It is
// for use in a select; it is nil, and so never ready, for a view from MakeView.
// It is not closed when the node ends: see Node.Done.
func (v View) Stale() <-chan struct{} {
	if v.s == nil {
		return nil
	}
	return v.s.stale
}

// A snapshot is what a View shows. It is changed only until it is published.
type snapshot struct {
	domain   string
	number   uint64
	isolated bool
	self     *Member // the node's own participant

	byAddress []*Member // members, sorted by address and ID
	byID      []*Member // the same, sorted by ID
	managers  []*Member // sorted by address and ID

	events []Event // that led here from the snapshot before
	stale  chan struct{}
}

func (s *snapshot) get(id ID) *Member {
	i, ok := slices.BinarySearchFunc(s.byID, id, func(m *Member, id ID) int { return m.ID.Compare(id) })
	if !ok {
		return nil
	}
	return s.byID[i]
}

func (s *snapshot) at(address string) *Member {
	i, ok := slices.BinarySearchFunc(s.byAddress, address, func(m *Member, a string) int { return cmp.Compare(m.Address, a) })
	if !ok {
		return nil
	}
	return s.byAddress[i]
}

// manager returns a manager by ID. There are few.
func (s *snapshot) manager(id ID) *Member {
	i := slices.IndexFunc(s.managers, func(m *Member) bool { return m.ID == id })
	if i < 0 {
		return nil
	}
	return s.managers[i]
}

func byAddressAndID(a, b *Member) int {
	return cmp.Or(cmp.Compare(a.Address, b.Address), a.ID.Compare(b.ID))
}

func byID(a, b *Member) int { return a.ID.Compare(b.ID) }

// put adds a participant whose ID is not there.
func (s *snapshot) put(m *Member) {
	if m.Manager {
		s.managers = insert(s.managers, m, byAddressAndID)
		return
	}
	s.byAddress = insert(s.byAddress, m, byAddressAndID)
	s.byID = insert(s.byID, m, byID)
}

// drop removes a participant, if it is there.
func (s *snapshot) drop(id ID) {
	if m := s.get(id); m != nil {
		s.byAddress = cut(s.byAddress, m, byAddressAndID)
		s.byID = cut(s.byID, m, byID)
	}
	if m := s.manager(id); m != nil {
		s.managers = cut(s.managers, m, byAddressAndID)
	}
}

func insert(list []*Member, m *Member, order func(a, b *Member) int) []*Member {
	i, _ := slices.BinarySearchFunc(list, m, order)
	return slices.Insert(list, i, m)
}

func cut(list []*Member, m *Member, order func(a, b *Member) int) []*Member {
	if i, ok := slices.BinarySearchFunc(list, m, order); ok {
		return slices.Delete(list, i, i+1)
	}
	return list
}
