package main

import (
	"io"
	"net/http"
	"sync/atomic"
)

// A health is what -health answers to whoever starts and stops this program.
type health struct {
	known   atomic.Bool // every balancer of the domain has taken note of the node; with -tribes, it has joined
	leaving atomic.Bool
}

// handler answers GET /healthz with 200 for as long as the program runs, and
// GET /readyz with 200 from the moment on at which requests may come until the
// node begins to leave, else with 503 and the reason.
func (h *health) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case h.leaving.Load():
			http.Error(w, "the node is leaving", http.StatusServiceUnavailable)
		case !h.known.Load():
			http.Error(w, "the node is not known to its balancers yet; see its log", http.StatusServiceUnavailable)
		default:
			io.WriteString(w, "ok\n")
		}
	})
	return mux
}
