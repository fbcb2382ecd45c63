package gateway

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gotribes/tribes/examples/internal/route"
)

// relocate rewrites the Location of an answer that names the member, or the
// service at a port of the member, which clients cannot or should not reach: it
// leads them back to the gateway. Any other Location stays as it is.
func (g *Gateway) relocate(x *exchange, h http.Header, m *Member, asked string) {
	location := h["Location"]
	if len(location) != 1 {
		return
	}
	u, err := url.Parse(location[0])
	if err != nil || u.Host == "" || u.Port() == "" {
		return // relative, or without a port: nothing of ours
	}
	askedHost, askedPort, _ := net.SplitHostPort(asked) // it was dialled
	memberHost, _, _ := net.SplitHostPort(m.Address)    // the name of another network has none, and matches nothing
	service := route.Name(x.in.Host)
	if name := u.Hostname(); !strings.EqualFold(name, service) && !strings.EqualFold(name, askedHost) &&
		!strings.EqualFold(name, memberHost) {
		return
	}
	switch port := u.Port(); port {
	case askedPort: // where this request went: back to where the client came from
		u.Scheme, u.Host = schemeOf(x.at.https), x.in.Host
	case m.HTTPSPort:
		if g.options.HTTPSPort == "" {
			return // there is no way to it through here
		}
		u.Scheme, u.Host = "https", at(service, g.options.HTTPSPort, true)
	case m.HTTPPort:
		if g.options.HTTPPort == "" {
			return
		}
		u.Scheme, u.Host = "http", at(service, g.options.HTTPPort, false)
	default:
		return
	}
	h["Location"] = []string{u.String()}
}

// at joins a host and a port that is left out where the scheme stands for it.
func at(host, port string, https bool) string {
	if port == portOf(https) {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, port)
}
