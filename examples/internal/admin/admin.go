// Package admin shows people what a balancer sees: domains and their members,
// who watches whom, what happened, and how requests fare. It is a page that is
// made on the server and works without JavaScript, kept up to date by a stream of
// events where there is some, and the same as JSON. It only shows: no request
// changes anything.
package admin

import (
	"context"
	"io"
	"iter"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gotribes/tribes/examples/internal/traffic"
	"github.com/gotribes/tribes/membership"
)

// A Group is what the page needs to know of a domain. If it has the method
// Explain of a *membership.Group as well, the page shows who watches whom.
type Group interface {
	Domain() string
	View() membership.View
	Changes(ctx context.Context) iter.Seq[membership.Change]
}

// An explainer is a Group that knows why.
type explainer interface {
	Explain(id membership.ID) membership.Explanation
}

// Options say what is shown, besides the groups.
type Options struct {
	// Self is the balancer's own member.
	Self func() membership.Member
	// Cluster is its name.
	Cluster string
	// Traffic is where requests are counted. Nil: none are.
	Traffic *traffic.Book
	// Ready says why the balancer is not ready; nil is ready.
	Ready func() error
	// Alive says why the balancer has ended; nil is alive.
	Alive func() error
	// Local has requests refused whose Host header is not that of this machine's
	// loopback, so that no web page can make a browser ask through a name of its own.
	Local bool
	// Metrics answers GET /metrics, Members GET /members. Nil: nobody does.
	Metrics, Members http.Handler
	// Profiles has net/http/pprof answer below /debug/pprof/.
	Profiles bool
}

// A Site is the pages, and what they remember. Its methods may be called from
// many goroutines. Close it in the end.
type Site struct {
	options  Options
	began    time.Time
	timeline timeline
	streams  streams

	mu      sync.Mutex // for domains; held for nothing that can block
	domains map[string]*followed

	shot  sync.Mutex // for newest, and held while it is made
	fresh *snapshot
}

// New makes a Site that knows no domain yet.
func New(o Options) *Site {
	return &Site{
		options: o, began: time.Now(), domains: map[string]*followed{},
		streams: streams{ended: make(chan struct{})},
	}
}

// Close ends the streams of events, for which a server that shuts down would wait.
func (s *Site) Close() { s.streams.close() }

// Follow shows a group until ctx ends, or the group does; it returns then. Each
// change is passed on to tell, if that is not nil.
func (s *Site) Follow(ctx context.Context, g Group, tell func(membership.Change)) {
	f := &followed{group: g, last: map[membership.ID]Happening{}}
	s.mu.Lock()
	s.domains[g.Domain()] = f
	s.mu.Unlock()
	for c := range g.Changes(ctx) {
		now := time.Now()
		f.take(c, now)
		s.timeline.take(c, now)
		if tell != nil {
			tell(c)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.domains[g.Domain()] == f {
		delete(s.domains, g.Domain())
	}
}

// followed gives the groups by the name of their domain.
func (s *Site) followed() []*followed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*followed
	for _, name := range slices.Sorted(maps.Keys(s.domains)) {
		out = append(out, s.domains[name])
	}
	return out
}

// find gives the group of a domain; nil if it is not followed.
func (s *Site) find(domain string) *followed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.domains[domain]
}

// Handler serves the pages.
func (s *Site) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /member", s.member)
	mux.HandleFunc("GET /api/state", s.state)
	mux.HandleFunc("GET /api/member", s.memberJSON)
	mux.HandleFunc("GET /api/stream", s.stream)
	mux.Handle("GET /static/", http.FileServerFS(static))
	mux.HandleFunc("GET /healthz", answer("the node has ended", s.options.Alive))
	mux.HandleFunc("GET /readyz", answer("not ready", s.options.Ready))
	if s.options.Metrics != nil {
		mux.Handle("GET /metrics", s.options.Metrics)
	}
	if s.options.Members != nil {
		mux.Handle("GET /members", s.options.Members)
	}
	if s.options.Profiles {
		profiles(mux)
	}
	return guard(mux, s.options.Local)
}

// answer makes a page for programs that look after others: 200 and ok, or 503 and
// why not.
func answer(no string, why func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if why != nil {
			if err := why(); err != nil {
				http.Error(w, no+": "+err.Error(), http.StatusServiceUnavailable)
				return
			}
		}
		io.WriteString(w, "ok\n")
	}
}
