package admin

import (
	"slices"
	"sync"
	"time"

	"github.com/gotribes/tribes/membership"
)

// Bounds of the picture of who watches whom.
const (
	mostDots    = 360             // on the ring; members above that share dots
	mostWatched = 48              // members for which all watchers are drawn; in larger groups only for some
	mostFocus   = 6               // for how many then
	mostLabels  = 24              // members with their names
	pictureTime = 3 * time.Second // how old it may be: each asks the node's goroutine up to mostWatched times
	mostKept    = 16              // pictures with a focus of the viewer's
)

// An arrow leads from a watcher to whom it watches.
type arrow struct {
	from, to membership.ID
	stance   membership.Stance
	cause    membership.Cause
}

// A web is who watches whom, as far as it is drawn.
type web struct {
	made    time.Time
	members []membership.Member // on the ring, in order
	others  []membership.Member // managers and other watchers that are not members
	focus   []membership.ID     // for whom arrows are there; nil is all
	arrows  []arrow
}

// pictures keeps what was asked of the node, for a while.
type pictures struct {
	mu   sync.Mutex // held while one is made, so that it is made once
	webs map[membership.ID]*web
}

// web returns who watches whom. focus is the member that the viewer wants to
// know about; zero is nobody. It is nil if the group cannot say.
func (d *domain) web(focus membership.ID) *web {
	e, ok := d.followed.group.(explainer)
	if !ok {
		return nil
	}
	p := &d.followed.pictures
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.webs[focus]; w != nil && time.Since(w.made) < pictureTime {
		return w
	}
	if p.webs == nil || len(p.webs) >= mostKept {
		p.webs = map[membership.ID]*web{}
	}
	w := d.spin(e, focus)
	p.webs[focus] = w
	return w
}

// spin asks the node.
func (d *domain) spin(e explainer, focus membership.ID) *web {
	w := &web{made: time.Now()}
	for _, r := range d.rows {
		w.members = append(w.members, r.Member)
	}
	slices.SortStableFunc(w.members, func(a, b membership.Member) int { return compareAddresses(a.Address, b.Address) })
	ask := w.members
	switch {
	case focus != membership.ID{}:
		w.focus = []membership.ID{focus}
	case len(ask) > mostWatched:
		for _, r := range d.rows[:min(mostFocus, len(d.rows))] { // those in trouble are the first
			if rank(r) < 3 || len(w.focus) == 0 {
				w.focus = append(w.focus, r.ID)
			}
		}
	}
	if w.focus != nil {
		ask = nil
		for _, id := range w.focus {
			if m, ok := d.view.Get(id); ok {
				ask = append(ask, m)
			}
		}
	}
	others := map[membership.ID]bool{}
	for _, m := range ask {
		for _, by := range e.Explain(m.ID).Watchers {
			w.arrows = append(w.arrows, arrow{by.ID, m.ID, by.Stance, by.Cause})
			if _, member := d.view.Get(by.ID); !member && !others[by.ID] {
				others[by.ID] = true
				w.others = append(w.others, d.manager(by))
			}
		}
	}
	return w
}

// manager is a watcher that is not a member.
func (d *domain) manager(by membership.Watcher) membership.Member {
	for _, m := range d.managers {
		if m.ID == by.ID {
			return m
		}
	}
	return membership.Member{ID: by.ID, Address: by.Address, Name: by.Address, State: membership.Alive, Manager: true}
}
