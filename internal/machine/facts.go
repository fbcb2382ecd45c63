package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// Facts are what this node knows of a participant. They are a copy: nothing in
// them changes later, and nobody else may change records and accusations.
type Facts struct {
	Present bool // in the group; otherwise Gone is set
	Record  *wire.Record
	Suspect bool

	// What this node finds itself, if it watches the participant.
	Watched   bool
	Linked    bool
	LastHeard Time // since the last proof that both directions of the link work
	Took      Time // the last dial or look that it has answered, handshake included; 0: none
	Bad       bool // this node cannot reach it
	BadReason wire.Reason

	Watchers []WatcherFacts     // in ring order
	Others   []*wire.Accusation // standing, of who is no watcher

	Gone *GoneFacts
}

// WatcherFacts are how one watcher stands to a participant.
type WatcherFacts struct {
	Record *wire.Record
	Stance Stance
	Reason wire.Reason // of an accusation
}

// Stance says how a watcher stands.
type Stance uint8

// The stances.
const (
	Vouches     Stance = 1 + iota // it says nothing against the participant
	Accuses                       // it cannot reach it
	Discredited                   // two of its own watchers accuse it
	NoAnswer                      // it did not answer this node's look, so that it does not vouch
	HoldsDown                     // it has dropped the participant
)

// GoneFacts are how a participant went.
type GoneFacts struct {
	Since       Time // how long ago
	Incarnation uint32
	Cause       wire.Cause
	Address     string
	Hearsay     bool               // another's memory
	Evidence    []*wire.Accusation // that stood as it was dropped; none: its own word, or this node's look
}

// Facts returns what is known of a participant; false: nothing.
func (m *Machine) Facts(now Time, domain string, id wire.ID) (Facts, bool) {
	var f Facts
	g := m.group(domain)
	if g == nil {
		return f, false
	}
	if x := g.members.get(id); x != nil {
		f.Present, f.Record, f.Suspect = true, x.rec, x.suspect
		m.ownFacts(now, x, &f)
		g.watcherFacts(x, &f)
		return f, true
	}
	e := g.gone.get(id)
	if e == nil {
		return f, false
	}
	f.Gone = &GoneFacts{
		Since: now - e.at, Incarnation: e.incarnation, Cause: e.cause, Address: e.address, Hearsay: e.hearsay,
		Evidence: slices.Clone(e.evidence),
	}
	return f, true
}

// ownFacts adds what this node has seen for itself.
func (m *Machine) ownFacts(now Time, x *member, f *Facts) {
	p := m.peers[x.rec.ID]
	if p == nil {
		return
	}
	f.Linked, f.Took = p.link != nil, p.took
	if f.Linked {
		f.LastHeard = max(now-m.lost-p.proof, 0)
	}
	if f.Watched = x.neighbour; f.Watched {
		f.BadReason, f.Bad = m.unreachable(p, false)
	}
}

// watcherFacts adds what the watchers say, as count counts it.
func (g *group) watcherFacts(x *member, f *Facts) {
	var buf [2 * everybodyUpTo]*member
	watchers := g.rings.watchers(x, buf[:0])
	for _, w := range watchers {
		k := WatcherFacts{Record: w.rec, Stance: Vouches}
		q := x.inquiry
		switch a := q.by(w.rec.ID, x); {
		case a != nil:
			k.Stance, k.Reason = Accuses, a.Reason
		case q != nil && slices.Contains(q.dismissed, w.rec.ID):
			k.Stance = NoAnswer
		case q != nil && slices.Contains(q.holders, w.rec.ID):
			k.Stance = HoldsDown
		case g.suspected(w, x):
			k.Stance = Discredited
		}
		f.Watchers = append(f.Watchers, k)
	}
	for _, a := range x.standing() {
		if !slices.ContainsFunc(watchers, func(w *member) bool { return w.rec.ID == a.Watcher }) {
			f.Others = append(f.Others, a)
		}
	}
}

// standing lists the accusations of x that stand.
func (x *member) standing() []*wire.Accusation {
	if x.inquiry == nil {
		return nil
	}
	var out []*wire.Accusation
	for _, a := range x.inquiry.words {
		if a.Raised && a.Incarnation == x.rec.Incarnation {
			out = append(out, a)
		}
	}
	return out
}

// took notes how long a dial or look has taken that its peer has answered.
func (m *Machine) took(id wire.ID, began Time) {
	if p := m.peers[id]; p != nil {
		p.took = max(m.now-began, 1)
	}
}
