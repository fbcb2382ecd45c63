package prometheus

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
)

// hostile is what a member may call itself.
const hostile = "a\"b\nc\\d</script>{x=\"y\"} 1\n"

type counts membership.Stats

func (c counts) Stats() membership.Stats { return membership.Stats(c) }

// lint has the names checked, and returns how many metrics there are.
func lint(t *testing.T, c prometheus.Collector) int {
	t.Helper()
	problems, err := testutil.CollectAndLint(c)
	require.NoError(t, err)
	require.Empty(t, problems)
	return testutil.CollectAndCount(c)
}

func TestNode(t *testing.T) {
	c := New(Options{Node: counts{Links: 3, BeatsSent: 7, TurnedAway: 2}})
	require.Equal(t, 12, lint(t, c), "every count but that of own members, which is that of its group")
	require.NoError(t, testutil.CollectAndCompare(c, strings.NewReader(`
# HELP tribes_node_links Links to other nodes.
# TYPE tribes_node_links gauge
tribes_node_links 3
# HELP tribes_node_heartbeats_sent_total Heartbeats sent.
# TYPE tribes_node_heartbeats_sent_total counter
tribes_node_heartbeats_sent_total 7
`), "tribes_node_links", "tribes_node_heartbeats_sent_total"))
}

func TestGroupsAndEvents(t *testing.T) {
	feed := membership.NewFeed(hostile)
	defer feed.Close()
	c := New(Options{Groups: func() []Group { return []Group{feed} }})
	members := []membership.Member{
		{ID: membership.ID{1}, Name: hostile, Domain: hostile, Address: "a:1", State: membership.Alive},
		{ID: membership.ID{2}, Name: hostile, Domain: hostile, Address: "a:2", State: membership.Suspect, Unreachable: true},
	}
	feed.Publish(members, nil)
	for change := range feed.Changes(t.Context()) {
		c.Count(change)
		if change.View.Len() == 1 {
			break
		}
		feed.Publish(members[:1], map[membership.ID]membership.Cause{{2}: membership.CauseCrashed})
	}
	require.Positive(t, lint(t, c))
	require.NoError(t, testutil.CollectAndCompare(c, strings.NewReader(`
# HELP tribes_group_members Members in the current view, by state.
# TYPE tribes_group_members gauge
tribes_group_members{domain="a\"b\nc\\d</script>{x=\"y\"} 1\n",state="alive"} 1
tribes_group_members{domain="a\"b\nc\\d</script>{x=\"y\"} 1\n",state="draining"} 0
tribes_group_members{domain="a\"b\nc\\d</script>{x=\"y\"} 1\n",state="leaving"} 0
tribes_group_members{domain="a\"b\nc\\d</script>{x=\"y\"} 1\n",state="suspect"} 0
`), "tribes_group_members"), "a domain's name stays one label")
	require.Equal(t, 2, testutil.CollectAndCount(c, "tribes_group_events_total"), "added as joined, removed as crashed")
}

func TestDomainsWithEventsAreBounded(t *testing.T) {
	c := New(Options{Domains: 3})
	for i := range 10 {
		feed := membership.NewFeed(fmt.Sprint("d", i))
		feed.Publish([]membership.Member{{ID: membership.ID{1}, Address: "a:1", State: membership.Alive}}, nil)
		for change := range feed.Changes(t.Context()) {
			c.Count(change)
			break
		}
		feed.Close()
	}
	require.Equal(t, 4, lint(t, c), "three domains, and all others together")
}

func TestTextThatIsNoUTF8DoesNotSpoilTheScrape(t *testing.T) {
	feed := membership.NewFeed("a\xffb")
	defer feed.Close()
	c := New(Options{Groups: func() []Group { return []Group{feed} }})
	require.Positive(t, lint(t, c))
}

// memberAt makes the stats of a member.
func memberAt(n byte, succeeded, broken uint64) upstream.MemberStats {
	return upstream.MemberStats{
		Member: membership.Member{ID: membership.ID{n}}, Address: fmt.Sprintf("h:%d", n), InFlight: 1, Share: 1 / float64(n),
		Succeeded: succeeded, Broken: broken,
	}
}

// value reads one metric of a member.
func value(t *testing.T, c prometheus.Collector, name, member, outcome string) (float64, bool) {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got := map[string]string{}
			for _, l := range m.GetLabel() {
				got[l.GetName()] = l.GetValue()
			}
			if f.GetName() == name && got["member"] == member && got["outcome"] == outcome {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue(), true
			}
		}
	}
	return 0, false
}

func TestMembersOfPoolsAreBounded(t *testing.T) {
	stats := upstream.Stats{Domain: "d", Requests: 100, Repeats: 4}
	c := New(Options{Members: 2, Pools: func() []Pool {
		return []Pool{{Stats: func() upstream.Stats { return stats }}, {Stats: func() upstream.Stats { return stats }}}
	}})
	ended := func(member string) float64 {
		v, ok := value(t, c, "tribes_pool_member_requests_total", member, "succeeded")
		if !ok {
			return -1
		}
		return v
	}
	stats.Members = []upstream.MemberStats{memberAt(1, 10, 1), memberAt(2, 20, 0), memberAt(3, 30, 0), memberAt(4, 40, 0)}
	lint(t, c)
	require.Equal(t, 10.0, ended("h:1"))
	require.Equal(t, 20.0, ended("h:2"))
	require.Equal(t, 70.0, ended(other), "those without a label of their own")
	require.Equal(t, -1.0, ended("h:3"))
	share, _ := value(t, c, "tribes_pool_member_share_ratio", other, "")
	require.InDelta(t, 0.25, share, 1e-9, "the least of them")

	// 1 goes, so that 3 gets its label; what 3 had under "other" stays there.
	stats.Members = []upstream.MemberStats{memberAt(2, 21, 0), memberAt(3, 33, 0), memberAt(4, 44, 0), memberAt(5, 5, 0)}
	require.Equal(t, 21.0, ended("h:2"), "a label stays with its member")
	require.Equal(t, 3.0, ended("h:3"))
	require.Equal(t, 79.0, ended(other))
	require.Equal(t, -1.0, ended("h:1"))

	// 4 goes: what it had stays counted. 5 came back and is counted anew.
	stats.Members = []upstream.MemberStats{memberAt(2, 21, 0), memberAt(3, 33, 0), memberAt(5, 2, 0)}
	require.Equal(t, 81.0, ended(other), "a counter never goes back")
	v, _ := value(t, c, "tribes_pool_requests_total", "", "")
	require.Equal(t, 100.0, v, "two pools of one name are told once")
}

func TestNoMemberHasALabelOfItsOwnIfNoneIsWanted(t *testing.T) {
	stats := upstream.Stats{Domain: "d", Members: []upstream.MemberStats{memberAt(1, 10, 1)}}
	c := New(Options{Members: -1, Pools: func() []Pool { return []Pool{{Stats: func() upstream.Stats { return stats }}} }})
	v, ok := value(t, c, "tribes_pool_member_requests_total", other, "broken")
	require.True(t, ok)
	require.Equal(t, 1.0, v)
}
