package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/lbconf"
	"github.com/gotribes/tribes/examples/internal/program"
)

// checkRoutes completes the routes: the items of -hosts count over what -conf
// says of the same host. Without either, every host belongs to the one domain
// that is managed, if it is just one and has a name.
func (s *settings) checkRoutes() error {
	given, err := parseHosts(s.hosts, s.manage)
	if err != nil {
		return err
	}
	routes := slices.Clone(given)
	any := slices.Contains(s.manage, anyDomain)
	for _, r := range s.routes {
		if !any && !slices.Contains(s.manage, r.Domain) {
			return program.Bad("manage", strings.Join(s.manage, ","), fmt.Sprintf("want the domain %q of %s, too", r.Domain, r.At))
		}
		r.Hosts = slices.DeleteFunc(slices.Clone(r.Hosts), func(h lbconf.Host) bool {
			return slices.ContainsFunc(given, func(o lbconf.Route) bool { return o.Hosts[0].Name == h.Name })
		})
		if len(r.Hosts) > 0 {
			routes = append(routes, r)
		}
	}
	if s.routes = routes; len(routes) > 0 {
		return nil
	}
	if len(slices.Compact(slices.Sorted(slices.Values(s.manage)))) != 1 || any {
		return program.Missing("hosts", "want host=domain,… since -manage is not one domain alone")
	}
	s.rest = s.manage[0]
	return nil
}

// parseHosts reads "host=domain" items; each becomes a route of one host.
func parseHosts(hosts, manage []string) ([]lbconf.Route, error) {
	var out []lbconf.Route
	at := conf.Place{File: "-hosts"}
	for _, item := range hosts {
		host, domain, ok := strings.Cut(item, "=")
		host, domain = strings.ToLower(strings.TrimSpace(host)), strings.TrimSpace(domain)
		before := slices.IndexFunc(out, func(r lbconf.Route) bool { return r.Hosts[0].Name == host })
		switch {
		case !ok || host == "" || domain == "":
			return nil, program.Bad("hosts", item, "want host=domain, with commas between several")
		case strings.ContainsAny(host, ":/"):
			return nil, program.Bad("hosts", item, "want the name of a host alone, without a port or a path")
		case before >= 0:
			return nil, program.Bad("hosts", item, fmt.Sprintf("the host already belongs to domain %q", out[before].Domain))
		case !slices.Contains(manage, domain) && !slices.Contains(manage, anyDomain):
			return nil, program.Bad("hosts", item, fmt.Sprintf("domain %q is not among those of -manage", domain))
		}
		out = append(out, lbconf.Route{At: at, Service: host, Domain: domain, Tenants: lbconf.Tenants{Any: true},
			Hosts: []lbconf.Host{{At: at, Name: host}}})
	}
	return out, nil
}
