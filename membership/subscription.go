package membership

import (
	"cmp"
	"slices"
	"sync"
)

// holdsMost bounds the views that a subscription holds one by one; further
// holds count for the last of them.
const holdsMost = 1024

// A subscription is one loop over Changes. What it has applied decides what a
// manager confirms to members. Its fields are guarded by the group's mutex.
type subscription struct {
	group *Group
	body  uint64 // the last view whose loop body has returned
	holds []held // sorted by number
	ended bool
}

// held counts the holds on one view that are not released.
type held struct {
	number uint64
	count  int
}

func (g *Group) subscribe() *subscription {
	s := &subscription{group: g}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.subs[s] = struct{}{}
	return s
}

// end takes the subscription out: what it has not applied is waited for no
// longer.
func (s *subscription) end() {
	g := s.group
	g.mu.Lock()
	delete(g.subs, s)
	s.ended, s.holds = true, nil
	g.mu.Unlock()
	g.node.loop.nudge()
}

// applied notes that the loop body for a view has returned.
func (s *subscription) applied(number uint64) {
	g := s.group
	g.mu.Lock()
	s.body = number
	g.mu.Unlock()
	g.node.loop.nudge()
}

// hold counts a hold on a view and returns what releases it.
func (s *subscription) hold(number uint64) (release func()) {
	g := s.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.ended {
		return func() {}
	}
	i, found := s.find(number)
	switch {
	case found:
		s.holds[i].count++
	case len(s.holds) >= holdsMost:
		// Count it for a view that is held anyway: it is applied no earlier.
		i = max(i-1, 0)
		number = s.holds[i].number
		s.holds[i].count++
	default:
		s.holds = slices.Insert(s.holds, i, held{number, 1})
	}
	var once sync.Once
	return func() { once.Do(func() { s.release(number) }) }
}

func (s *subscription) find(number uint64) (int, bool) {
	return slices.BinarySearchFunc(s.holds, number, func(h held, n uint64) int { return cmp.Compare(h.number, n) })
}

func (s *subscription) release(number uint64) {
	g := s.group
	g.mu.Lock()
	if i, found := s.find(number); found {
		if s.holds[i].count--; s.holds[i].count == 0 {
			s.holds = slices.Delete(s.holds, i, i+1)
		}
	}
	g.mu.Unlock()
	g.node.loop.nudge()
}

// applied returns the last view that every subscription has applied; the
// current one if there is none.
func (g *Group) applied() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	number := g.current.Load().number
	for s := range g.subs {
		number = min(number, s.body)
		if len(s.holds) > 0 {
			number = min(number, s.holds[0].number-1)
		}
	}
	return number
}
