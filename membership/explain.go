package membership

import (
	"fmt"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// An Explanation is what a node knows of one participant of a group, and why it
// holds it as it does. It is a plain value that never changes.
type Explanation struct {
	ID     ID     // that was asked for
	Domain string // of the group
	// Known is false of an ID that the node has never heard of, or has forgotten:
	// who is gone is remembered for an hour, and at least 1,000 of them.
	Known bool
	// Present says that it is in the group, as far as the node's protocol goes. A
	// view may show that some milliseconds later.
	Present bool
	Member  Member // as last shown; of who was never shown, only ID and Domain
	Manager bool   // it follows the domain without belonging to it

	// Watched says that this node is one of those who watch it. Only then does
	// the node judge by itself; of others it knows what their watchers say.
	Watched   bool
	Linked    bool          // there is a link to it
	LastHeard time.Duration // since the link last proved that it works; with a link only
	// RoundTrip is how long the last dial or look took until it had answered:
	// connect and handshake, so a few times the way there and back. 0: unknown.
	RoundTrip time.Duration
	// Unreachable is why this node, as a watcher, cannot reach it: CauseCrashed
	// (refused), CauseSilent or CauseReplaced. NoCause: it can.
	Unreachable Cause

	Watchers    []Watcher    // who watches it, and what they say
	Accusations []Accusation // that stand; also those of members that do not watch it (any more)
	Removal     *Removal     // of who is not present; nil if nothing is known of it
	Transitions []Transition // lately, the oldest first; up to 16
}

// A Watcher is one of those who watch a participant.
type Watcher struct {
	ID      ID     // of the watcher
	Address string // of the watcher
	Self    bool   // this node
	Stance  Stance
	Cause   Cause // of an accusation: CauseCrashed (refused), CauseSilent or CauseReplaced
}

// A Stance says how a watcher stands to the participant that it watches.
type Stance uint8

// The stances.
const (
	Vouches     Stance = 1 + iota // says nothing against it
	Accuses                       // cannot reach it
	Discredited                   // is accused itself by two of its watchers, so its word does not count
	NoAnswer                      // did not answer when this node asked
	HoldsDown                     // has dropped it
)

var stanceNames = [...]string{"", "vouches", "accuses", "discredited", "no answer", "holds down"}

// String returns the stance's name, as "vouches".
func (s Stance) String() string { return nameOf("stance", uint8(s), stanceNames[:]) }

// An Accusation is the signed word of one participant that it cannot reach
// another.
type Accusation struct {
	By      ID     // who says it
	Address string // of who says it; "" if that is gone
	Cause   Cause  // CauseCrashed (refused), CauseSilent or CauseReplaced
}

// A Removal is how a participant went.
type Removal struct {
	Cause       Cause     // left, crashed, silent or replaced
	At          time.Time // when this node learnt of it
	Incarnation uint32    // that is over; 0 if it is only hearsay
	Hearsay     bool      // another's memory: it went before this node was there
	// Evidence are the accusations that stood. None: its own word, or what this
	// node found when it looked.
	Evidence []Accusation
}

// A Transition is one event of a participant.
type Transition struct {
	At    time.Time // when this node's application was shown it
	Kind  Kind      // what has happened
	Cause Cause     // why
	State State     // after it
	View  uint64    // number of the view that it led to
}

// Explain tells what the node knows of a participant, member or manager: who
// watches it and what they say, when it was last heard, why it was removed. It
// is for operators and their tools; it waits for the node's goroutine, not for
// other nodes. After the node's end only what the application was shown is left.
func (g *Group) Explain(id ID) Explanation {
	e := Explanation{ID: id, Domain: g.domain, Member: Member{ID: id, Domain: g.domain}}
	s := g.current.Load()
	g.mu.Lock()
	last := g.history.of(id, &e)
	g.mu.Unlock()
	if m := s.get(id); m != nil {
		last = m
	} else if m := s.manager(id); m != nil {
		last = m
	}
	if last != nil {
		e.Known, e.Member, e.Manager = true, *last, last.Manager
	}
	l := g.node.loop
	l.do(func(now machine.Time) {
		if f, ok := l.m.Facts(now, g.domain, wire.ID(id)); ok {
			e.take(&f, l, now)
		}
	})
	return e
}

// take adds what the machine knows. It runs in the loop.
func (e *Explanation) take(f *machine.Facts, l *loop, now machine.Time) {
	e.Known, e.Present = true, f.Present
	e.Watched, e.Linked, e.LastHeard, e.RoundTrip = f.Watched, f.Linked, f.LastHeard, f.Took
	if f.Bad {
		e.Unreachable = causeOfReason(f.BadReason)
	}
	if f.Record != nil && e.Member.Address == "" {
		e.Member = *memberOf(machine.Shown{Record: f.Record, Suspect: f.Suspect})
	}
	e.Manager = e.Manager || f.Record != nil && f.Record.Role == wire.Manager
	self := l.m.Self()
	for _, w := range f.Watchers {
		k := Watcher{ID: ID(w.Record.ID), Address: w.Record.Address, Self: w.Record.ID == self, Stance: Stance(w.Stance)}
		if w.Stance == machine.Accuses {
			k.Cause = causeOfReason(w.Reason)
			e.Accusations = append(e.Accusations, Accusation{k.ID, k.Address, k.Cause})
		}
		e.Watchers = append(e.Watchers, k)
	}
	e.Accusations = append(e.Accusations, l.accusations(e.Domain, f.Others)...)
	if f.Gone != nil {
		e.Removal = &Removal{
			Cause: causeOfRemoval(f.Gone.Cause), At: l.wall(now - f.Gone.Since), Incarnation: f.Gone.Incarnation,
			Hearsay: f.Gone.Hearsay, Evidence: l.accusations(e.Domain, f.Gone.Evidence),
		}
		if e.Member.Address == "" {
			e.Member.Address = f.Gone.Address
		}
	}
}

// accusations makes public values of the machine's.
func (l *loop) accusations(domain string, list []*wire.Accusation) []Accusation {
	var out []Accusation
	for _, a := range list {
		k := Accusation{By: ID(a.Watcher), Cause: causeOfReason(a.Reason)}
		if f, ok := l.m.Facts(l.now(), domain, a.Watcher); ok && f.Record != nil {
			k.Address = f.Record.Address
		}
		out = append(out, k)
	}
	return out
}

func causeOfReason(r wire.Reason) Cause {
	switch r {
	case wire.Refused:
		return CauseCrashed
	case wire.Replaced:
		return CauseReplaced
	}
	return CauseSilent
}

func causeOfRemoval(c wire.Cause) Cause {
	switch c {
	case wire.CauseCrashed:
		return CauseCrashed
	case wire.CauseReplaced:
		return CauseReplaced
	case wire.CauseLeft:
		return CauseLeft
	}
	return CauseSilent
}

// String tells it in a few lines, for a terminal or a log.
func (e Explanation) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if !e.Known {
		return fmt.Sprintf("%s is not known in domain %q\n", e.ID, e.Domain)
	}
	line("%s %s of domain %q (%s)", e.what(), e.Member.Address, e.Domain, e.ID)
	if e.Present {
		line("  it is %s", e.Member.State)
	}
	if r := e.Removal; r != nil {
		line("  removed %s: %s, incarnation %d", r.At.Format(time.RFC3339Nano), r.Cause, r.Incarnation)
		for _, a := range r.Evidence {
			line("    accused by %s (%s)", or(a.Address, a.By.String()), a.Cause)
		}
	}
	if e.Linked {
		line("  last heard %v ago, answered in %v", e.LastHeard, e.RoundTrip)
	}
	if e.Watched && e.Unreachable != NoCause {
		line("  this node cannot reach it (%s)", e.Unreachable)
	}
	for _, w := range e.Watchers {
		who := w.Address
		if w.Self {
			who += " (this node)"
		}
		line("  watched by %s: %s %s", who, w.Stance, w.Cause)
	}
	for _, t := range e.Transitions {
		line("  %s %s %s, view %d", t.At.Format(time.RFC3339Nano), t.Kind, t.Cause, t.View)
	}
	return b.String()
}

func (e *Explanation) what() string {
	if e.Manager {
		return "manager"
	}
	return "member"
}
