package tribes

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// What the loop does when.
const (
	tickTime   = 50 * time.Millisecond
	settleTime = 10 * time.Millisecond // what happens within it is shown together
	quietTime  = 2 * time.Second       // after a notice of stop, probes prove nothing
	forgetTime = 10 * time.Minute      // then a process that no configuration names is forgotten
)

// state is what the loop knows. Nobody else touches it.
type state struct {
	entries  map[netip.AddrPort]*entry
	unlooked int           // configured peers that no look has come back from
	looked   chan struct{} // closed when there are none
	dirty    map[string]map[membership.ID]membership.Cause
	settling <-chan time.Time
	election election
}

// An entry is one process that the node looks at.
type entry struct {
	address netip.AddrPort
	peer    *Peer // nil if no configuration names it
	watch   *watch
	seen    bool // the first look has come back

	up      bool
	times   uint32      // it came up
	version uint32      // since
	uid     wire.UID    // under which it is shown while up
	domain  string      // in which it is shown while up
	said    wire.Member // by itself, or of it by others
	heard   bool        // said is its own word
	hinted  bool        // said is another's word
	failing time.Time   // first of a row of failures that prove little; zero if there is none
	quiet   time.Time   // until when probes prove nothing
	since   time.Time   // it is down
	reached time.Time   // first of the looks that succeeded in a row; zero if the last did not
	service serviceEntry
	joining joinEntry
	met     bool // Axis2: it was reached before
	odd     bool // it was told that its word contradicts the configuration
}

// byID finds the process that is shown under an ID.
func (s *state) byID(id membership.ID) *entry {
	for _, e := range s.entries {
		if e.up && IDOf(e.address, e.uid) == id {
			return e
		}
	}
	return nil
}

// sorted returns the entries in the order of their addresses.
func (s *state) sorted() []*entry {
	out := make([]*entry, 0, len(s.entries))
	for _, e := range s.entries {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *entry) int { return compareAddresses(a.address, b.address) })
	return out
}

func compareAddresses(a, b netip.AddrPort) int {
	return cmp.Or(bytes.Compare(a.Addr().AsSlice(), b.Addr().AsSlice()), cmp.Compare(a.Port(), b.Port()))
}

// block is what is known of a process.
func (n *Node) known(e *entry) wire.Member {
	m := wire.Member{Host: e.address.Addr(), Port: int(e.address.Port()), SecurePort: wire.None, UDPPort: wire.None, Domain: n.cfg.Domain}
	if e.peer != nil {
		m.UID = e.peer.UID
		if e.peer.Domain != "" {
			m.Domain = e.peer.Domain
		}
	}
	if e.heard || e.hinted {
		m = e.said
	}
	m.Layout = wire.Layout7
	return m
}

// start makes the table and starts the loop. The channel is closed when every
// peer has been looked at once.
func (n *Node) start(peers map[netip.AddrPort]*Peer) <-chan struct{} {
	s := &n.state
	s.entries = map[netip.AddrPort]*entry{}
	s.looked = make(chan struct{})
	s.dirty = map[string]map[membership.ID]membership.Cause{}
	s.unlooked = len(peers)
	for a, p := range peers {
		n.track(a, p)
	}
	n.publishAll()
	if s.unlooked == 0 {
		close(s.looked)
	}
	n.wg.Go(n.run)
	return s.looked
}

// run is the loop.
func (n *Node) run() {
	tick := time.NewTicker(tickTime)
	defer tick.Stop()
	for {
		select {
		case f := <-n.inbox:
			f()
		case now := <-tick.C:
			n.tick(now)
		case <-n.state.settling:
			n.publishDirty()
		case <-n.ctx.Done():
			return
		}
		if len(n.state.dirty) > 0 && n.state.settling == nil {
			n.state.settling = time.After(settleTime)
		}
	}
}

// tick does what is due by time.
func (n *Node) tick(now time.Time) {
	for _, e := range n.state.entries {
		switch n.cfg.Mode {
		case Service:
			n.serviceDue(e, now)
		case Axis2:
			n.joinDue(e, now)
		}
		if e.peer == nil && !e.up && now.Sub(e.since) > forgetTime {
			n.forget(e)
		}
	}
	n.electionDue(now)
}

// track begins to look at a process. It returns nil if there is no room, or the
// process is the node itself.
func (n *Node) track(a netip.AddrPort, p *Peer) *entry {
	s := &n.state
	if a == n.address {
		return nil
	}
	if e := s.entries[a]; e != nil {
		return e
	}
	if len(s.entries) >= n.cfg.MaxMembers && p == nil {
		n.complain("room", "too many members, one is ignored", "bound", n.cfg.MaxMembers, "member", a)
		return nil
	}
	e := &entry{address: a, peer: p, since: time.Now()}
	s.entries[a] = e
	n.book.open(a, p != nil)
	e.watch = n.watchOver(a)
	return e
}

// forget ends looking at a process that is down.
func (n *Node) forget(e *entry) {
	e.watch.cancel()
	delete(n.state.entries, e.address)
	n.book.strike(e.address)
	n.ep.Forget(e.address)
}

// kick has the process looked at now.
func (e *entry) kick() { e.watch.kick() }

// rise shows a process as a member.
func (n *Node) rise(e *entry, domain string) {
	if e.up {
		return
	}
	m := n.known(e)
	if e.uid != m.UID {
		e.times = 0 // another process, as far as Tribes can tell
	}
	cause := membership.CauseReturned
	if e.times == 0 {
		cause = membership.CauseJoined
	}
	e.up, e.uid, e.domain, e.version = true, m.UID, domain, 1
	e.times++
	n.log.Info("member added", "domain", domain, "member", e.address, "cause", cause)
	n.mark(e, cause)
	n.greet(e)
	n.membersChanged()
}

// fall takes a member out.
func (n *Node) fall(e *entry, cause membership.Cause) {
	if !e.up {
		return
	}
	n.log.Info("member removed", "domain", e.domain, "member", e.address, "cause", cause)
	n.mark(e, cause)
	e.up, e.since, e.reached = false, time.Now(), time.Time{}
	e.service, e.joining = serviceEntry{}, joinEntry{}
	n.book.show(e.address, nil)
	n.ep.Forget(e.address)
	n.membersChanged()
}

// mark has the view of a member's domain made anew, soon.
func (n *Node) mark(e *entry, cause membership.Cause) {
	causes := n.state.dirty[e.domain]
	if causes == nil {
		causes = map[membership.ID]membership.Cause{}
		n.state.dirty[e.domain] = causes
	}
	if cause != membership.NoCause {
		causes[IDOf(e.address, e.uid)] = cause
	}
}

// publishAll makes all views anew.
func (n *Node) publishAll() {
	for _, g := range n.order {
		if n.state.dirty[g.Domain()] == nil {
			n.state.dirty[g.Domain()] = map[membership.ID]membership.Cause{}
		}
	}
	n.publishDirty()
}

// publishDirty makes the views anew in which something has changed.
func (n *Node) publishDirty() {
	n.state.settling = nil
	for _, g := range n.order {
		causes, ok := n.state.dirty[g.Domain()]
		if g == n.Own() {
			for domain, more := range n.state.dirty { // peers that are configured with another domain
				if n.groups[domain] == nil {
					causes, ok = merged(causes, more), true
				}
			}
		}
		if ok {
			g.feed.Publish(n.members(g), causes)
		}
	}
	clear(n.state.dirty)
}

func merged(a, b map[membership.ID]membership.Cause) map[membership.ID]membership.Cause {
	out := map[membership.ID]membership.Cause{}
	for _, m := range []map[membership.ID]membership.Cause{a, b} {
		maps.Copy(out, m)
	}
	return out
}

// members are those of a group, with the node itself.
func (n *Node) members(g *Group) []membership.Member {
	self := n.Self()
	self.Manager = self.Manager || g != n.Own()
	out := []membership.Member{self}
	for _, e := range n.state.entries {
		if !e.up || e.domain != g.Domain() && (g != n.Own() || n.groups[e.domain] != nil) {
			continue
		}
		block := n.known(e)
		block.UID = e.uid
		var configured map[string]string
		if e.peer != nil {
			configured = e.peer.Properties
		}
		m := shown(block, configured, e.times, e.version)
		m.Domain = e.domain
		n.book.show(e.address, &m)
		out = append(out, m)
	}
	return out
}

// greet says to a new member what it should know at once.
func (n *Node) greet(e *entry) {
	switch n.cfg.Mode {
	case Service:
		return
	case Axis2:
		n.introduce(e)
	}
	n.notice(e.address, wire.Start)
}

// notice sends a notice of start or stop, unless they are off or the peer is
// too old to know them.
func (n *Node) notice(a netip.AddrPort, c wire.Control) {
	if n.noticed(a) {
		_ = n.job(func(ctx context.Context) { // an error has a complaint, and the peer's probes go on
			_ = n.sendContent(ctx, a, wire.LaneWatch, c.Options(), c.Content())
		})
	}
}

// noticed: the peer is to have notices.
func (n *Node) noticed(a netip.AddrPort) bool {
	return n.cfg.Mode != Service && !n.cfg.NoNotices && n.book.layout(a, n.layout()) == wire.Layout7
}

// layout is for peers that have not been heard.
func (n *Node) layout() wire.Layout {
	if n.cfg.OldLayout {
		return wire.Layout6
	}
	return wire.Layout7
}

// farewell tells every member that the node stops, and waits until it is told.
func (n *Node) farewell(ctx context.Context) error {
	type told struct {
		to  netip.AddrPort
		err error
	}
	to := make(chan []netip.AddrPort, 1)
	if !n.post(func() {
		var list []netip.AddrPort
		for _, e := range n.state.sorted() {
			// A balancer that is a well-known member shows this node, but not the other way round.
			if e.up || n.cfg.Mode == Axis2 && e.peer != nil && !e.reached.IsZero() {
				list = append(list, e.address)
			}
		}
		to <- list
	}) {
		return nil
	}
	var list []netip.AddrPort
	select {
	case list = <-to:
	case <-n.ctx.Done():
		return nil
	}
	results := make(chan told, len(list))
	waiting := 0
	for _, a := range list {
		if n.job(func(context.Context) { results <- told{a, n.stopNotice(ctx, a)} }) == nil {
			waiting++
		}
	}
	var failed DeliveryError
	for range waiting {
		if r := <-results; r.err != nil {
			failed.add(r.to, r.err)
		}
	}
	return failed.orNil()
}

// stopNotice tells one member.
func (n *Node) stopNotice(ctx context.Context, a netip.AddrPort) error {
	if n.cfg.Mode == Service {
		return n.announceStop(ctx, a)
	}
	if !n.noticed(a) {
		return nil
	}
	return n.sendContent(ctx, a, wire.LaneWatch, wire.Stop.Options(), wire.Stop.Content())
}
