package main

import (
	"encoding/json"
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
	follow  func(group)     // called for each, in a goroutine of its own; nil: nobody wants to know
	mu      sync.Mutex      // for domains; held for nothing else
	domains map[string]bool // the names; the node bounds how many there are
}

// newDirectory makes an empty one; run fills it.
func newDirectory(node *cluster, follow func(group)) *directory {
	return &directory{node: node, follow: follow, domains: map[string]bool{}}
}

// run follows the groups until the node has ended.
func (d *directory) run() {
	var wg sync.WaitGroup
	defer wg.Wait()
	for g := range d.node.groups {
		d.note(g.Domain())
		if d.follow != nil { // a subscription has its price: members wait for it when they leave
			wg.Go(func() { d.follow(g) })
		}
	}
}

// groups gives all groups that are there.
func (d *directory) groups() []group {
	var out []group
	for _, domain := range d.names() {
		// A domain that nobody belongs to any more may be gone again.
		if g, ok := d.node.find(domain).(group); ok {
			out = append(out, g)
		}
	}
	return out
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

// ServeHTTP answers with all views, sorted by domain.
func (d *directory) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	views := []view{} // never null
	for _, g := range d.groups() {
		views = append(views, viewOf(g.View()))
	}
	w.Header().Set("Content-Type", "application/json")
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	_ = out.Encode(views) // only the client's absence can fail it
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
