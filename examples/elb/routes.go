package main

import (
	"fmt"
	"strings"

	"github.com/gotribes/tribes/examples/internal/program"
)

// routes say which domain a host name belongs to. They do not change while the
// program runs.
type routes struct {
	byHost map[string]string // host name in lower case → domain
	rest   string            // the domain of every other host; "" is none
}

// parseRoutes reads "host=domain" items. Without any, every host belongs to the
// one domain that is managed, if it is just one and has a name.
func parseRoutes(hosts, manage []string) (routes, error) {
	r := routes{byHost: map[string]string{}}
	named, any := map[string]bool{}, false
	for _, d := range manage {
		named[d] = true
		any = any || d == anyDomain
	}
	for _, item := range hosts {
		host, domain, ok := strings.Cut(item, "=")
		host, domain = strings.ToLower(strings.TrimSpace(host)), strings.TrimSpace(domain)
		switch {
		case !ok || host == "" || domain == "":
			return routes{}, program.Bad("hosts", item, "want host=domain, with commas between several")
		case strings.ContainsAny(host, ":/"):
			return routes{}, program.Bad("hosts", item, "want the name of a host alone, without a port or a path")
		case r.byHost[host] != "":
			return routes{}, program.Bad("hosts", item, fmt.Sprintf("the host already belongs to domain %q", r.byHost[host]))
		case !named[domain] && !any:
			return routes{}, program.Bad("hosts", item, fmt.Sprintf("domain %q is not among those of -manage", domain))
		}
		r.byHost[host] = domain
	}
	if len(hosts) == 0 {
		if len(named) != 1 || any {
			return routes{}, program.Missing("hosts", "want host=domain,… since -manage is not one domain alone")
		}
		r.rest = manage[0]
	}
	return r, nil
}

// domainOf gives the domain of a host name in lower case, and false for none.
func (r routes) domainOf(host string) (string, bool) {
	if d, ok := r.byHost[host]; ok {
		return d, true
	}
	return r.rest, r.rest != ""
}
