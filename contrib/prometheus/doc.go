// Package prometheus has Prometheus read what a node, its groups and its pools
// know of themselves. It is for any program that embeds the library:
//
//	import tribesprom "github.com/gotribes/tribes/contrib/prometheus"
//
//	c := tribesprom.New(tribesprom.Options{
//		Node:   node,
//		Groups: func() []tribesprom.Group { return []tribesprom.Group{nodes} },
//		Pools:  func() []tribesprom.Pool { return []tribesprom.Pool{{Stats: pool.Stats}} },
//	})
//	prometheus.MustRegister(c)
//	go func() {
//		for change := range nodes.Changes(ctx) {
//			c.Count(change) // tribes_group_events_total
//		}
//	}()
//
// All names begin with tribes_. What comes from the network as a label is bounded
// in number: see Options.Members, and Options.Domains for domains.
package prometheus
