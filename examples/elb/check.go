package main

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/keystore"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/examples/internal/sticky"
)

// check finds what is missing or can be seen to be wrong without the library,
// and without the files that hold certificates and keys.
func (s *settings) check() error {
	switch {
	case s.advertise == "":
		return program.Missing("advertise", "want the host:port that members dial, as 127.0.0.1:4000")
	case len(s.wka) == 0:
		return program.Missing("wka", "want the host:port of a balancer, which may be this one, as 127.0.0.1:4000")
	case len(s.manage) == 0:
		return program.Missing("manage", "want the domains to balance, as wso2.is.domain, or *")
	}
	for _, f := range []struct{ name, address string }{
		{"http", s.http}, {"https", s.https}, {"admin", s.admin}, {"listen", s.listen},
	} {
		if f.address != "" {
			if err := program.Address(f.name, f.address); err != nil {
				return err
			}
		}
	}
	if s.http == "" && s.https == "" {
		return program.Missing("http", "want a host:port to serve on, or -https")
	}
	if s.maxHeader < 1 || s.maxConnections < 1 {
		return program.Bad("max-header", fmt.Sprint(s.maxHeader), "want -max-header and -max-connections of at least 1")
	}
	for _, check := range []func() error{s.checkAdmin, s.checkTLS, s.checkSticky, s.checkTrust, s.checkTribes, s.checkRoutes} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkAdmin looks at what an operator sees. An address without a host is that of
// this machine alone.
func (s *settings) checkAdmin() error {
	if strings.HasPrefix(s.admin, ":") {
		s.admin = "127.0.0.1" + s.admin
	}
	switch {
	case s.accessLog != "" && s.accessLog != "text" && s.accessLog != "json":
		return program.Bad("access-log", s.accessLog, "want text or json")
	case s.admin == "" && s.profiles:
		return program.Missing("admin", "-pprof is served there: want a host:port, as 127.0.0.1:8280")
	case s.admin == "" && s.readyMembers:
		return program.Missing("admin", "-ready-members is about /readyz there: want a host:port, as 127.0.0.1:8280")
	case s.metricMembers < 1:
		return program.Bad("metrics-members", fmt.Sprint(s.metricMembers), "want at least 1")
	}
	return nil
}

// checkTLS looks at what concerns certificates.
func (s *settings) checkTLS() error {
	switch s.members {
	case "same":
		s.scheme = gateway.SameScheme
	case "http":
		s.scheme = gateway.HTTPScheme
	case "https":
		s.scheme = gateway.HTTPSScheme
	default:
		return program.Bad("members", s.members, "want same, http or https")
	}
	if s.sources.Given("cert") {
		for _, file := range s.cert { // passwords are read at start
			s.stores = append(s.stores, keystore.Source{File: file, KeyFile: s.certKey})
		}
	}
	switch {
	case len(s.cert) > 1 && s.certKey != "":
		return program.Bad("cert-key", s.certKey, "with several -cert each file holds its own key")
	case s.https != "" && len(s.stores) == 0:
		return program.Missing("cert", "-https needs a certificate and its key: a file in PEM, PKCS #12 or JKS")
	case s.membersInsecure && s.membersCA != "":
		return program.Bad("members-ca", s.membersCA, "it means nothing with -members-insecure; want one of the two")
	}
	return nil
}

// checkSticky looks at what keeps clients at their member.
func (s *settings) checkSticky() error {
	switch s.sticky {
	case "learn", "off":
	case "cookie", "both":
		if s.stickyKeys == "" {
			return program.Missing("sticky-keys", "cookies of our own need a file with a key, the same for all balancers")
		}
	default:
		return program.Bad("sticky", s.sticky, "want learn, cookie, both or off")
	}
	if s.sessionTimeout < 0 {
		return program.Bad("session-timeout", s.sessionTimeout.String(), "want a time of at least 0")
	}
	if s.sessionTimeout == 0 {
		s.sources.Means("session-timeout", fmt.Sprintf("sessions that were learned are remembered for %v, "+
			"a cookie of our own ends with the browser", sticky.DefaultTimeout))
	}
	return nil
}

// checkTrust reads addresses and networks.
func (s *settings) checkTrust() error {
	for _, item := range s.trust {
		prefix, err := netip.ParsePrefix(item)
		if address, ok := netip.ParseAddr(item); ok == nil {
			prefix, err = netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), nil
		}
		if err != nil {
			return program.Bad("trust", item, "want an address or a network, as 10.0.0.1 or 10.0.0.0/8")
		}
		s.trusted = append(s.trusted, prefix.Masked())
	}
	return nil
}

// print writes every setting, where requests go, and what files say in vain.
func (s *settings) print(out io.Writer) {
	s.sources.Print(out)
	for _, r := range s.routes {
		names := make([]string, 0, len(r.Hosts))
		for _, h := range r.Hosts {
			names = append(names, h.Name)
		}
		to := r.Domain
		if r.SubDomain != "" {
			to += " (" + r.SubDomain + ")"
		}
		fmt.Fprintf(out, "route: %s tenants %s -> %s # %s\n", strings.Join(names, ","), r.Tenants, to, r.At.Short())
	}
	if s.rest != "" {
		fmt.Fprintf(out, "route: every other host -> %s\n", s.rest)
	}
	program.Notes(out, s.notes)
}
