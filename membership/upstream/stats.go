package upstream

import (
	"cmp"
	"slices"

	"github.com/gotribes/tribes/membership"
)

// Stats are a pool's counts since it was made, and figures as they are now.
type Stats struct {
	Domain   string        // "" before the first change
	Isolated bool          // this process hears nobody: the members are the last known
	Requests uint64        // of Transport and Dial; what Pick gave out is with the members alone
	Repeats  uint64        // of these, sent to another member
	Members  []MemberStats // sorted by address; who is gone is not among them
}

// MemberStats are the counts of one member. Those of a member that comes back
// after it was dropped begin anew.
type MemberStats struct {
	Member   membership.Member // as last seen
	Address  string            // host:port of its server
	InFlight int               // requests
	Waiting  int               // of these, without the first byte of an answer
	Share    float64           // of its part of the requests, 0 to 1: 0 is passed over, below 1 is new or returning
	Weight   int               // 0 to 1000
	// How requests have ended; see Outcome.
	Succeeded, Failed, Unreachable, Broken, Abandoned uint64
}

// A Server is where a member of a pool serves.
type Server struct {
	Member  membership.Member // as last seen
	Address string            // host:port
}

// Servers returns all servers that may get requests, draining ones too, sorted
// by address, and a channel that is closed when that may have changed. It is for
// adapters that keep connections of their own. The channel stays open when the
// pool ends: see Done.
func (p *Pool) Servers() ([]Server, <-chan struct{}) {
	tb := p.table.Load()
	list := make([]Server, 0, len(tb.byID))
	for _, t := range tb.byID {
		if m := *t.member.Load(); m.State != membership.Leaving {
			list = append(list, Server{m, t.address})
		}
	}
	slices.SortFunc(list, func(a, b Server) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), a.Member.ID.Compare(b.Member.ID))
	})
	return list, tb.stale
}

// Stats returns the pool's counts. Those of a request that is just ending may be
// counted in part.
func (p *Pool) Stats() Stats {
	tb := p.table.Load()
	s := Stats{Domain: tb.domain, Isolated: tb.isolated, Requests: p.budget.requests.Load(), Repeats: p.budget.repeats.Load()}
	for _, t := range tb.byID {
		load := t.load.Load()
		s.Members = append(s.Members, MemberStats{
			Member: *t.member.Load(), Address: t.address,
			InFlight: int(inFlight(load)), Waiting: int(load & waitingMask),
			Share: float64(t.share.Load()) / fullShare, Weight: int(t.weight.Load()),
			Succeeded: t.outcomes[Succeeded].Load(), Failed: t.outcomes[Failed].Load(),
			Unreachable: t.outcomes[Unreachable].Load(), Broken: t.outcomes[Broken].Load(), Abandoned: t.outcomes[Abandoned].Load(),
		})
	}
	slices.SortFunc(s.Members, func(a, b MemberStats) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), a.Member.ID.Compare(b.Member.ID))
	})
	return s
}
