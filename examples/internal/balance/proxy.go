// Package balance is a small HTTP balancer over pools of members, one for each
// domain: it goes by the Host header. Who gets a request, what is repeated, and
// what is not, is the business of package upstream.
package balance

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/gotribes/tribes/membership/upstream"
)

// How the balancer reaches members. A member that was cut off from power does
// not refuse connections, so there is a bound on waiting for one.
const (
	dialTime    = time.Second
	idleTime    = 30 * time.Second
	idlePerHost = 64
)

// A Proxy is an HTTP handler that hands requests to the members of domains.
// WebSocket and other upgrades go through.
type Proxy struct {
	domainOf func(host string) (domain string, ok bool)
	reverse  *httputil.ReverseProxy
	base     *http.Transport
}

// New makes a Proxy. domainOf gives the domain for a host name, which is in
// lower case and without its port; find knows the domains' pools. logger nil is
// silent.
func New(domainOf func(host string) (domain string, ok bool), find Find, logger *slog.Logger) *Proxy {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	p := &Proxy{
		domainOf: domainOf,
		base: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTime}).DialContext,
			IdleConnTimeout:     idleTime,
			MaxIdleConnsPerHost: idlePerHost,
			DisableCompression:  true, // what the client asked for is passed on as it is
		},
	}
	p.reverse = &httputil.ReverseProxy{
		// Rewrite names the domain, the transport finds its pool, and that picks
		// the member. The Host header stays as the client sent it.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme = "http"
			r.Out.URL.Host, _ = domainOf(hostName(r.In.Host)) // known, see ServeHTTP
			r.SetXForwarded()
		},
		Transport:    &byDomain{find: find, base: p.base},
		ErrorHandler: upstream.AnswerError,
		ErrorLog:     slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	return p
}

// ServeHTTP answers 404 for a host without a domain, 503 with Retry-After for a
// domain without a member that can be reached, 502 if a member broke off.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := hostName(r.Host)
	if _, ok := p.domainOf(host); !ok {
		http.Error(w, fmt.Sprintf("no domain is set for the host %q", host), http.StatusNotFound)
		return
	}
	p.reverse.ServeHTTP(w, r)
}

// Close drops idle connections to members. Requests under way go on.
func (p *Proxy) Close() { p.base.CloseIdleConnections() }

// byDomain sends a request by way of the pool of the domain that stands as the
// host of its URL.
type byDomain struct {
	find Find
	base http.RoundTripper
}

// RoundTrip returns what the pool's transport does.
func (t *byDomain) RoundTrip(r *http.Request) (*http.Response, error) {
	pool := t.find(r.URL.Host)
	if pool == nil {
		if r.Body != nil {
			r.Body.Close() // a RoundTripper has to, and its error is nobody's business
		}
		return nil, &upstream.EmptyError{Domain: r.URL.Host, Reason: "no member of it has been heard of"}
	}
	return pool.Transport(t.base).RoundTrip(r)
}

// hostName is the name of a Host header alone: no port, no dot at the end, in
// lower case.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
