// Package route finds out where a request belongs: by the name of its host and
// by its tenant. It is pure, and finding allocates nothing.
//
// A host stands for itself and for all names below it; the longest name that is
// known counts. A tenant comes with the path, /t/<tenant>/…, or with the query,
// tenantDomain=<tenant>; who names none, or an unknown one, has the number 0.
package route

import (
	"net/url"
	"strings"

	"github.com/gotribes/tribes/examples/internal/lbconf"
	"github.com/gotribes/tribes/examples/internal/tenants"
)

// mostHost bounds the bytes of a host's name.
const mostHost = 253

// A Table leads requests to values of type T, one for each part of a domain. It
// is not changed once it was made.
type Table[T any] struct {
	hosts map[string]*choice[T]
	rest  *choice[T] // of every other host; nil is none
}

// A choice is what one host leads to, by tenant.
type choice[T any] struct {
	spans []span[T]
	any   *T
}

// A span are the tenants from one number to another.
type span[T any] struct {
	from, to int
	value    T
}

// New makes a Table. pool gives the value for a part of a domain and is called
// once for each.
func New[T any](routes []lbconf.Route, pool func(domain, subDomain string) T) *Table[T] {
	t := &Table[T]{hosts: map[string]*choice[T]{}}
	made := map[[2]string]T{}
	for _, r := range routes {
		key := [2]string{r.Domain, r.SubDomain}
		value, ok := made[key]
		if !ok {
			value = pool(r.Domain, r.SubDomain)
			made[key] = value
		}
		for _, h := range r.Hosts {
			c := t.hosts[h.Name]
			if c == nil {
				c = &choice[T]{}
				t.hosts[h.Name] = c
			}
			c.add(r.Tenants, value)
		}
	}
	return t
}

// Rest sends every host that has no route to one value. It is called before the
// table is in use.
func (t *Table[T]) Rest(value T) { t.rest = &choice[T]{any: &value} }

func (c *choice[T]) add(tenants lbconf.Tenants, value T) {
	if tenants.Any {
		c.any = &value
		return
	}
	c.spans = append(c.spans, span[T]{tenants.From, tenants.To, value})
}

// A Miss says why a request leads nowhere.
type Miss uint8

// The reasons.
const (
	Found    Miss = iota
	NoHost        // the name of the host is not known
	NoTenant      // the host is known, but not for this tenant
)

// Find gives the value for a request: host is its Host header, with or without
// a port, path the decoded path and query the raw query of its URL.
func (t *Table[T]) Find(host, path, query string, ids tenants.Map) (value T, miss Miss) {
	c := t.choice(Name(host))
	if c == nil {
		return value, NoHost
	}
	if len(c.spans) > 0 {
		if id := tenant(path, query, ids); id > 0 {
			for i := range c.spans {
				if s := &c.spans[i]; s.from <= id && id <= s.to {
					return s.value, Found
				}
			}
		}
	}
	if c.any == nil {
		return value, NoTenant
	}
	return *c.any, Found
}

// choice looks a name up, then what is left of it without its first label, and
// so on.
func (t *Table[T]) choice(name string) *choice[T] {
	if len(name) > mostHost {
		return t.rest
	}
	var buf [mostHost]byte
	rest := tenants.Lower(buf[:0], name)
	for {
		if c, ok := t.hosts[string(rest)]; ok {
			return c
		}
		dot := 0
		for dot < len(rest) && rest[dot] != '.' {
			dot++
		}
		if dot == len(rest) {
			return t.rest
		}
		rest = rest[dot+1:]
	}
}

// Name is the name in a Host header: without its port and the dot at its end.
func Name(host string) string {
	name, _ := cut(host)
	return strings.TrimSuffix(name, ".")
}

// Port is the port in a Host header, or "".
func Port(host string) string {
	_, port := cut(host)
	return port
}

// cut parts name and port. A name in brackets is an address of IPv6.
func cut(host string) (name, port string) {
	if strings.HasPrefix(host, "[") {
		if end := strings.IndexByte(host, ']'); end > 0 {
			return host[1:end], strings.TrimPrefix(host[end+1:], ":")
		}
		return host, ""
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host, ':') == i {
		return host[:i], host[i+1:]
	}
	return host, ""
}

// tenant gives the number of the request's tenant, 0 for none.
func tenant(path, query string, ids tenants.Map) int {
	if rest, ok := strings.CutPrefix(path, "/t/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return ids.ID(name)
	}
	for query != "" {
		var item string
		item, query, _ = strings.Cut(query, "&")
		name, ok := strings.CutPrefix(item, "tenantDomain=")
		if !ok {
			continue
		}
		if strings.ContainsAny(name, "%+") {
			// Rare, and the only thing here that allocates. What cannot be decoded is no tenant.
			name, _ = url.QueryUnescape(name)
		}
		return ids.ID(name)
	}
	return 0
}
