package wka_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/gotribes/tribes/wka"
)

// A list is checked once; its entries are looked up whenever they are needed.
func Example() {
	entries, err := wka.List{"10.0.0.1:4000", "members.example:4000"}.Parse()
	if err != nil {
		fmt.Println(err)
		return
	}
	resolver := wka.Resolver{ // a zero Resolver asks the system's name servers
		LookupHost: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("10.0.0.3"), netip.MustParseAddr("10.0.0.2")}, nil
		},
	}
	for _, entry := range entries {
		addresses, err := resolver.Resolve(context.Background(), entry)
		fmt.Println(entry, addresses, err)
	}
	// Output:
	// 10.0.0.1:4000 [10.0.0.1:4000] <nil>
	// members.example:4000 [10.0.0.2:4000 10.0.0.3:4000] <nil>
}

// A typing error is told at start, with what to change.
func ExampleList_Parse() {
	_, err := wka.List{"members.example:4000", "10.0.0.1"}.Parse()
	fmt.Println(err)
	// Output:
	// well-known address 1 "10.0.0.1": no port; want host:port, srv+name or file:path
}
