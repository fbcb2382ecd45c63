package balance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"
)

// How the balancer reaches members. A member that was cut off from power does
// not refuse connections, so there is a bound on waiting for one.
const (
	dialTime     = time.Second
	idleTime     = 30 * time.Second
	idlePerHost  = 64
	retrySeconds = "1" // for Retry-After: a member that starts is known in less
)

// A Proxy is an HTTP handler that hands requests to the members of domains.
// WebSocket and other upgrades go through.
type Proxy struct {
	domainOf func(host string) (domain string, ok bool)
	reverse  *httputil.ReverseProxy
	base     *http.Transport
}

// New makes a Proxy. domainOf gives the domain for a host name, which is in
// lower case and without its port; find knows the domains. logger nil is silent.
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
		// Rewrite names the domain, the transport picks the member: so a retry
		// picks again. The Host header stays as the client sent it.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme = "http"
			r.Out.URL.Host, _ = domainOf(hostName(r.In.Host)) // known, see ServeHTTP
			r.SetXForwarded()
		},
		Transport:    &transport{find: find, base: p.base},
		ErrorHandler: answerError,
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

// answerError tells the client what went wrong, in words that an operator can use.
func answerError(w http.ResponseWriter, _ *http.Request, err error) {
	if _, empty := errors.AsType[*EmptyError](err); empty {
		w.Header().Set("Retry-After", retrySeconds)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	text := "the member that was asked broke off: " + err.Error()
	if errors.Is(err, context.Canceled) {
		text = "the request was given up" // by the client, which will not read this
	}
	http.Error(w, text, http.StatusBadGateway)
}

// hostName is the name of a Host header alone: no port, no dot at the end, in
// lower case.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
