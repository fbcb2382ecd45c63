package tribes

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// A CoordinatorMode says when a node takes part in the election of
// NonBlockingCoordinator. Tokens that others send are passed on in any case.
type CoordinatorMode uint8

// The modes.
const (
	CoordinatorAuto CoordinatorMode = iota // in the mode Axis2, elsewhere once a token has come
	CoordinatorOn                          // from the start
	CoordinatorOff                         // it never starts an election, though it be the lowest
)

// The marks of a token.
const (
	tokenBegin   = "\xaa\x26\xde\xe3\x9e\x5a\x41\x3f\xaf\x86\xfa\x92\x63\xca\x0d\x3f"
	tokenRequest = "\x68\xa1\xa4\xd6\x72\xdc\x47\xed\xb1\x14\x7a\x65\xff\xd0\xcf\x1e"
	tokenConfirm = "\x43\x58\x6b\xaa\x45\x17\x4c\xba\xa5\xe9\xa9\xe7\x83\x56\x4b\x14"
	tokenOptions = wire.Ack
)

const (
	electionTime  = 3 * time.Second // until an election that has not ended begins anew
	electionTries = 3               // if nobody was ever heard to take part
	roundsMost    = 4               // that a token may make past this node
	tokensMost    = 256             // whose rounds are counted
	unseenMost    = 64              // members of a token that are asked whether they are there
)

// A ballot is a token: who leads, who has sent it on its way, and who is there.
type ballot struct {
	leader, source wire.Member
	members        []wire.Member
	id             [16]byte
	confirm        bool
}

// election is what the loop knows of it.
type election struct {
	heard   bool          // a token has come: others take part
	view    []wire.Member // confirmed last
	id      [16]byte      // of the view
	open    [16]byte      // of the election of this node's own under way; zero if there is none
	due     time.Time     // it is given up, or to be begun; zero if nothing is due
	tries   int
	rounds  map[[16]byte]int
	ordered [][16]byte // of rounds, oldest first
}

func isToken(content []byte) bool { return bytes.HasPrefix(content, []byte(tokenBegin)) }

// appendBallot makes the content of a token, with blocks in a layout.
func appendBallot(b []byte, t *ballot, layout wire.Layout) ([]byte, error) {
	b = append(b, tokenBegin...)
	add := func(m wire.Member) error {
		m.Layout = layout
		block, err := wire.AppendMember(nil, m)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(block))), block...)
		return err
	}
	if err := add(t.leader); err != nil {
		return nil, err
	}
	if err := add(t.source); err != nil {
		return nil, err
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(t.members)))
	for _, m := range t.members {
		if err := add(m); err != nil {
			return nil, err
		}
	}
	b = append(b, t.id[:]...)
	if t.confirm {
		return append(b, tokenConfirm...), nil
	}
	return append(b, tokenRequest...), nil
}

// ballotOf reads a token.
func ballotOf(content []byte) (*ballot, error) {
	rest, ok := bytes.CutPrefix(content, []byte(tokenBegin))
	if !ok {
		return nil, fmt.Errorf("no token")
	}
	var failed error
	next := func() wire.Member {
		block, left, ok := counted(rest)
		if !ok {
			failed = cmp.Or(failed, fmt.Errorf("a token that ends within a member"))
			return wire.Member{}
		}
		rest = left
		m, err := wire.DecodeMember(block)
		failed = cmp.Or(failed, err)
		return m
	}
	t := &ballot{leader: next(), source: next()}
	if failed == nil && len(rest) < 4 {
		failed = fmt.Errorf("a token without members")
	}
	if failed != nil {
		return nil, failed
	}
	count := binary.BigEndian.Uint32(rest)
	rest = rest[4:]
	if count == 0 || int64(count) > int64(len(rest)) {
		return nil, fmt.Errorf("a token of %d members in %d bytes", count, len(rest))
	}
	for range count {
		t.members = append(t.members, next())
		if failed != nil {
			return nil, failed
		}
	}
	if len(rest) != len(t.id)+len(tokenRequest) {
		return nil, fmt.Errorf("a token with %d bytes behind its members", len(rest))
	}
	copy(t.id[:], rest)
	switch string(rest[len(t.id):]) {
	case tokenConfirm:
		t.confirm = true
	case tokenRequest:
	default:
		return nil, fmt.Errorf("a token of the kind %x", rest[len(t.id):])
	}
	return t, nil
}

// comparePriority orders members as Tribes does: shorter hosts first, their
// bytes and those of unique ids with a sign, ports between.
func comparePriority(a, b wire.Member) int {
	x, y := a.Host.AsSlice(), b.Host.AsSlice()
	return cmp.Or(cmp.Compare(len(x), len(y)), compareSigned(x, y), cmp.Compare(a.Port, b.Port), compareSigned(a.UID[:], b.UID[:]))
}

func compareSigned(a, b []byte) int {
	return slices.CompareFunc(a, b, func(x, y byte) int { return cmp.Compare(int8(x), int8(y)) })
}

// alive are the members of the own domain in their order, this node included.
func (n *Node) alive() []wire.Member {
	out := []wire.Member{n.block(wire.Layout7)}
	for _, e := range n.state.entries {
		if e.up && e.domain == n.cfg.Domain {
			m := n.known(e)
			m.UID = e.uid
			out = append(out, m)
		}
	}
	slices.SortFunc(out, comparePriority)
	return out
}

// sameMembers goes by where they listen.
func sameMembers(a, b []wire.Member) bool {
	return slices.EqualFunc(a, b, func(x, y wire.Member) bool { return x.Address() == y.Address() })
}

func (n *Node) elects() bool {
	switch n.cfg.Coordinator {
	case CoordinatorOn:
		return true
	case CoordinatorOff:
		return false
	}
	return n.cfg.Mode == Axis2 || n.state.election.heard
}

// Coordinator returns the coordinator of the node's own domain, as the last
// election has ended; ok is false if there was none.
func (n *Node) Coordinator() (m membership.Member, ok bool) {
	if p := n.coordinator.Load(); p != nil {
		return *p, true
	}
	return m, false
}

// membersChanged is called when a member of any domain came or went.
func (n *Node) membersChanged() {
	s := &n.state.election
	s.tries = 0
	if n.elects() && s.due.IsZero() {
		s.due = time.Now() // with the next tick, when more may have changed
	}
}

// electionDue begins an election if this node is the lowest and the last one
// does not show who is there.
func (n *Node) electionDue(now time.Time) {
	s := &n.state.election
	if s.due.IsZero() || now.Before(s.due) {
		return
	}
	s.due = time.Time{}
	all := n.alive()
	switch {
	case !n.elects() || all[0].Address() != n.address || sameMembers(all, s.view):
		return
	case len(all) == 1:
		s.open = [16]byte{}
		n.elected(all, wire.NewMessageID())
		return
	case !s.heard && s.tries >= electionTries:
		return // nobody takes part
	}
	s.tries++
	s.open = wire.NewMessageID()
	s.due = now.Add(electionTime)
	n.pass(&ballot{leader: all[0], source: all[0], members: all, id: s.open})
}

// elected takes in how an election has ended.
func (n *Node) elected(view []wire.Member, id [16]byte) {
	s := &n.state.election
	if s.open == id {
		s.open, s.due = [16]byte{}, time.Time{}
	}
	s.view, s.id = view, id
	first := view[0]
	m := shown(first, nil, 0, 0)
	if known, ok := n.book.member(first.Address()); ok {
		m = known
	} else if first.Address() == n.address {
		m = n.Self()
	}
	if old := n.coordinator.Swap(&m); old == nil || old.ID != m.ID {
		n.log.Info("coordinator elected", "domain", n.cfg.Domain, "member", m.Address)
	}
}

// token takes in a token.
func (n *Node) token(sender wire.Member, content []byte) {
	t, err := ballotOf(content)
	e := n.state.entries[sender.Address()]
	switch {
	case err != nil:
		n.complain("token "+sender.Address().String(), "token that cannot be read, dropped", "sender", sender.Address(),
			"reason", err.Error())
		return
	case e == nil || sender.Domain != n.cfg.Domain:
		n.complain("token "+sender.Address().String(), "token of an unknown process, dropped", "sender", sender.Address(),
			"domain", sender.Domain)
		return
	}
	n.state.election.heard = true
	// Whom this node does not show may just have started: it is asked.
	var unseen []wire.Member
	all := n.alive()
	for _, m := range t.members {
		if len(unseen) < unseenMost && !slices.ContainsFunc(all, func(x wire.Member) bool { return x.Address() == m.Address() }) {
			unseen = append(unseen, m)
			if e := n.state.entries[m.Address()]; e != nil {
				e.kick()
			}
		}
	}
	if len(unseen) == 0 {
		n.vote(t, nil)
		return
	}
	_ = n.job(func(ctx context.Context) { // has complained
		found := n.probed(ctx, unseen)
		n.post(func() { n.vote(t, found) })
	})
}

// probed returns those members that accept a connection.
func (n *Node) probed(ctx context.Context, members []wire.Member) []wire.Member {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.ProbeTimeout)
	defer cancel()
	there := make([]bool, len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		wg.Go(func() { there[i] = n.ep.Probe(ctx, m.Address(), nil, 0) == nil })
	}
	wg.Wait()
	var found []wire.Member
	for i, m := range members {
		if there[i] {
			found = append(found, m)
		}
	}
	return found
}

// vote acts on a token. found are members of it that this node does not show,
// but that are there.
func (n *Node) vote(t *ballot, found []wire.Member) {
	s := &n.state.election
	all := n.gathered(found)
	switch {
	case t.confirm:
		if t.id != s.id {
			n.elected(t.members, t.id)
		}
		// Somebody is missing in it, and it is this node who has to say so.
		if all[0].Address() == n.address && !sameMembers(all, t.members) {
			s.due = cmp.Or(s.due, time.Now())
		}
	case t.source.Address() == n.address && t.leader.Address() == n.address && sameMembers(t.members, all):
		t.confirm = true
		for _, m := range t.members {
			if m.Address() != n.address {
				n.sendBallot(t, []netip.AddrPort{m.Address()})
			}
		}
		n.elected(t.members, t.id)
	case t.source.Address() != n.address && t.leader.Address() == n.address:
		s.due = cmp.Or(s.due, time.Now()) // this node is to lead: it asks itself
	case n.onceMore(t.id):
		t.members, t.leader = all, all[0]
		n.pass(t)
	}
}

// gathered joins those that this node shows and others that are there.
func (n *Node) gathered(found []wire.Member) []wire.Member {
	all := n.alive()
	for _, m := range found {
		if !slices.ContainsFunc(all, func(x wire.Member) bool { return x.Address() == m.Address() }) {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, comparePriority)
	return all
}

// onceMore counts the rounds of a token; one whose source is gone would go round
// for ever.
func (n *Node) onceMore(id [16]byte) bool {
	s := &n.state.election
	if s.rounds == nil {
		s.rounds = map[[16]byte]int{}
	}
	if s.rounds[id] == 0 {
		if s.ordered = append(s.ordered, id); len(s.ordered) > tokensMost {
			delete(s.rounds, s.ordered[0])
			s.ordered = s.ordered[1:]
		}
	}
	s.rounds[id]++
	return s.rounds[id] <= roundsMost
}

// pass sends a token to the next member, or the first after it that takes it.
func (n *Node) pass(t *ballot) {
	at := slices.IndexFunc(t.members, func(m wire.Member) bool { return m.Address() == n.address })
	var next []netip.AddrPort
	for i := 1; i < len(t.members); i++ {
		next = append(next, t.members[(at+i)%len(t.members)].Address())
	}
	n.sendBallot(t, next)
}

// sendBallot sends a token to the first of some processes that takes it.
func (n *Node) sendBallot(t *ballot, to []netip.AddrPort) {
	copied := *t
	_ = n.job(func(ctx context.Context) { // has complained
		for _, a := range to {
			content, err := appendBallot(nil, &copied, n.book.layout(a, n.layout()))
			if err == nil {
				err = n.sendContent(ctx, a, wire.LaneGroup, tokenOptions, content)
			}
			if err == nil {
				return
			}
			n.log.Debug("a token was not taken", "member", a, "reason", err.Error())
		}
	})
}
