package machine

import (
	"slices"
	"strings"

	"github.com/gotribes/tribes/internal/wire"
)

// A group is what the node keeps for one domain that it takes part in.
type group struct {
	m      *Machine
	domain string
	tag    uint64 // of the domain, for the digest of heartbeats
	role   wire.Role

	me        *member
	members   table // participants: members and managers, self included
	rings     rings
	neighbour []*member // whom I watch, in ring order
	changes   uint64    // who have come and gone
	fewTimes  uint64    // how often all watchers may have changed, as in a small group
	moved     bool      // the rings have changed since neighbour was computed
	digest    uint64    // sum of the records' hashes

	gone      departures
	largest   int                     // how many participants there were at once, at most
	waiting   map[string]*wire.Record // newcomers at an address that another still holds
	words     map[wire.ID]*word       // what I last said of whom
	inquiries []*member               // into whom one is open
	wordSeq   uint64
	dirty     []*member // to be judged
	floods    []flood
	flushed   Time // when floods were last sent
	waits     Time // since when something of it waits; 0: nothing does
	crowdRest Time // that floods of arrivals rest while many come
	restsTo   Time // a timer runs for the next; 0: none
	pend      pending
	number    uint64 // of the last published view
	back      comeback
	joined    bool
	joinedAt  Time
	askOf     wire.ID // the manager whose domain this is followed for: its table is awaited
	emptyFor  Time    // since when a followed domain has no members
	unacked   []unacked
	dropped   bool // not followed any more
}

// A member is one participant of a group as this node knows it. It is kept
// small, 40 bytes: there is one for each participant in each node.
type member struct {
	rec        *wire.Record
	inquiry    *inquiry     // while somebody accuses it
	shownRec   *wire.Record // as it was last published; nil: it was not
	applied    *wire.Record // as this manager has last confirmed it; nil: it has not
	touched    int32        // place among the group's touched, from 1; 0: it is not
	shownMarks marks
	neighbour  bool
	dirty      bool
	suspect    bool
}

// marks are what a view shows of a participant beside its record.
type marks uint8

const (
	markSuspect marks = 1 << iota
	markUnreachable
	markNameConflict
)

// shown is x as it was last published; without a Record it was not.
func (x *member) shown() Shown { return shownAs(x.shownRec, x.shownMarks) }

func shownAs(r *wire.Record, k marks) Shown {
	return Shown{r, k&markSuspect != 0, k&markUnreachable != 0, k&markNameConflict != 0}
}

func (m *Machine) addGroup(domain string, role wire.Role) *group {
	g := &group{
		m: m, domain: domain, role: role, tag: tagOf(domain),
		waiting: map[string]*wire.Record{}, words: map[wire.ID]*word{},
	}
	g.gone.init()
	g.emptyFor = m.now
	i, _ := slices.BinarySearchFunc(m.groups, domain, func(g *group, d string) int { return strings.Compare(g.domain, d) })
	m.groups = slices.Insert(m.groups, i, g)
	rec := m.first
	if domain != rec.Domain {
		rec = m.record(domain, role)
		rec.Birth = m.first.Birth
		rec.Seal(m.cfg.Signer)
	}
	g.me = g.insert(rec, CauseJoined)
	g.pend.urgent = true
	for _, l := range m.links {
		l.share(m)
	}
	m.busy = true
	return g
}

// record returns this node's record in a domain as it starts there, not yet
// sealed.
func (m *Machine) record(domain string, role wire.Role) *wire.Record {
	return &wire.Record{
		Domain: domain, Incarnation: wire.FirstIncarnation, Version: wire.FirstVersion, Role: role, State: wire.Alive,
		Name: m.cfg.Name, Address: m.cfg.Address, SubDomain: m.cfg.SubDomain, Properties: m.cfg.Properties,
	}
}

func tagOf(domain string) uint64 {
	p := wire.AddressPlaces("domain " + domain)
	return p[0]
}

// own replaces this node's own record by a changed copy, signs and floods it.
func (g *group) own(change func(r *wire.Record)) {
	r := *g.me.rec
	r.Version++
	change(&r)
	r.Seal(g.m.cfg.Signer)
	g.replaceRecord(g.me, &r)
	g.floodRecord(&r, 0)
}

// insert adds a participant. The caller has made sure that neither its ID nor
// its address is there.
func (g *group) insert(rec *wire.Record, cause EventCause) *member {
	x := &member{rec: rec}
	g.touchNew(x, cause)
	g.members.add(x)
	g.largest = max(g.largest, g.members.len())
	g.rings.add(x)
	if g.members.named(rec.Name, 3) == 2 {
		g.touchName(rec.Name)
		g.m.report(Report{Kind: NameConflict, Domain: g.domain, Text: rec.Name, Peer: rec.ID, Address: rec.Address})
	}
	g.digest += rec.Hash
	g.moved = true
	g.m.grew()
	g.changes++
	g.reconsiderAround(x)
	return x
}

// remove takes a participant out. The caller remembers why.
func (g *group) remove(x *member, cause EventCause) {
	g.touch(x, cause)
	g.pend.tookOut(x)
	g.reconsiderAround(x)
	g.members.remove(x)
	g.rings.remove(x)
	if g.members.named(x.rec.Name, 2) == 1 {
		g.touchName(x.rec.Name)
	}
	g.digest -= x.rec.Hash
	delete(g.words, x.rec.ID)
	x.inquiry = nil
	g.moved = true
	g.changes++
}

// reconsiderAround has those judged whose watchers x is, comes to be or was,
// and those for whom these vouch.
func (g *group) reconsiderAround(x *member) {
	if len(g.inquiries) == 0 {
		return // nobody is accused
	}
	if g.rings.len() <= everybodyUpTo+1 {
		g.fewTimes++
	}
	var buf [2 * everybodyUpTo]*member
	for _, y := range g.rings.watchers(x, buf[:0]) {
		if y.inquiry != nil {
			y.inquiry.watchedAt = 0
		}
		g.reconsider(y)
		g.reconsiderWatched(y)
	}
}

// replaceRecord puts a newer record of the same participant in place.
func (g *group) replaceRecord(x *member, rec *wire.Record) {
	old := x.rec
	cause := NoCause
	if rec.Incarnation != old.Incarnation {
		cause = CauseReturned
	}
	g.touch(x, cause)
	g.digest += rec.Hash - old.Hash
	x.rec = rec
	if rec.Incarnation != old.Incarnation {
		x.inquiry = nil // an accusation counts for one incarnation only
		x.suspect = false
		delete(g.words, rec.ID)
	}
}

// rewatch computes whom this node watches, once a step for all who have come
// and gone in it.
func (g *group) rewatch() {
	if !g.moved || g.dropped || g.tableComes() {
		return
	}
	g.moved = false
	var buf [2 * everybodyUpTo]*member
	now := g.rings.watchers(g.me, buf[:0])
	for _, x := range g.neighbour {
		here := g.members.has(x)
		if !here || !slices.Contains(now, x) {
			x.neighbour = false
			g.m.unwant(x.rec.ID)
		}
		if here && !x.neighbour {
			g.touch(x, NoCause) // who is gone may have been shown so already
		}
	}
	for _, x := range now {
		if !x.neighbour {
			x.neighbour = true
			many := g.pend.crashed || g.pend.crashes != 0 && g.m.now-g.pend.crashes < settleMany
			g.m.want(x.rec.ID, x.rec.Address, many || x.inquiry.standing(x) > 0)
		}
	}
	g.neighbour = append(g.neighbour[:0], now...)
}

// midway notes that part of a table has come over a link.
func (g *group) midway(l *link, last bool) {
	b := &g.back
	switch {
	case last:
		b.midway = 0
	case b.midway == 0:
		b.midway, b.since = l.id, g.m.now
		g.m.after(tableTime, func() { g.m.busy = true })
	}
}

// tableComes says that the rest of a table is on its way: there is no need to
// dial those who happen to come first. It is not waited for for long.
func (g *group) tableComes() bool {
	b := &g.back
	return b.midway != 0 && g.m.now-b.since < tableTime && g.m.link(b.midway) != nil
}

// memberCount counts the participants that belong to the domain.
func (g *group) memberCount() int {
	n := 0
	for _, x := range g.rings.all() {
		if x.rec.Role == wire.Member {
			n++
		}
	}
	return n
}
