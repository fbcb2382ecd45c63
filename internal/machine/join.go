package machine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/wire"
)

// A joiner is a newcomer whose Join waits for looks.
type joiner struct {
	g      *group
	record *wire.Record
	token  uint64 // of the looks that others were asked for
	asked  int
	failed string
}

// heardJoin answers who wants to take part in a domain (docs/protocol.md,
// "Joining").
func (m *Machine) heardJoin(l *link, j *wire.Join) {
	r := j.Record
	g := m.group(j.Domain)
	if g == nil {
		g = m.follow(j.Domain, r.Role)
	}
	if g == nil && m.cfg.ManageAny && r.Role == wire.Member {
		m.refuse(l, j.Domain, wire.Full, fmt.Sprintf("%d domains are followed here, the most that is allowed", len(m.groups)-1))
		return
	}
	if g == nil {
		m.refuse(l, j.Domain, wire.NotServed, fmt.Sprintf("domain %q is not served here; served: %s", j.Domain, m.served()))
		return
	}
	if why := m.fits(l, r); why != "" {
		m.refuse(l, j.Domain, wire.BadRecord, why)
		return
	}
	if !g.verified(r.Verify(m.cfg.Verify), l, "record") {
		return
	}
	if !l.shares(g) {
		l.domains = append(slices.Clip(l.domains), wire.DomainRole{Name: g.domain, Role: r.Role})
		l.share(m)
	}
	if !l.mayAsk(m) {
		m.refuse(l, j.Domain, wire.Busy, "asked too often")
		return
	}
	gone := g.gone.get(r.ID)
	switch {
	case gone != nil && gone.cause == wire.CauseLeft && !gone.hearsay:
		m.refuse(l, j.Domain, wire.BadRecord, "this node has left the group; a new process is a new member")
	case gone != nil && r.Incarnation <= gone.incarnation:
		g.sayHeld(l, gone)
		g.sendTable(l)
	case g.members.get(r.ID) != nil:
		if g.offer(r, l, CauseJoined) {
			g.floodRecord(r, l.id)
		}
		g.sendTable(l)
	case g.stillJoining(l, r):
		// asked twice: it will have its answer
	case m.joiners >= joinersAtOnce:
		msg := &wire.Refuse{Domain: g.domain, Code: wire.Busy, Text: "too many join at once", Others: g.others(l)}
		msg.Again = uint32(m.jitter(busyAgain) / time.Millisecond)
		m.send(l, msg)
	case g.members.len() >= m.cfg.MaxMembers:
		m.refuse(l, j.Domain, wire.Full, fmt.Sprintf("domain %q holds %d members, the most that is allowed", g.domain, g.members.len()))
	default:
		m.joiners++
		l.joining = append(l.joining, joiner{g: g, record: r})
		g.checkName(l, r)
	}
}

// fits says what is wrong with a record as its sender's own.
func (m *Machine) fits(l *link, r *wire.Record) string {
	switch {
	case r.ID != l.peer.id:
		return "the record is not the sender's own"
	case r.Address != l.peer.address:
		return fmt.Sprintf("the record's address %q is not the %q of the handshake", r.Address, l.peer.address)
	}
	return CheckAddress(r.Address)
}

// CheckAddress says what is wrong with an advertised address, or nothing.
func CheckAddress(a string) string {
	i := strings.LastIndexByte(a, ':')
	if i < 0 {
		return fmt.Sprintf("advertised address %q: no port; want host:port", a)
	}
	host, port := strings.Trim(a[:i], "[]"), a[i+1:]
	switch {
	case host == "", host == "0.0.0.0", host == "::", host == "*":
		return fmt.Sprintf("advertised address %q: a wildcard cannot be dialled; give the host that others reach", a)
	case port == "", strings.Trim(port, "0") == "":
		return fmt.Sprintf("advertised address %q: port %q cannot be dialled", a, port)
	}
	return ""
}

// follow begins to follow a domain that a member brings, if this node manages
// any.
func (m *Machine) follow(domain string, role wire.Role) *group {
	if !m.cfg.ManageAny || role != wire.Member || len(m.groups) > m.cfg.MaxDomains || m.replaced {
		return nil
	}
	g := m.addGroup(domain, wire.Manager)
	g.joined = true
	m.report(Report{Kind: GroupAdded, Domain: domain})
	m.sayDomains()
	return g
}

// Manage begins to follow a domain as Config.Manage does from the start; false:
// as many are followed as is allowed, or the node is on its way out.
func (m *Machine) Manage(now Time, domain string) bool {
	m.begin(now)
	ok := m.manage(domain)
	m.end()
	return ok
}

func (m *Machine) manage(domain string) bool {
	own := m.group(m.cfg.Domain)
	switch {
	case domain == m.cfg.Domain || slices.Contains(m.cfg.Manage, domain):
		return true
	case own == nil || m.replaced || own.me.rec.State == wire.Leaving || own.me.rec.State == wire.Left:
		return false
	case m.group(domain) == nil:
		if len(m.groups) > m.cfg.MaxDomains {
			return false
		}
		g := m.addGroup(domain, wire.Manager)
		if own.me.rec.State != wire.Alive {
			g.own(func(r *wire.Record) { r.State = own.me.rec.State })
		}
		m.report(Report{Kind: GroupAdded, Domain: domain})
		m.sayDomains()
		m.known.begin()
	}
	m.cfg.Manage = append(slices.Clip(m.cfg.Manage), domain)
	return true
}

// dropEmpty ends following a domain that has had no members for long.
func (g *group) dropEmpty() {
	m := g.m
	if !m.cfg.ManageAny || g.role != wire.Manager || slices.Contains(m.cfg.Manage, g.domain) {
		return
	}
	if g.memberCount() > 0 {
		g.emptyFor = m.now
		return
	}
	if m.now-g.emptyFor < emptyDomainFor {
		return
	}
	for _, x := range g.neighbour {
		m.unwant(x.rec.ID)
	}
	g.dropped = true // what is under way for it may still end
	m.groups = slices.DeleteFunc(m.groups, func(h *group) bool { return h == g })
	for _, l := range m.links {
		l.share(m)
	}
	m.report(Report{Kind: GroupDropped, Domain: g.domain})
	m.sayDomains()
}

func (m *Machine) served() string {
	names := make([]string, 0, len(m.groups))
	for _, g := range m.groups {
		names = append(names, g.domain)
	}
	text := strings.Join(names[:min(len(names), 8)], ", ")
	if more := len(names) - 8; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}

func (m *Machine) refuse(l *link, domain string, code wire.RefusalCode, text string) {
	text = clip(text)
	if g := m.group(domain); g != nil && !slices.Contains(l.turned, g) {
		l.turned = append(l.turned, g)
	}
	m.send(l, &wire.Refuse{Domain: domain, Code: code, Text: text})
}

// others names members that a joiner may ask instead.
func (g *group) others(l *link) []string {
	var out []string
	for _, i := range g.m.rng.Perm(len(g.rings.all())) {
		x := g.rings.all()[i]
		if x != g.me && x.rec.ID != l.peer.id && len(out) < searchWidth {
			out = append(out, x.rec.Address)
		}
	}
	return out
}

// checkName refuses a name that a live member at another address holds.
func (g *group) checkName(l *link, r *wire.Record) {
	m := g.m
	var holder *member
	if g.members.named(r.Name, 1) > 0 {
		for _, x := range g.rings.all() {
			if x.rec.Name == r.Name && x.rec.Address != r.Address {
				holder = x
			}
		}
	}
	if holder == nil {
		g.dialBack(l, r)
		return
	}
	held := func() {
		g.endJoin(l, r)
		m.refuse(l, g.domain, wire.NameHeld,
			fmt.Sprintf("name %q is held by a live member at %s; choose another", r.Name, holder.rec.Address))
	}
	if holder == g.me {
		held()
		return
	}
	m.look(holder.rec.Address, holder.rec.ID, func(out Outcome, _ wire.ID, _ string) {
		if !g.stillJoining(l, r) {
			return
		}
		if out == Answered {
			held()
			return
		}
		g.dialBack(l, r)
	})
}

// dialBack admits a newcomer once its advertised address was reached, by this
// node or by one of two others that it asks.
func (g *group) dialBack(l *link, r *wire.Record) {
	m := g.m
	if p := l.peer; p.reached == r.Address {
		g.admit(l, r)
		return
	}
	m.look(r.Address, r.ID, func(out Outcome, by wire.ID, text string) {
		if !g.stillJoining(l, r) {
			return
		}
		if out == Answered {
			l.peer.reached = r.Address
			g.admit(l, r)
			return
		}
		g.askOthers(l, r, lookText(out, by, text))
	})
}

// clip makes a text fit for a message.
func clip(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), wire.MaxReason)], "")
}

func lookText(out Outcome, by wire.ID, text string) string {
	if out == OutForeign && !by.IsZero() {
		return "another node (" + by.Short() + ") answers there"
	}
	if out == OutSelf {
		return "I answer there myself"
	}
	return text
}

func (g *group) joiner(l *link, r *wire.Record) *joiner {
	for i := range l.joining {
		if l.joining[i].g == g && l.joining[i].record == r {
			return &l.joining[i]
		}
	}
	return nil
}

func (g *group) stillJoining(l *link, r *wire.Record) bool { return g.joiner(l, r) != nil }

func (g *group) endJoin(l *link, r *wire.Record) {
	n := len(l.joining)
	l.joining = slices.DeleteFunc(l.joining, func(j joiner) bool { return j.g == g && j.record == r })
	g.m.joiners -= n - len(l.joining)
}

// askOthers has up to two other members try the newcomer's address.
func (g *group) askOthers(l *link, r *wire.Record, failed string) {
	m := g.m
	j := g.joiner(l, r)
	m.lastAttempt++
	j.token, j.failed = uint64(m.lastAttempt), failed
	for _, k := range m.links {
		if k != l && j.asked < 2 && k.peer.link == k && k.shares(g) && g.members.get(k.peer.id) != nil && !m.stale(k.peer) {
			j.asked++
			m.send(k, &wire.LookFor{Domain: g.domain, Token: j.token, Subject: r.ID, Address: r.Address})
		}
	}
	if j.asked == 0 {
		g.unreachable(l, r)
		return
	}
	m.after(lookTime*3/2, func() {
		if g.stillJoining(l, r) {
			g.unreachable(l, r)
		}
	})
}

func (g *group) unreachable(l *link, r *wire.Record) {
	j := g.joiner(l, r)
	g.m.refuse(l, g.domain, wire.Unreachable,
		fmt.Sprintf("advertised address %s could not be dialled back from %s: %s", r.Address, g.m.cfg.Address, j.failed))
	g.endJoin(l, r)
}

// heardLookFor looks on behalf of another member.
func (g *group) heardLookFor(l *link, k *wire.LookFor) {
	if k.Token == 0 || g.members.get(l.peer.id) == nil || CheckAddress(k.Address) != "" {
		return
	}
	g.m.look(k.Address, k.Subject, func(out Outcome, by wire.ID, text string) {
		answer := &wire.Looked{Domain: g.domain, Token: k.Token, Subject: k.Subject, Answers: out == Answered}
		if !answer.Answers {
			answer.Text = clip(lookText(out, by, text))
		}
		g.m.send(l, answer)
	})
}

func (g *group) heardLookedFor(_ *link, k *wire.Looked) {
	for _, l := range g.m.links {
		for i := range l.joining {
			if j := &l.joining[i]; j.g == g && j.token == k.Token && j.record.ID == k.Subject {
				j.asked--
				if k.Answers {
					g.admit(l, j.record)
				} else if j.asked <= 0 {
					g.unreachable(l, j.record)
				}
				return
			}
		}
	}
}

// admit takes a newcomer in and hands over what there is.
func (g *group) admit(l *link, r *wire.Record) {
	g.endJoin(l, r)
	l.turned = slices.DeleteFunc(l.turned, func(o *group) bool { return o == g })
	if holder := g.members.at(r.Address); holder != nil && holder.rec.ID != r.ID {
		if holder == g.me {
			g.m.refuse(l, g.domain, wire.NameHeld, fmt.Sprintf("address %s is this node's own", r.Address))
			return
		}
		g.replacedBy(holder)
	}
	alone := g.members.len() == 1
	if g.offer(r, l, CauseJoined) {
		g.floodRecord(r, l.id)
		g.m.report(Report{Kind: Admitted, Domain: g.domain, Peer: r.ID, Address: r.Address})
	}
	g.setJoined()
	g.sendTable(l)
	if alone {
		g.ask(l) // it may be one of many who have been here before
	}
}

// sendTable hands over records and remembered departures. Floods reach the
// link from now on, so that nothing falls between.
func (g *group) sendTable(l *link) {
	cur := &wire.Table{Domain: g.domain, Departures: g.departures(wire.MaxDepartures, func(id wire.ID) bool { return id != l.peer.id })}
	bytes := 48 * len(cur.Departures)
	for _, x := range g.rings.all() {
		size := len(x.rec.Body) + 80
		if len(cur.Records) >= tableRecords || bytes+size > tableBytes {
			g.m.send(l, cur)
			cur, bytes = &wire.Table{Domain: g.domain}, 0
		}
		cur.Records = append(cur.Records, x.rec)
		bytes += size
	}
	cur.Last = true
	g.m.send(l, cur)
}

// heardTable takes over what a member hands over.
func (g *group) heardTable(l *link, t *wire.Table) {
	if l.askedFor(g) < 0 && !g.knows(l) && l.peer.id != g.askOf {
		return // nobody asked, and who sends it has not been let in
	}
	b := &g.back
	if b.held && b.midway == 0 {
		b.handing = &rings{} // it will say who would watch this node
	}
	g.midway(l, t.Last)
	cause := g.handedCause()
	g.floods = roomFor(g.floods, len(t.Records))
	g.pend.touched = roomFor(g.pend.touched, len(t.Records))
	g.members.slots = roomFor(g.members.slots, len(t.Records))
	g.rings.fresh = roomFor(g.rings.fresh, len(t.Records))
	for _, r := range t.Records {
		if g.offer(r, l, cause) {
			g.floodRecord(r, l.id)
			g.floods[len(g.floods)-1].handed = !g.joined
		}
		if b.handing != nil && b.handing.len() < g.m.cfg.MaxMembers {
			b.handing.add(&member{rec: r})
		}
	}
	g.heardDepartures(t.Departures, l)
	if t.Last {
		l.answered(g)
		g.setJoined()
		g.handedOver()
	}
}

// roomFor makes room for n more. A table comes in parts: the room doubles at
// least, or thousands were copied for each part.
func roomFor[E any](list []E, n int) []E {
	if cap(list)-len(list) < n {
		list = slices.Grow(list, max(n, len(list)))
	}
	return list
}

// handedCause is the cause of an arrival that another handed over: two islands
// have met, if this node was part of a group for a while; before that, and for
// what floods bring, somebody has joined.
func (g *group) handedCause() EventCause {
	if g.joined && g.members.len() > 1 && g.m.now-g.joinedAt > mergedAfter {
		return CauseMerged
	}
	return CauseJoined
}

func (g *group) setJoined() {
	if !g.joined {
		g.joined = true
		g.joinedAt = g.m.now
		g.m.report(Report{Kind: Joined, Domain: g.domain})
		g.askNext(true)
	}
}

// heardRefuse tells the application; a domain is tried again for as long as
// it is not joined.
func (m *Machine) heardRefuse(l *link, r *wire.Refuse) {
	for _, a := range r.Others {
		if r.Code == wire.Busy && CheckAddress(a) == "" {
			m.known.hint(a)
		}
	}
	if g := m.group(r.Domain); g != nil {
		l.answered(g)
		if !g.joined && !g.asking() {
			g.askNext(false)
		}
	}
	m.known.refused(l, r)
	m.report(Report{Kind: Refused, Domain: r.Domain, Address: l.peer.address, Peer: l.peer.id, Code: r.Code, Text: r.Text})
}
