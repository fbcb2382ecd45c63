package lbconf

import (
	"maps"
	"slices"
	"strings"

	"github.com/gotribes/tribes/examples/internal/conf"
)

// Bounds of names.
const (
	longestHost   = 253
	longestDomain = 255
)

// Bounds of what is compared one by one.
const (
	mostRoutes = 1000
	mostHosts  = 10_000 // of all routes together
)

// A reader turns blocks into routes.
type reader struct {
	report *conf.Report
	lookup func(name string) (string, bool)
	file   File
	pairs  int // hosts of all routes so far
}

// settings are the pairs of routeKeys that hold for a block; those of the blocks
// around it are the defaults.
type settings map[string]pair

// once returns the pairs of a block; a key that comes twice is a problem.
func (r *reader) once(b *block) []pair {
	seen := map[string]int{}
	var out []pair
	for _, p := range b.pairs {
		if line, twice := seen[p.key]; twice {
			r.report.Bad(p.at, "%q is set twice in one block; the first time at line %d", p.key, line)
			continue
		}
		seen[p.key] = p.at.Line
		out = append(out, p)
	}
	return out
}

// unused checks a pair without an effect and notes it; an unknown key is a
// problem.
func (r *reader) unused(p pair, table map[string]key, used ...string) {
	k, known := table[p.key]
	if !known {
		r.report.Bad(p.at, "%s", conf.Unknown("key", p.key, words(table, used...)))
		return
	}
	if err := k.check(p.value); err != nil {
		r.report.Bad(p.at, "%s %q: %v", p.key, p.value, err)
		return
	}
	r.report.Unused(p.at, p.key, k.why)
}

// expand replaces ${name} in a value.
func (r *reader) expand(p pair) (string, bool) {
	value, err := conf.Expand(p.value, r.lookup)
	if err != nil {
		r.report.Bad(p.at, "%s: %v", p.key, err)
	}
	return value, err == nil
}

// over reads the pairs of a block above the settings around it.
func (r *reader) over(around settings, b *block) settings {
	out := settings{}
	maps.Copy(out, around)
	for _, p := range r.once(b) {
		if !slices.Contains(routeKeys, p.key) {
			r.unused(p, unusedBelow, routeKeys...)
			continue
		}
		if value, ok := r.expand(p); ok {
			p.value = value
			out[p.key] = p
		}
	}
	sets := func(key string) bool { return slices.ContainsFunc(b.pairs, func(p pair) bool { return p.key == key }) }
	if sets("hosts") && !sets("url_suffix") {
		delete(out, "url_suffix") // it belongs to the hosts of a block around
	}
	return out
}

// services reads the block of that name.
func (r *reader) services(b *block) {
	for _, p := range b.pairs {
		r.report.Bad(p.at, "%q stands in no service; want it in defaults { } or in the block of a service", p.key)
	}
	defaults := settings{}
	if d := b.first("defaults", r.report); d != nil {
		defaults = r.over(nil, d)
		for _, c := range d.blocks {
			r.report.Bad(c.at, "defaults has no blocks in it; is its \"}\" missing before %q?", c.name)
		}
		for _, k := range []string{"hosts", "url_suffix"} {
			if p, ok := defaults[k]; ok {
				r.report.Bad(p.at, "%q cannot be a default: a host belongs to one service", k)
				delete(defaults, k)
			}
		}
	}
	services := 0
	for _, s := range b.blocks {
		if s.name != "defaults" {
			services++
			r.service(defaults, s)
		}
	}
	if services == 0 {
		r.report.Bad(b.at, "there is no service in it, so no host leads anywhere")
	}
}

func (r *reader) service(defaults settings, s *block) {
	own := r.over(defaults, s)
	for _, c := range s.blocks {
		if c.name != "domains" {
			r.report.Bad(c.at, "%s in the service %q", conf.Unknown("block", c.name, []string{"domains"}), s.name)
		}
	}
	domains := s.first("domains", r.report)
	if domains == nil {
		r.report.Bad(s.at, "the service %q has no block \"domains\"", s.name)
		return
	}
	for _, p := range domains.pairs {
		r.report.Bad(p.at, "%q stands in no domain; want it in the block of a domain, or in the service %q", p.key, s.name)
	}
	if len(domains.blocks) == 0 {
		r.report.Bad(domains.at, "the service %q has no domain", s.name)
	}
	for _, d := range domains.blocks {
		if d.name == "*" || len(d.name) > longestDomain {
			r.report.Bad(d.at, "a domain has a name of 1 to %d bytes that is not \"*\"", longestDomain)
			continue
		}
		r.domain(s.name, own, d)
	}
}

// domain reads the block of one domain: of one sub-domain, or with a block for
// each of its sub-domains.
func (r *reader) domain(service string, around settings, d *block) {
	own := r.over(around, d)
	if len(d.blocks) == 0 {
		r.route(service, d.name, own, d.at)
		return
	}
	if p, ok := own["sub_domain"]; ok {
		r.report.Bad(p.at, "sub_domain and the block %q both name a part of %q; want one of the two", d.blocks[0].name, d.name)
	}
	for _, sub := range d.blocks {
		for _, c := range sub.blocks {
			r.report.Bad(c.at, "a sub-domain has no blocks in it; is the \"}\" of %q missing before %q?", sub.name, c.name)
		}
		s := r.over(own, sub)
		if p, ok := s["sub_domain"]; ok && p.at.Line >= sub.at.Line {
			r.report.Bad(p.at, "the block is that of the sub-domain %q already", sub.name)
		}
		s["sub_domain"] = pair{sub.at, "sub_domain", sub.name}
		r.route(service, d.name, s, sub.at)
	}
}

// route makes a route of the settings that hold for a domain.
func (r *reader) route(service, domain string, s settings, at conf.Place) {
	out := Route{At: at, Service: service, Domain: domain, Tenants: Tenants{Any: true}}
	if p, ok := s["sub_domain"]; ok && p.value != "__$default" {
		out.SubDomain = p.value
	}
	if p, ok := s["tenant_range"]; ok {
		if out.Tenants, ok = tenants(p.value); !ok {
			r.report.Bad(p.at, "tenant_range %q: want *, a number from 1 on, or two as in 1-100", p.value)
			return
		}
	}
	p, ok := s["hosts"]
	if !ok {
		r.report.Bad(at, "no host leads to the domain %q: want \"hosts\" in its block, or in the service %q", domain, service)
		return
	}
	out.Hosts = r.hosts(p)
	if suffix, ok := s["url_suffix"]; ok {
		more := r.hosts(suffix)
		if len(more) != len(out.Hosts) {
			r.report.Bad(suffix.at, "url_suffix has %d names, but hosts has %d; want one for each host", len(more), len(out.Hosts))
		}
		for _, h := range more {
			if !slices.ContainsFunc(out.Hosts, func(o Host) bool { return o.Name == h.Name }) {
				out.Hosts = append(out.Hosts, h)
			}
		}
	}
	r.pairs += len(out.Hosts)
	if len(r.file.Routes) >= mostRoutes || r.pairs > mostHosts {
		r.report.Bad(at, "there are more than %d routes, or more than %d hosts in them", mostRoutes, mostHosts)
		return
	}
	r.file.Routes = append(r.file.Routes, out)
}

// hosts reads names behind commas.
func (r *reader) hosts(p pair) []Host {
	var out []Host
	items := strings.Split(p.value, ",")
	if len(items) > mostRoutes {
		r.report.Bad(p.at, "%s has more than %d names", p.key, mostRoutes)
		return nil
	}
	for _, item := range items {
		name := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(item), "."))
		switch {
		case name == "":
			r.report.Bad(p.at, "%s: a name of the list is empty", p.key)
		case strings.HasPrefix(name, "*."):
			r.report.Bad(p.at, "%s: %q: a name stands for all names below it, too; want %q", p.key, item, name[2:])
		case !isHost(name):
			r.report.Bad(p.at, "%s: %q: want the name of a host alone, without a port or a path", p.key, strings.TrimSpace(item))
		default:
			out = append(out, Host{p.at, name})
		}
	}
	return out
}

// isHost tells whether a name can be the name of a host, or an address of IPv4.
func isHost(name string) bool {
	if len(name) > longestHost {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if !(c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || c >= 0x80) {
				return false
			}
		}
	}
	return true
}

// conflicts finds hosts of two services, and tenants of one host for which two
// routes lead to different members. Routes that say the same are one.
func (r *reader) conflicts() {
	type one struct {
		route Route
		at    conf.Place
	}
	byHost := map[string][]one{}
	var routes []Route
	for _, route := range r.file.Routes {
		var hosts []Host
		for _, h := range route.Hosts {
			known := byHost[h.Name]
			same := slices.ContainsFunc(known, func(o one) bool {
				return o.route.Service == route.Service && o.route.leads(route) && o.route.Tenants == route.Tenants
			})
			if same {
				continue
			}
			for _, o := range known {
				switch {
				case o.route.Service != route.Service:
					r.report.Bad(h.At, "the host %q belongs to the service %q already (line %d); a host belongs to one service",
						h.Name, o.route.Service, o.at.Line)
				case o.route.Tenants.overlaps(route.Tenants) && !o.route.leads(route):
					r.report.Bad(route.At, "requests for %q and tenants %s may go to %s or to %s (line %d); "+
						"want different hosts or tenant ranges", h.Name, route.Tenants, name(route), name(o.route), o.route.At.Line)
				}
			}
			byHost[h.Name] = append(known, one{route, h.At})
			hosts = append(hosts, h)
		}
		if len(hosts) > 0 {
			route.Hosts = hosts
			routes = append(routes, route)
		}
	}
	r.file.Routes = routes
}

// name tells a route's members in a sentence.
func name(r Route) string {
	if r.SubDomain == "" {
		return r.Domain
	}
	return r.Domain + " (" + r.SubDomain + ")"
}
