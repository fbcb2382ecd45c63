package membership

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
	"github.com/gotribes/tribes/wka"
)

// helloDomains bounds the names of all domains together, in bytes with four
// more for each: they must fit into the first frame of a handshake.
const helloDomains = 12 << 10

// copied returns a Config that shares nothing changeable with c.
func (c Config) copied() Config {
	c.Manage = slices.Clone(c.Manage)
	c.WellKnown = slices.Clone(c.WellKnown)
	c.Properties = maps.Clone(c.Properties)
	c.Keys = slices.Clone(c.Keys)
	if c.TLS != nil {
		c.TLS = c.TLS.Clone()
	}
	return c
}

// check looks at everything but the addresses of this node, and returns the
// parsed well-known addresses.
func (c *Config) check() ([]wka.Entry, error) {
	for _, f := range []struct{ field, value string }{
		{"Config.Cluster", c.Cluster}, {"Config.Name", c.Name}, {"Config.Domain", c.Domain}, {"Config.SubDomain", c.SubDomain},
	} {
		if err := checkText(f.field, f.value); err != nil {
			return nil, err
		}
	}
	if c.Domain == "" || c.Domain == anyDomain {
		return nil, &ConfigError{"Config.Domain", quote(c.Domain),
			"the name of the group that this node belongs to, 1 to 255 bytes and not \"*\""}
	}
	if err := c.checkManage(); err != nil {
		return nil, err
	}
	if err := checkProperties("Config.Properties", c.Properties); err != nil {
		return nil, err
	}
	if err := c.checkFigures(); err != nil {
		return nil, err
	}
	if err := c.checkSecurity(); err != nil {
		return nil, err
	}
	if len(c.WellKnown) == 0 && c.Discover == nil {
		return nil, &ConfigError{"Config.WellKnown", "empty", "at least one host:port where the group is found, or Config.Discover; " +
			"a node that is to start a group alone names its own address"}
	}
	entries, err := c.WellKnown.Parse()
	if err != nil {
		return nil, &ConfigError{"Config.WellKnown", quote(strings.Join(c.WellKnown, ",")), "addresses that can be dialled: " + err.Error()}
	}
	return entries, nil
}

// checkFigures looks at times and bounds.
func (c *Config) checkFigures() error {
	switch beat, drop := c.heartbeat(), c.dropTime(); {
	case beat < leastHeartbeat || beat > mostHeartbeat:
		return &ConfigError{"Config.HeartbeatInterval", beat.String(),
			fmt.Sprintf("%v to %v, or 0 for %v", leastHeartbeat, mostHeartbeat, defaultHeartbeat)}
	case drop < dropBeats*beat || drop > mostDropTime:
		return &ConfigError{"Config.MemberDropTime", drop.String(), fmt.Sprintf("%v (%d × HeartbeatInterval) to %v, or 0 for the default",
			dropBeats*beat, dropBeats, time.Duration(mostDropTime))}
	case c.maxDomains() < 1 || c.maxDomains() > mostDomains:
		return &ConfigError{"Config.MaxDomains", fmt.Sprint(c.MaxDomains), fmt.Sprintf("1 to %d, or 0 for %d", mostDomains, defaultDomains)}
	case c.maxMembers() < 2 || c.maxMembers() > mostMembers:
		return &ConfigError{"Config.MaxMembers", fmt.Sprint(c.MaxMembers), fmt.Sprintf("2 to %d, or 0 for %d", mostMembers, defaultMembers)}
	}
	return nil
}

func (c *Config) checkManage() error {
	names, _ := c.managed()
	bytes := len(c.Domain)
	for i, d := range c.Manage {
		if d == "" {
			return &ConfigError{fmt.Sprintf("Config.Manage[%d]", i), quote(d), "the name of a domain, or \"*\" for any"}
		}
		if err := checkText(fmt.Sprintf("Config.Manage[%d]", i), d); err != nil {
			return err
		}
		bytes += len(d) + 4
	}
	switch {
	case len(names) > c.maxDomains():
		return &ConfigError{"Config.Manage", fmt.Sprintf("%d domains", len(names)),
			fmt.Sprintf("at most %d, the value of Config.MaxDomains", c.maxDomains())}
	case bytes > helloDomains:
		return &ConfigError{"Config.Manage", fmt.Sprintf("names of %d bytes", bytes),
			fmt.Sprintf("at most %d bytes in all; shorten the names", helloDomains)}
	}
	return nil
}

// managed returns the further domains, each once, and whether any is followed.
func (c *Config) managed() (names []string, any bool) {
	for _, d := range c.Manage {
		switch {
		case d == anyDomain:
			any = true
		case d != c.Domain && !slices.Contains(names, d):
			names = append(names, d)
		}
	}
	return names, any
}

// checkText looks at a name: it must fit on the wire and into a line of a log.
func checkText(field, s string) error {
	switch {
	case len(s) > wire.MaxText:
		return &ConfigError{field, fmt.Sprintf("%d bytes", len(s)), fmt.Sprintf("at most %d bytes", wire.MaxText)}
	case !utf8.ValidString(s), strings.ContainsFunc(s, unicode.IsControl):
		return &ConfigError{field, quote(s), "UTF-8 text without control characters"}
	}
	return nil
}

func checkProperties(field string, p map[string]string) error {
	sum := 0
	for _, k := range slices.Sorted(maps.Keys(p)) {
		v := p[k]
		sum += len(k) + len(v)
		switch {
		case k == "":
			return &ConfigError{field, "an empty key", "a name for each property"}
		case !utf8.ValidString(k) || !utf8.ValidString(v):
			return &ConfigError{field, quote(k), "keys and values in UTF-8"}
		}
	}
	switch {
	case len(p) > wire.MaxProperties:
		return &ConfigError{field, fmt.Sprintf("%d properties", len(p)), fmt.Sprintf("at most %d", wire.MaxProperties)}
	case sum > wire.MaxPropertySum:
		return &ConfigError{field, fmt.Sprintf("%d bytes of keys and values", sum), fmt.Sprintf("at most %d (16 KiB)", wire.MaxPropertySum)}
	}
	return nil
}

// checkAdvertise returns the address that others dial, in its usual notation.
func checkAdvertise(field, address string) (string, error) {
	want := "host:port that others can dial, with a port from 1 to 65535"
	entries, err := wka.List{address}.Parse()
	if err != nil {
		problem := err.Error()
		if i := strings.LastIndex(problem, ": "); i >= 0 {
			problem = problem[i+2:]
		}
		return "", &ConfigError{field, quote(address), want + " (" + problem + ")"}
	}
	if kind := entries[0].Kind(); kind != wka.Literal && kind != wka.Name {
		return "", &ConfigError{field, quote(address), want}
	}
	if err := checkText(field, entries[0].String()); err != nil {
		return "", err
	}
	return entries[0].String(), nil
}

// listen returns the node's listener and the address that it advertises. On an
// error the listener is closed.
func (c *Config) listen() (ln net.Listener, advertise string, err error) {
	ln = c.Listener
	defer func() {
		if err != nil && ln != nil {
			_ = ln.Close()
			ln = nil
		}
	}()
	switch {
	case c.Advertise != "":
		advertise, err = checkAdvertise("Config.Advertise", c.Advertise)
	case ln == nil:
		err = &ConfigError{"Config.Advertise", "empty", "host:port that others can dial, or a Config.Listener"}
	default:
		advertise, err = checkAdvertise("Config.Advertise (empty, so the address of Config.Listener)", ln.Addr().String())
	}
	if err != nil {
		return ln, "", err
	}
	if ln == nil {
		if ln, err = net.Listen("tcp", advertise); err != nil {
			return nil, "", fmt.Errorf("listening on the advertised address %s, as no other listener is given: %w", advertise, err)
		}
	}
	return ln, advertise, c.checkExposure(ln)
}

// checkSecurity looks at keys and certificates.
func (c *Config) checkSecurity() error {
	switch err := transport.CheckKeys(c.Keys); {
	case err != nil:
		return &ConfigError{"Config.Keys", fmt.Sprintf("%d keys", len(c.Keys)), "up to 16 cluster keys, each once: " + err.Error()}
	case len(c.Keys) > 0 && c.TLS != nil:
		return &ConfigError{"Config.Keys", fmt.Sprintf("%d keys", len(c.Keys)),
			"no keys together with Config.TLS: links use one or the other"}
	case c.Bind > transport.BindName:
		return &ConfigError{"Config.Bind", c.Bind.String(), "transport.BindNothing, BindAddress or BindName"}
	case c.Bind != transport.BindNothing && c.TLS == nil:
		return &ConfigError{"Config.Bind", c.Bind.String(), "Config.TLS as well, whose certificates it is about"}
	}
	if c.TLS != nil {
		if err := transport.CheckTLS(c.TLS); err != nil {
			return &ConfigError{"Config.TLS", "not fit for links", "that both sides verify each other: " + err.Error()}
		}
	}
	return nil
}

// secured says that links are encrypted and strangers kept out.
func (c *Config) secured() bool { return len(c.Keys) > 0 || c.TLS != nil }

// checkExposure refuses a listener that strangers may reach, unless they are
// kept out or Insecure is set. Listeners that are not TCP's are taken for what
// only this process can reach.
func (c *Config) checkExposure(ln net.Listener) error {
	if c.Insecure || c.secured() || !exposed(ln) {
		return nil
	}
	return &ConfigError{"Config.Listener", ln.Addr().String(), "an address on loopback, or one of three settings: " +
		"Config.Keys (a cluster key that all nodes share), Config.TLS (certificates of your own), " +
		"or Config.Insecure (nothing is encrypted, and anybody who reaches the address can join)"}
}

// exposed says that a listener can be reached from other hosts.
func exposed(ln net.Listener) bool {
	tcp, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		return false
	}
	ip, ok := netip.AddrFromSlice(tcp.IP)
	return !ok || !ip.Unmap().IsLoopback()
}

// quote makes a value fit for an error message, however long it is.
func quote(s string) string {
	const most = 100
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
