package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httputil"
	"os"
	"strconv"
	"time"

	"github.com/gotribes/tribes/membership"
)

// Bounds of what a client may ask for.
const (
	maxSlow = 10 * time.Minute
	maxEcho = 1 << 20 // bytes of a request's body
)

// identity is what a node says of itself.
type identity struct {
	Name      string `json:"name"`
	Address   string `json:"address"`
	Domain    string `json:"domain"`
	SubDomain string `json:"subDomain"`
	ID        string `json:"id"`  // of this run of the process
	PID       int    `json:"pid"` // so that a reader can kill the right one
}

// answers is what the node serves: its identity at / and, as it serves all
// tenants alike, at /t/<tenant>/, the same but later at
// /slow?ms=N, at /echo the request as it arrived or, for a WebSocket, its
// messages, at /redirect?to=PATH an absolute redirect, and at /session how often
// the client was here.
func answers(self func() membership.Member, redirect redirects, sessions *sessions) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/redirect", redirect)
	mux.Handle("/session", sessions)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { identify(w, self()) })
	mux.HandleFunc("/t/{tenant}/{$}", func(w http.ResponseWriter, _ *http.Request) { identify(w, self()) })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		ms, err := strconv.Atoi(r.FormValue("ms"))
		if err != nil || ms < 0 || ms > int(maxSlow/time.Millisecond) {
			text := fmt.Sprintf("ms=%q: want milliseconds from 0 to %d", r.FormValue("ms"), maxSlow/time.Millisecond)
			http.Error(w, text, http.StatusBadRequest)
			return
		}
		if wait(r.Context(), time.Duration(ms)*time.Millisecond) {
			identify(w, self())
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		if isWebSocket(r) {
			echoWebSocket(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxEcho)
		dump, err := httputil.DumpRequest(r, true)
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff") // it echoes whatever it is sent
		_, _ = w.Write(dump)
	})
	return mux
}

// identify answers with who this is.
func identify(w http.ResponseWriter, m membership.Member) {
	w.Header().Set("Content-Type", "application/json")
	// A client that is gone is the only error left, and nobody's business.
	_ = json.NewEncoder(w).Encode(identity{
		Name:      m.Name,
		Address:   m.Address,
		Domain:    m.Domain,
		SubDomain: m.SubDomain,
		ID:        m.ID.String(),
		PID:       os.Getpid(),
	})
}

// wait returns true after d, or false as soon as ctx has ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
