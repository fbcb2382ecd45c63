package main

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

// redirects answers with an absolute redirect, as programs do that build
// addresses of themselves: with the name and the port that clients know, which
// behind a balancer are those of the balancer.
type redirects struct {
	secure    bool
	hostName  string // "" is the one that the client has asked for
	proxyPort int    // 0 is the one that the client has asked for
	ownPort   string
}

// ServeHTTP redirects to the path of the parameter "to".
func (d redirects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	to := r.FormValue("to")
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		http.Error(w, "to: want a path that begins with one /", http.StatusBadRequest)
		return
	}
	w.Header().Set("Location", d.base(r.Host)+to)
	w.WriteHeader(http.StatusFound)
}

// base is the address of this program as clients know it.
func (d redirects) base(asked string) string {
	scheme, usual, port := "http", "80", d.ownPort
	if d.secure {
		scheme, usual = "https", "443"
	}
	host, askedPort, err := net.SplitHostPort(asked)
	if err != nil {
		host = asked
	}
	if askedPort != "" {
		port = askedPort
	}
	if d.hostName != "" {
		host, port = d.hostName, d.ownPort
	}
	if d.proxyPort > 0 {
		port = strconv.Itoa(d.proxyPort)
	}
	if port == usual {
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(strings.Trim(host, "[]"), port)
}
