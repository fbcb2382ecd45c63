package main

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/membership"
)

// A directory knows all groups of a node, also those that came up later because
// the balancer follows whatever domains members bring.
type directory struct {
	node    *cluster
	events  *eventlog.Writer // nil is silent
	mu      sync.Mutex       // for domains; held for nothing else
	domains map[string]bool  // the names; the node bounds how many there are
}

// newDirectory makes an empty one; run fills it.
func newDirectory(node *cluster, events *eventlog.Writer) *directory {
	return &directory{node: node, events: events, domains: map[string]bool{}}
}

// run follows the groups, and writes their events, until the node has ended.
func (d *directory) run() {
	var wg sync.WaitGroup
	defer wg.Wait()
	// Ends with the node and not with the program's context, so that what
	// happens while it leaves is shown too.
	ctx := context.Background()
	for g := range d.node.groups {
		d.note(g.Domain())
		if d.events == nil {
			continue // a subscription has its price: members wait for it when they leave
		}
		wg.Go(func() {
			for c := range g.Changes(ctx) {
				d.events.Change(c, d.node.self().ID)
			}
		})
	}
}

// note remembers a name.
func (d *directory) note(domain string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.domains[domain] = true
}

// names gives all names in order.
func (d *directory) names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.domains))
}

// view is the JSON form of one view.
type view struct {
	Domain   string            `json:"domain"`
	View     uint64            `json:"view"`
	Isolated bool              `json:"isolated"`
	Members  []eventlog.Member `json:"members"`
	Managers []eventlog.Member `json:"managers"`
}

// handler answers GET /members with all views, sorted by domain, and GET /healthz
// with 200, or with 503 once the node has ended.
func (d *directory) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /members", d.members)
	mux.HandleFunc("GET /healthz", d.healthz)
	return mux
}

func (d *directory) members(w http.ResponseWriter, _ *http.Request) {
	views := []view{} // never null
	for _, domain := range d.names() {
		// A domain that nobody belongs to any more may be gone again.
		if g := d.node.find(domain); g != nil {
			views = append(views, viewOf(g.View()))
		}
	}
	w.Header().Set("Content-Type", "application/json")
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	_ = out.Encode(views) // only the client's absence can fail it
}

func (d *directory) healthz(w http.ResponseWriter, _ *http.Request) {
	select {
	case <-d.node.done:
		http.Error(w, "the node has ended", http.StatusServiceUnavailable)
	default:
		io.WriteString(w, "ok\n")
	}
}

// viewOf makes the JSON form of a view.
func viewOf(v membership.View) view {
	out := view{
		Domain:   v.Domain(),
		View:     v.Number(),
		Isolated: v.Isolated(),
		Members:  []eventlog.Member{},
		Managers: []eventlog.Member{},
	}
	for m := range v.All() {
		out.Members = append(out.Members, eventlog.MemberOf(m))
	}
	for m := range v.Managers() {
		out.Managers = append(out.Managers, eventlog.MemberOf(m))
	}
	return out
}
