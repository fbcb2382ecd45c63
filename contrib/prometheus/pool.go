package prometheus

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
)

// The metrics of a pool.
var (
	poolServers  = desc("pool_members", "Members that requests may go to.", "domain", "pool")
	poolRequests = desc("pool_requests_total", "Requests that were given to the pool.", "domain", "pool")
	poolRepeats  = desc("pool_repeats_total", "Of these, sent to another member.", "domain", "pool")
	memberEnded  = desc("pool_member_requests_total", "Requests that have ended, by member and outcome.",
		"domain", "pool", "member", "outcome")
	memberFlight = desc("pool_member_requests_in_flight", "Requests that a member has.", "domain", "pool", "member")
	memberShare  = desc("pool_member_share_ratio", "A member's part of its share of requests: 0 is passed over, below 1 is new "+
		"or returning; of \"other\" the least.", "domain", "pool", "member")
)

// A poolKey tells pools apart.
type poolKey struct{ domain, name string }

// outcomes are the counts of a member, by upstream.Outcome.
type outcomes [upstream.Abandoned + 1]uint64

// poolCounts is what was read of a pool before. Counts of members that share a
// label are added up from what has come since, as the members come and go.
type poolCounts struct {
	labels map[membership.ID]string // of those that have one of their own
	before map[membership.ID]outcomes
	sums   map[string]*outcomes // by label
}

// collectPools tells all pools, and forgets those that are gone.
func (c *Collector) collectPools(pools []Pool, out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	here := map[poolKey]*poolCounts{}
	for _, p := range pools {
		s := p.Stats()
		key := poolKey{s.Domain, p.Name}
		if here[key] != nil {
			continue // two of one name would have the scrape fail
		}
		counts := c.pools[key]
		if counts == nil {
			counts = &poolCounts{sums: map[string]*outcomes{}}
		}
		here[key] = counts
		counts.collect(key, &s, c.options.Members, out)
	}
	c.pools = here
}

// collect tells one pool.
func (p *poolCounts) collect(key poolKey, s *upstream.Stats, most int, out chan<- prometheus.Metric) {
	send(out, poolServers, prometheus.GaugeValue, float64(len(s.Members)), key.domain, key.name)
	send(out, poolRequests, prometheus.CounterValue, float64(s.Requests), key.domain, key.name)
	send(out, poolRepeats, prometheus.CounterValue, float64(s.Repeats), key.domain, key.name)
	flight, share := p.take(s.Members, most)
	for label, sum := range p.sums {
		if _, here := flight[label]; !here && label != other {
			delete(p.sums, label) // that member is gone
			continue
		}
		for o, n := range sum {
			send(out, memberEnded, prometheus.CounterValue, float64(n), key.domain, key.name, label, upstream.Outcome(o).String())
		}
	}
	for label, n := range flight {
		send(out, memberFlight, prometheus.GaugeValue, float64(n), key.domain, key.name, label)
		send(out, memberShare, prometheus.GaugeValue, share[label], key.domain, key.name, label)
	}
}

// take adds up what has come since.
func (p *poolCounts) take(members []upstream.MemberStats, most int) (flight map[string]int, share map[string]float64) {
	flight, share = map[string]int{}, map[string]float64{}
	p.label(members, most)
	before := p.before
	p.before = map[membership.ID]outcomes{}
	for i := range members {
		m := &members[i]
		now := outcomes{m.Succeeded, m.Failed, m.Unreachable, m.Broken, m.Abandoned}
		id := m.Member.ID
		label, own := p.labels[id]
		if !own {
			label = other
		}
		sum := p.sums[label]
		if sum == nil {
			sum = &outcomes{}
			p.sums[label] = sum
		}
		last := before[id]
		for o := range now {
			if now[o] < last[o] {
				last[o] = 0 // it came back and was counted anew
			}
			sum[o] += now[o] - last[o]
		}
		p.before[id] = now
		flight[label] += m.InFlight
		if old, is := share[label]; !is || m.Share < old {
			share[label] = m.Share
		}
	}
	return flight, share
}

// label gives labels to those who came first, and takes them from those who are
// gone. A label is the address of the member's server, which only one member has
// at a time.
func (p *poolCounts) label(members []upstream.MemberStats, most int) {
	labels, used := map[membership.ID]string{}, map[string]bool{other: true}
	for i := range members {
		if l, ok := p.labels[members[i].Member.ID]; ok && !used[l] {
			labels[members[i].Member.ID], used[l] = l, true
		}
	}
	for i := range members {
		m := &members[i]
		if _, has := labels[m.Member.ID]; !has && len(labels) < most && !used[m.Address] {
			labels[m.Member.ID], used[m.Address] = m.Address, true
		}
	}
	p.labels = labels
}
