package prometheus

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
)

// A Group is what is read of a domain. A *membership.Group is one, a
// *tribes.Group too.
type Group interface {
	Domain() string
	View() membership.View
}

// A Pool is a pool of members that requests go to.
type Pool struct {
	Name  string                // tells several pools of one domain apart: a sub-domain, say
	Stats func() upstream.Stats // that of an *upstream.Pool
}

// Options say what is read. What is nil is left out.
type Options struct {
	// Node is a *membership.Node, or anything with its counts.
	Node interface{ Stats() membership.Stats }
	// Groups gives the groups. It is called for each scrape.
	Groups func() []Group
	// Pools gives the pools. It is called for each scrape.
	Pools func() []Pool
	// Members bounds the members of a pool that have a label of their own: those
	// that came first, until they go. What the others have is added up under the
	// label "other". 0 is 50; negative: all are "other".
	Members int
	// Domains bounds the domains whose events are told apart; those of further
	// ones are added up under the label "other". 0 is 256.
	Domains int
}

// Defaults of Options.
const (
	defaultMembers = 50
	defaultDomains = 256
)

// other is the label of what has none of its own.
const other = "other"

// A Collector is a prometheus.Collector. Its methods may be called by many
// goroutines.
type Collector struct {
	options Options

	mu     sync.Mutex // held for nothing that can block
	events map[eventKey]float64
	known  map[string]bool // domains with events of their own
	pools  map[poolKey]*poolCounts
}

// An eventKey is one kind of event of a domain.
type eventKey struct {
	domain string
	kind   membership.Kind
	cause  membership.Cause
}

// New makes a Collector; register it.
func New(o Options) *Collector {
	if o.Members == 0 {
		o.Members = defaultMembers
	}
	if o.Domains == 0 {
		o.Domains = defaultDomains
	}
	return &Collector{
		options: o, events: map[eventKey]float64{}, known: map[string]bool{}, pools: map[poolKey]*poolCounts{},
	}
}

// Count counts the events of a change. Call it in a loop over a group's Changes.
func (c *Collector) Count(change membership.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	domain := change.View.Domain()
	if !c.known[domain] {
		if len(c.known) < c.options.Domains {
			c.known[domain] = true
		} else {
			domain = other
		}
	}
	for _, e := range change.Events {
		c.events[eventKey{domain, e.Kind, e.Cause}]++
	}
}

// Describe says nothing of its metrics, which come and go with domains: the
// Collector is an unchecked one.
func (c *Collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads everything.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	if c.options.Node != nil {
		collectNode(c.options.Node.Stats(), out)
	}
	if c.options.Groups != nil {
		for _, g := range c.options.Groups() {
			collectGroup(g, out)
		}
	}
	if c.options.Pools != nil {
		c.collectPools(c.options.Pools(), out)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, n := range c.events {
		send(out, eventsTotal, prometheus.CounterValue, n, k.domain, k.kind.String(), k.cause.String())
	}
}

// send makes a metric. Labels may come from the network: what is no UTF-8 in
// them would have the whole scrape fail.
func send(out chan<- prometheus.Metric, d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\uFFFD")
	}
	out <- prometheus.MustNewConstMetric(d, t, v, labels...)
}

// desc describes a metric.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tribes_"+name, help, labels, nil)
}
