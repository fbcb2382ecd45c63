package world

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// A View is what a process's application would see of one domain: the events
// folded, as a user would fold them. There is a seat for each host, so that
// thousands of views of thousands of members fit into memory.
type View struct {
	domain   string
	w        *World
	Number   uint64
	Isolated bool

	Transitions uint64 // members that came or went

	seats []seat // by Host.index
	count int    // of members, managers left out
	sum   uint64 // of their hosts'
	down  map[wire.ID]uint32
	log   []entry // the latest, oldest first from next on
	next  int
}

// A seat is what a view shows of a host.
type seat struct {
	rec            *wire.Record // nil: nobody is shown there
	suspect        bool
	unreachable    bool
	nameConflict   bool
	added, removed uint16
}

// An entry is one event, to be told if something is wrong.
type entry struct {
	at    time.Duration
	host  *Host
	kind  machine.EventKind
	cause machine.EventCause
}

const logMost = 64

// View returns the process's view of a domain, or nil.
func (p *Proc) View(domain string) *View {
	for _, v := range p.views {
		if v.domain == domain {
			return v
		}
	}
	return nil
}

// All returns who is shown, managers included, in the order of their hosts.
func (v *View) All() []machine.Shown {
	var out []machine.Shown
	for i := range v.seats {
		if x := v.seats[i].shown(); x.Record != nil {
			out = append(out, x)
		}
	}
	return out
}

func (s *seat) shown() machine.Shown {
	return machine.Shown{Record: s.rec, Suspect: s.suspect, Unreachable: s.unreachable, NameConflict: s.nameConflict}
}

// At returns who is shown at a host; without a Record nobody is.
func (v *View) At(h *Host) machine.Shown {
	if h.index >= len(v.seats) {
		return machine.Shown{}
	}
	return v.seats[h.index].shown()
}

// Added counts how often somebody came at a host, Removed how often one went.
func (v *View) Added(h *Host) int {
	if h.index >= len(v.seats) {
		return 0
	}
	return int(v.seats[h.index].added)
}

// Removed counts how often somebody went at a host.
func (v *View) Removed(h *Host) int {
	if h.index >= len(v.seats) {
		return 0
	}
	return int(v.seats[h.index].removed)
}

// Len returns the number of members, managers left out; Sum stands for who
// they are: views with one sum hold the same members.
func (v *View) Len() int { return v.count }

// Sum returns the sum of the members' hosts.
func (v *View) Sum() uint64 { return v.sum }

// SumOf returns the sum of a view that holds these hosts.
func SumOf(hosts []*Host) uint64 {
	sum := uint64(0)
	for _, h := range hosts {
		sum += h.sum
	}
	return sum
}

// hostSum draws from the seed's own stream, so that worlds agree.
func (w *World) hostSum() uint64 {
	x := (uint64(len(w.order)) + 1) * 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Addresses returns the members' addresses, sorted, managers left out.
func (v *View) Addresses() []string {
	if v == nil {
		return nil
	}
	var out []string
	for i := range v.seats {
		if r := v.seats[i].rec; r != nil && r.Role == wire.Member {
			out = append(out, r.Address)
		}
	}
	slices.Sort(out)
	return out
}

// Log returns the latest events in words.
func (v *View) Log() []string {
	var out []string
	for i := range v.log {
		e := v.log[(v.next+i)%len(v.log)]
		out = append(out, fmt.Sprintf("%s %s", e.at, e.words()))
	}
	return out
}

func (e entry) words() string {
	return strings.TrimSpace(kindWords[e.kind] + " " + e.host.address + " " + causeWords[e.cause])
}

var kindWords = map[machine.EventKind]string{
	machine.Added: "added", machine.Updated: "updated", machine.Suspected: "suspected", machine.Recovered: "recovered",
	machine.DrainingEvent: "draining", machine.LeavingEvent: "leaving", machine.Removed: "removed",
	machine.IsolatedEvent: "isolated", machine.RejoinedEvent: "rejoined",
}

var causeWords = map[machine.EventCause]string{
	machine.NoCause: "", machine.CauseJoined: "joined", machine.CauseReturned: "returned", machine.CauseMerged: "merged",
	machine.CauseLeft: "left", machine.CauseCrashed: "crashed", machine.CauseSilent: "silent",
	machine.CauseReplaced: "replaced", machine.CauseIsolated: "isolated",
}

// publish folds a change and checks what must hold of every one.
func (p *Proc) publish(c *machine.Change) {
	w := p.host.w
	v := p.View(c.Domain)
	if v == nil {
		v = &View{domain: c.Domain, w: w, down: map[wire.ID]uint32{}}
		p.views = append(p.views, v)
	}
	if c.Number != v.Number+1 {
		w.find("%s %s: view %d follows view %d", p.host.address, c.Domain, c.Number, v.Number)
	}
	v.Number, v.Isolated = c.Number, c.Isolated
	for i := range c.Events {
		if c.Events[i].Kind == machine.Removed {
			p.fold(v, c, &c.Events[i])
		}
	}
	for i := range c.Events {
		if c.Events[i].Kind != machine.Removed {
			p.fold(v, c, &c.Events[i])
		}
	}
	if r := v.At(p.host).Record; r == nil || r.ID != p.ID() {
		w.find("%s %s: not in its own view", p.host.address, c.Domain)
	}
	if c.Isolated {
		if v.count > 1 {
			w.find("%s %s: isolated, yet it shows %d", p.host.address, c.Domain, v.count)
		}
		clear(v.down) // what was concluded while cut off may be void
	}
}

// fold takes in one event. Those who go are folded before those who come.
func (p *Proc) fold(v *View, c *machine.Change, e *machine.Event) {
	w := p.host.w
	r := e.Shown.Record
	h := w.Host(r.Address)
	for h.index >= len(v.seats) {
		v.seats = append(slices.Grow(v.seats, len(w.order)-len(v.seats)), seat{})
	}
	s := &v.seats[h.index]
	note := entry{w.now, h, e.Kind, e.Cause}
	if w.opt.Trace != nil {
		w.trace("%s %s view %d: %s", p.host.address, c.Domain, c.Number, note.words())
	}
	v.note(note)
	switch e.Kind {
	case machine.Added:
		if s.rec != nil {
			w.find("%s %s: two members at %s: %s and %s", p.host.address, c.Domain, h.address, s.rec.ID.Short(), r.ID.Short())
			v.leave(h, s)
		}
		if inc, was := v.down[r.ID]; was && r.Incarnation <= inc {
			w.find("%s %s: %s came back at an incarnation that was down", p.host.address, c.Domain, r)
		}
		s.added++
		v.Transitions++
		v.enter(h, s, e)
	case machine.Removed:
		if s.rec == nil || s.rec.ID != r.ID {
			w.find("%s %s: removed but not there: %s", p.host.address, c.Domain, r)
			return
		}
		if r.ID == p.ID() {
			w.find("%s %s: removed itself", p.host.address, c.Domain)
		}
		v.noteDown(r, e.Cause)
		w.Count.removed(w, h, r.ID)
		s.removed++
		v.Transitions++
		v.leave(h, s)
	case machine.IsolatedEvent, machine.RejoinedEvent:
	default:
		switch {
		case s.rec == nil || s.rec.ID != r.ID:
			w.find("%s %s: %s of who is not there: %s", p.host.address, c.Domain, kindWords[e.Kind], r)
			return
		case s.rec.Newer(r):
			w.find("%s %s: version went back: %s after %s", p.host.address, c.Domain, r, s.rec)
		}
		v.leave(h, s)
		v.enter(h, s, e)
	}
}

func (v *View) enter(h *Host, s *seat, e *machine.Event) {
	s.rec = e.Shown.Record
	s.suspect, s.unreachable, s.nameConflict = e.Shown.Suspect, e.Shown.Unreachable, e.Shown.NameConflict
	if s.rec.Role == wire.Member {
		v.count++
		v.sum += h.sum
	}
}

func (v *View) leave(h *Host, s *seat) {
	if s.rec.Role == wire.Member {
		v.count--
		v.sum -= h.sum
	}
	s.rec = nil
}

// noteDown remembers what must not come back.
func (v *View) noteDown(r *wire.Record, cause machine.EventCause) {
	switch cause {
	case machine.CauseLeft:
		v.down[r.ID] = math.MaxUint32
	case machine.CauseCrashed, machine.CauseSilent, machine.CauseReplaced:
		v.down[r.ID] = r.Incarnation
	}
}

func (v *View) note(e entry) {
	if len(v.log) < logMost {
		v.log = append(v.log, e)
		return
	}
	v.log[v.next] = e
	v.next = (v.next + 1) % logMost
}
