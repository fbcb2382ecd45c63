package membership_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport/memnet"
	"github.com/gotribes/tribes/wka"
)

// on returns a Config for a node at a host of a network in memory; a real one
// leaves Listener and Dial out and names its address in Advertise.
func on(network *memnet.Network, host, domain string) membership.Config {
	ln, err := network.Listen(host + ":4000")
	if err != nil {
		panic(err)
	}
	return membership.Config{
		Domain: domain, WellKnown: wka.List{"10.0.0.1:4000"},
		Listener: ln, Dial: network.Host(host).DialContext,
	}
}

// A load balancer follows the domain of its nodes without belonging to it.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	network := memnet.New()

	cfg := on(network, "10.0.0.1", "wso2.carbon.lb.domain")
	cfg.Manage = []string{"wso2.is.domain"}
	balancer, err := membership.Join(ctx, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = balancer.Close() }()

	cfg = on(network, "10.0.0.2", "wso2.is.domain")
	cfg.Properties = map[string]string{"httpPort": "9763"}
	node, err := membership.Join(ctx, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	nodes, _ := balancer.Group("wso2.is.domain")
	for event := range nodes.Events(ctx) {
		fmt.Println(event, event.Member.Property("httpPort"))
		if event.Kind == membership.MemberAdded {
			go func() { _, _ = node.Leave(ctx) }()
		}
		if event.Kind == membership.MemberRemoved {
			break
		}
	}
	// Output:
	// added 10.0.0.2:4000 (joined) 9763
	// leaving 10.0.0.2:4000 9763
	// removed 10.0.0.2:4000 (left) 9763
}

// A failed join says what each well-known address has answered.
func ExampleJoin_refused() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	network := memnet.New()
	first, err := membership.Join(ctx, on(network, "10.0.0.1", "orders"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = first.Close() }()

	cfg := on(network, "10.0.0.2", "orders")
	cfg.Cluster = "test"
	_, err = membership.Join(ctx, cfg)
	fmt.Println(err)
	// Output:
	// join domain "orders": 10.0.0.1:4000: wrong cluster: 10.0.0.1:4000 belongs to cluster "default", the other side to "test"
}

// A program that does not want a goroutine for each group selects on the view.
func ExampleView_Stale() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	node, err := membership.Join(ctx, on(memnet.New(), "10.0.0.1", "orders"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = node.Close() }()
	view := node.Own().View()
	if err := node.SetState(ctx, membership.Draining); err != nil {
		fmt.Println(err)
		return
	}
	select {
	case <-view.Stale():
		fmt.Println(node.Self().State)
	case <-ctx.Done():
	}
	// Output:
	// draining
}
