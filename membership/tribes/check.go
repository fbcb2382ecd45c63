package tribes

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// checked returns c with everything set, or a *membership.ConfigError.
func (c Config) checked() (Config, error) {
	bad := func(field string, value any, want string) (Config, error) {
		return c, &membership.ConfigError{Field: "Config." + field, Value: fmt.Sprintf("%q", fmt.Sprint(value)), Want: want}
	}
	if c.Mode > Axis2 {
		return bad("Mode", uint8(c.Mode), "Static, Service or Axis2")
	}
	if c.Coordinator > CoordinatorOff {
		return bad("Coordinator", uint8(c.Coordinator), "CoordinatorAuto, CoordinatorOn or CoordinatorOff")
	}
	if c.Advertise == "" && c.Listener != nil {
		c.Advertise = c.Listener.Addr().String()
	}
	if a, err := netip.ParseAddrPort(c.Advertise); err != nil || a.Port() == 0 || a.Addr().IsUnspecified() || a.Addr().Zone() != "" {
		return bad("Advertise", c.Advertise, "the IP address and port that others dial, as 10.0.0.9:4000")
	}
	if len(c.Domain) > mostDomain {
		return bad("Domain", c.Domain, fmt.Sprintf("at most %d bytes", mostDomain))
	}
	if len(c.Manage) > 0 && c.Mode != Axis2 || len(c.Manage) > mostManaged {
		return bad("Manage", c.Manage, fmt.Sprintf("at most %d domains, and none unless Mode is Axis2", mostManaged))
	}
	for i, d := range c.Manage {
		if d == "" || len(d) > mostDomain || d == c.Domain {
			return bad(fmt.Sprintf("Manage[%d]", i), d, fmt.Sprintf("a domain of 1 to %d bytes that is not Config.Domain", mostDomain))
		}
	}
	if c.Mode == Axis2 && c.UID != (wire.UID{}) {
		return bad("UID", c.UID, "zero, as every member of an Axis2 group has it")
	}
	if len(c.Peers) > mostPeers {
		return bad("Peers", len(c.Peers), fmt.Sprintf("at most %d", mostPeers))
	}
	for i, p := range c.Peers {
		if _, _, err := splitAddress(p.Address); err != nil {
			return bad(fmt.Sprintf("Peers[%d].Address", i), p.Address, "host:port with a port from 1 to 65535")
		}
	}
	c, err := c.checkedBounds()
	if err != nil {
		return c, err
	}
	c.Manage, c.Peers = slices.Clone(c.Manage), slices.Clone(c.Peers)
	c.Properties, c.Calls = maps.Clone(c.Properties), maps.Clone(c.Calls)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Channel == "" {
		c.Channel = defaultChannel
	}
	if c.Resolve == nil {
		c.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if _, err := wire.AppendMember(nil, c.self(time.Now())); err != nil {
		return bad("Properties", len(c.Properties), "less than 64 KiB with the domain: "+err.Error())
	}
	return c, nil
}

// checkedBounds sets and checks durations and counts.
func (c Config) checkedBounds() (Config, error) {
	for _, d := range []struct {
		field       string
		v           *time.Duration
		unset       time.Duration
		least, most time.Duration
	}{
		{"ProbeInterval", &c.ProbeInterval, defaultProbeInterval, leastDuration, mostDuration},
		{"ProbeTimeout", &c.ProbeTimeout, defaultProbeTimeout, leastDuration, mostDuration},
		{"ReadTimeout", &c.ReadTimeout, defaultReadTimeout, leastDuration, mostDuration},
		{"AckTimeout", &c.AckTimeout, defaultAckTimeout, leastDuration, mostDuration},
		{"Expiry", &c.Expiry, max(defaultExpiry, 2*c.ProbeInterval), 2 * c.ProbeInterval, mostExpiry},
	} {
		if *d.v == 0 {
			*d.v = d.unset
		}
		// Expiry's bound counts only where it is used.
		if *d.v < max(d.least, leastDuration) || *d.v > d.most {
			return c, &membership.ConfigError{Field: "Config." + d.field, Value: strconv.Quote(d.v.String()),
				Want: fmt.Sprintf("%v to %v", max(d.least, leastDuration), d.most)}
		}
	}
	for _, n := range []struct {
		field              string
		v                  *int
		unset, least, most int
	}{
		{"MaxMembers", &c.MaxMembers, defaultMembers, 2, mostMembers},
		{"MaxMessage", &c.MaxMessage, defaultMessage, leastMessage, mostMessage},
	} {
		if *n.v == 0 {
			*n.v = n.unset
		}
		if *n.v < n.least || *n.v > n.most {
			return c, &membership.ConfigError{Field: "Config." + n.field, Value: strconv.Quote(strconv.Itoa(*n.v)),
				Want: fmt.Sprintf("%d to %d", n.least, n.most)}
		}
	}
	return c, nil
}

// splitAddress splits host:port.
func splitAddress(address string) (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || host == "" {
		return "", 0, fmt.Errorf("%q is not host:port", address)
	}
	return host, uint16(n), nil
}

// address returns the configured address.
func (c *Config) address() netip.AddrPort { return netip.MustParseAddrPort(c.Advertise) }

// self makes the member block of the node, in the layout of 7.0.
func (c *Config) self(now time.Time) wire.Member {
	a := netip.MustParseAddrPort(c.Advertise)
	m := wire.Member{
		Alive: now.UnixMilli(), Host: a.Addr(), Port: int(a.Port()), SecurePort: wire.None, UDPPort: wire.None,
		Domain: c.Domain, UID: c.UID,
	}
	if len(c.Properties) > 0 {
		m.Payload = wire.FormatProperties(c.Properties, now)
	}
	return m
}

// resolved returns the peers with the addresses of their names, without the
// node itself, and each address once.
func (c *Config) resolved(ctx context.Context) (map[netip.AddrPort]*Peer, error) {
	out := map[netip.AddrPort]*Peer{}
	for i := range c.Peers {
		p := &c.Peers[i]
		host, port, _ := splitAddress(p.Address) // checked before
		addr, err := netip.ParseAddr(host)
		if err != nil {
			list, err := c.Resolve(ctx, host)
			if err != nil || len(list) == 0 {
				return nil, fmt.Errorf("peer %q: its name cannot be resolved: %w", p.Address, err)
			}
			addr = list[0].Unmap()
		}
		if a := netip.AddrPortFrom(addr, port); a != c.address() {
			out[a] = p
		}
	}
	return out, nil
}
