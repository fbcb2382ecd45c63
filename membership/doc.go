// Package membership lets processes find each other and know, at any time,
// who is there: a load balancer and its nodes, the workers of a job, the
// replicas of a store.
//
// A process that calls [Join] becomes a node. It belongs to one domain, of
// which it is a member, and may follow others, of which it is then a manager,
// as a load balancer does. For each of them it keeps a [Group]: the current
// [View], and every [Change] to it.
//
//	node, err := membership.Join(ctx, membership.Config{
//		Domain:    "wso2.is.domain",
//		Advertise: "127.0.0.1:4100",
//		WellKnown: wka.List{"127.0.0.1:4000"},
//	})
//	if err != nil {
//		return err
//	}
//	defer node.Leave(context.Background())
//	for event := range node.Own().Events(ctx) {
//		log.Print(event) // added 127.0.0.1:4200 (joined)
//	}
//
// # Views and changes
//
// A view is an immutable picture. Changes are what differs between two of
// them, worked out for each subscriber when it is ready for it: a slow one
// neither holds up the node, nor costs memory, nor misses the final state. It
// sees fewer and larger steps. Adding up the events of a subscription always
// gives its view.
//
// # Leaving
//
// [Node.Leave] tells the managers first and waits until their applications have
// taken it in, so that a server can be stopped without an error at a client.
// [Node.Close] just ends: the others find out.
//
// # Security
//
// With [Config.Keys] or [Config.TLS] every link is TLS 1.3, and only who has a
// cluster key or a certificate gets in. A listener beyond loopback needs one of
// them, or [Config.Insecure]. Keys change without a restart: [Node.SetKeys].
// What strangers and members can do is in docs/SECURITY.md.
//
// # Concurrency
//
// All methods may be called by many goroutines at once, and from inside the
// loops over [Group.Changes] and [Group.Events]. The functions of a [Config]
// are called by goroutines of the node.
package membership
