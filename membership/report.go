package membership

import (
	"fmt"
	"time"

	"github.com/gotribes/tribes/internal/machine"
)

// report takes in the machine's news.
func (l *loop) report(r *machine.Report) {
	n := l.node
	peer := ID(r.Peer)
	switch r.Kind {
	case machine.Joined:
		l.log.Info("joined", "domain", r.Domain)
		l.settling = n.joins.met(r.Domain) || l.settling
	case machine.Refused:
		l.settling = n.joins.refuse(r) || l.settling
		l.limit.warn("join refused", r.Address+r.Domain, "domain", r.Domain, "by", r.Address, "code", r.Code.String(), "reason", r.Text)
	case machine.NotReached:
		l.limit.info("well-known address not reached", r.Address, "address", r.Address, "reason", r.Text)
	case machine.ReplacedSelf:
		l.log.Error("replaced: another process answers at this node's address", "address", r.Address, "by", peer)
		n.end(fmt.Errorf("%w: %s is now that of %s", ErrReplaced, r.Address, peer))
	case machine.GroupAdded:
		l.log.Info("domain followed", "domain", r.Domain)
		if _, ok := n.groups.get(r.Domain); !ok {
			n.groups.add(newGroup(n, r.Domain))
		}
		l.serve()
	case machine.GroupDropped:
		l.log.Info("domain not followed any more: it has no members", "domain", r.Domain)
		n.groups.remove(r.Domain)
		l.serve()
	case machine.Returned:
		l.log.Info("returned after others had dropped this node", "domain", r.Domain, "incarnation", r.Incarnation)
	case machine.BadMessage:
		l.limit.warn("message not accepted", peer.String(), "domain", r.Domain, "peer", r.Address, "id", peer, "reason", r.Text)
	case machine.NameConflict:
		l.limit.warnEvery(time.Hour, "two live members have one name", r.Domain+r.Text,
			"domain", r.Domain, "name", r.Text, "address", r.Address, "id", peer)
	case machine.Confirmed:
		if r.Domain == n.cfg.Domain {
			n.confirms.note(peer, r.Incarnation, r.Version)
		}
	case machine.Admitted:
		l.log.Debug("admitted", "domain", r.Domain, "address", r.Address, "id", peer)
	}
}

// logEvent writes what an operator wants to see of a change.
func (l *loop) logEvent(g *Group, s *snapshot, e *Event) {
	m := &e.Member
	switch e.Kind {
	case MemberAdded:
		l.limit.info("member added", g.domain+m.Address,
			"domain", g.domain, "view", s.number, "member", m.Address, "id", m.ID, "cause", e.Cause.String())
	case MemberRemoved:
		l.limit.info("member removed", g.domain+m.Address,
			"domain", g.domain, "view", s.number, "member", m.Address, "id", m.ID, "cause", e.Cause.String())
	case Isolated:
		l.log.Warn("isolated: nobody is heard", "domain", g.domain, "view", s.number)
	case Rejoined:
		l.log.Info("no longer isolated", "domain", g.domain, "view", s.number)
	}
}
