package membership

import (
	"context"
	"fmt"
	"net/netip"
)

// resolveTo knows one name.
func resolveTo(name, ip string) func(context.Context, string) ([]netip.Addr, error) {
	return func(_ context.Context, host string) ([]netip.Addr, error) {
		if host != name {
			return nil, fmt.Errorf("no such host: %s", host)
		}
		return []netip.Addr{netip.MustParseAddr(ip)}, nil
	}
}
