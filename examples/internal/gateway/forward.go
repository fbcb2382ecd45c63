package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// forward tells the member about the client, in the header h of the request
// that it gets: X-Forwarded-For, -Proto, -Host and -Port, and Forwarded. What the
// client itself says there is dropped, unless it is a proxy that is trusted:
// then it is kept and added to. Other fields, as X-Originating-IP, pass.
func (g *Gateway) forward(x *exchange, in *http.Request, h http.Header) {
	client, _, err := net.SplitHostPort(in.RemoteAddr)
	if err != nil {
		client = in.RemoteAddr
	}
	proto := schemeOf(x.at.https)
	chain, element := client, forwarded(client, in.Host, proto)
	host, port := in.Host, x.at.port
	if g.trusts(client) {
		if before := in.Header["X-Forwarded-For"]; len(before) > 0 {
			chain = strings.Join(before, ", ") + ", " + client
		}
		if before := in.Header["Forwarded"]; len(before) > 0 {
			element = strings.Join(before, ", ") + ", " + element
		}
		proto = first(in.Header, "X-Forwarded-Proto", proto)
		host = first(in.Header, "X-Forwarded-Host", host)
		port = first(in.Header, "X-Forwarded-Port", port)
	}
	h["X-Forwarded-For"] = []string{chain}
	h["X-Forwarded-Proto"] = []string{proto}
	h["X-Forwarded-Host"] = []string{host}
	h["X-Forwarded-Port"] = []string{port}
	h["Forwarded"] = []string{element}
}

// first gives the first value of a field, or otherwise.
func first(h http.Header, key, otherwise string) string {
	if v := h[key]; len(v) > 0 && v[0] != "" {
		return v[0]
	}
	return otherwise
}

// trusts tells whether a client's word on other clients counts.
func (g *Gateway) trusts(client string) bool {
	if len(g.options.Trusted) == 0 {
		return false
	}
	address, err := netip.ParseAddr(client)
	if err != nil {
		return false
	}
	address = address.Unmap().WithZone("")
	for _, p := range g.options.Trusted {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// forwarded makes an element of RFC 7239. A Host header that reaches a handler
// has no quotes in it.
func forwarded(client, host, proto string) string {
	if strings.Contains(client, ":") {
		client = `"[` + client + `]"`
	}
	return "for=" + client + `;host="` + host + `";proto=` + proto
}
