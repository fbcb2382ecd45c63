//go:build unix

package examples_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const crowd = 20

// view folds the events of the domain that a program has printed, and says
// when the last of them came.
func (p *proc) view(domain string) (members []string, last time.Time) {
	for _, l := range p.events() {
		if l.Domain != domain || l.Member == nil {
			continue
		}
		switch l.Event {
		case "memberAdded":
			members, last = append(members, l.Member.Address), l.arrived
		case "memberRemoved":
			members = slices.DeleteFunc(members, func(a string) bool { return a == l.Member.Address })
			last = l.arrived
		}
	}
	return members, last
}

// Twenty nodes and a balancer start at once and agree; ten nodes are killed at
// once and the others agree again. The bounds are wide, since all of it shares
// two processors with other tests; the log has the figures.
func TestTwentyNodesStartAtOnceAndTenAreKilledAtOnce(t *testing.T) {
	story(t)
	s := newSite(t)
	binary(t, "elb") // building them is not what is measured
	binary(t, "node")
	began := time.Now()
	all := []*proc{launch(t, "elb", "-advertise", s.member, "-wka", s.member, "-http", s.http, "-manage", isDomain, "-events")}
	for i := range crowd {
		all = append(all, s.node(fmt.Sprintf("n%d", i), isDomain, freeAddress(t), "127.0.0.1:0"))
	}
	agree := func(why string, procs []*proc, n int) (last time.Time) {
		s.until(why, func() bool {
			for _, p := range procs {
				members, at := p.view(isDomain)
				if len(members) != n {
					return false
				}
				if at.After(last) {
					last = at
				}
			}
			return true
		})
		return last
	}
	last := agree("all have one view", all, crowd)
	t.Logf("%d nodes and a balancer: one view %v after the first was started", crowd, last.Sub(began).Round(time.Millisecond))

	settle()
	killed := time.Now()
	for _, p := range all[1 : 1+crowd/2] {
		p.signal(syscall.SIGKILL)
	}
	rest := append(all[:1:1], all[1+crowd/2:]...)
	last = agree("the others have one view", rest, crowd/2)
	t.Logf("%d killed: one view of the rest %v after the first kill", crowd/2, last.Sub(killed).Round(time.Millisecond))
	most := 0
	for _, p := range rest {
		views := map[uint64]bool{}
		for _, l := range p.events() {
			if l.Domain == isDomain && l.Event == "memberRemoved" {
				require.Contains(t, []string{"crashed", "silent"}, l.Cause)
				views[l.View] = true
			}
		}
		most = max(most, len(views))
	}
	t.Logf("shown in at most %d changes", most)
	require.LessOrEqual(t, most, crowd/4, "not one change a death")
}
