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
	members   map[wire.ID]*member // participants: members and managers, self included
	rings     rings
	neighbour []*member // whom I watch, in ring order
	byAddress map[string]*member
	byName    map[string]int // how many hold a name
	digest    uint64         // sum of the records' hashes

	gone      departures
	waiting   map[string]*wire.Record // newcomers at an address that another still holds
	words     map[wire.ID]*word       // what I last said of whom
	inquiries []*member               // into whom one is open
	wordSeq   uint64
	dirty     []*member // to be judged
	floods    []flood
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
// small: there is one for each participant in each node.
type member struct {
	rec       *wire.Record
	inquiry   *inquiry // while somebody accuses it
	shown     *Shown   // as it was last published
	neighbour bool
	touched   bool
	dirty     bool
	suspect   bool
}

func (m *Machine) addGroup(domain string, role wire.Role) *group {
	g := &group{
		m: m, domain: domain, role: role, tag: tagOf(domain),
		members: map[wire.ID]*member{}, byAddress: map[string]*member{}, byName: map[string]int{},
		waiting: map[string]*wire.Record{}, words: map[wire.ID]*word{},
	}
	g.gone.init()
	g.emptyFor = m.now
	i, _ := slices.BinarySearchFunc(m.groups, domain, func(g *group, d string) int { return strings.Compare(g.domain, d) })
	m.groups = slices.Insert(m.groups, i, g)
	rec := &wire.Record{
		Domain: domain, Incarnation: 1, Version: 1, Role: role, State: wire.Alive,
		Name: m.cfg.Name, Address: m.cfg.Address, SubDomain: m.cfg.SubDomain, Properties: m.cfg.Properties,
	}
	rec.Seal(m.cfg.Signer)
	g.me = g.insert(rec, CauseJoined)
	g.pend.urgent = true
	for _, l := range m.links {
		l.share(m)
	}
	m.busy = true
	return g
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
	g.members[rec.ID] = x
	g.rings.add(x)
	g.byAddress[rec.Address] = x
	g.byName[rec.Name]++
	if n := g.byName[rec.Name]; n == 2 {
		g.touchName(rec.Name)
		g.m.report(Report{Kind: NameConflict, Domain: g.domain, Text: rec.Name, Peer: rec.ID, Address: rec.Address})
	}
	g.digest += rec.Hash
	g.rewatch(x)
	return x
}

// remove takes a participant out. The caller remembers why.
func (g *group) remove(x *member, cause EventCause) {
	g.touch(x, cause)
	neighbours := g.rings.watchers(x, nil)
	delete(g.members, x.rec.ID)
	g.rings.remove(x)
	if g.byAddress[x.rec.Address] == x {
		delete(g.byAddress, x.rec.Address)
	}
	g.dropName(x.rec.Name)
	g.digest -= x.rec.Hash
	delete(g.words, x.rec.ID)
	x.inquiry = nil
	g.rewatch(nil)
	for _, y := range neighbours {
		g.reconsider(y)
		g.reconsiderWatched(y)
	}
}

func (g *group) dropName(name string) {
	g.byName[name]--
	switch g.byName[name] {
	case 0:
		delete(g.byName, name)
	case 1:
		g.touchName(name)
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
	if rec.Name != old.Name {
		g.dropName(old.Name)
		g.byName[rec.Name]++
		g.touchName(rec.Name)
	}
	if rec.Incarnation != old.Incarnation {
		x.inquiry = nil // an accusation counts for one incarnation only
		x.suspect = false
		delete(g.words, rec.ID)
	}
}

// rewatch computes whom this node watches. added, if not nil, is the
// participant that has just come; its neighbours' cases are judged anew.
func (g *group) rewatch(added *member) {
	if g.me == nil || g.dropped {
		return
	}
	var buf [2 * everybodyUpTo]*member
	now := g.rings.watchers(g.me, buf[:0])
	for _, x := range g.neighbour {
		if !slices.Contains(now, x) || g.members[x.rec.ID] != x {
			x.neighbour = false
			g.touch(x, NoCause)
			g.m.unwant(x.rec.ID)
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
	if added != nil {
		for _, y := range g.rings.watchers(added, buf[:0]) {
			g.reconsider(y)
			g.reconsiderWatched(y)
		}
	}
}

// listedMembers counts the participants that belong to the domain.
func (g *group) memberCount() int {
	n := 0
	for _, x := range g.rings.all() {
		if x.rec.Role == wire.Member {
			n++
		}
	}
	return n
}
