package admin

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"github.com/gotribes/tribes/examples/internal/traffic"
	"github.com/gotribes/tribes/membership"
)

// A State is the page as JSON.
type State struct {
	At       time.Time    `json:"at"`
	Balancer Balancer     `json:"balancer"`
	Domains  []DomainJSON `json:"domains"`
	Events   []Entry      `json:"events"` // the newest first, at most 200
}

// A Balancer is who is asked.
type Balancer struct {
	Ref
	Domain  string    `json:"domain"`
	Cluster string    `json:"cluster"`
	Since   time.Time `json:"since"`
	Ready   bool      `json:"ready"`
	Why     string    `json:"why,omitempty"` // it is not
}

// Figures are those of traffic: of the last ten seconds, and totals.
type Figures struct {
	Requests        uint64  `json:"requests"`
	Errors          uint64  `json:"errors"`
	PerSecond       float64 `json:"requestsPerSecond"`
	ErrorsPerSecond float64 `json:"errorsPerSecond"`
	Median          float64 `json:"medianSeconds"` // until the first byte; 0 is unknown
	Slow            float64 `json:"p99Seconds"`
}

func figures(f traffic.Figures) Figures {
	return Figures{f.Requests, f.Errors, f.PerSecond, f.ErrorsPerSecond, f.Median.Seconds(), f.Slow.Seconds()}
}

// A DomainJSON is one domain.
type DomainJSON struct {
	Domain   string         `json:"domain"`
	View     uint64         `json:"view"`
	Isolated bool           `json:"isolated"`
	States   map[string]int `json:"states"` // how many members are in each
	Traffic  Figures        `json:"traffic"`
	From     int            `json:"from"` // the first of the members below, from 1
	All      int            `json:"all"`  // members that the search found
	Members  []MemberJSON   `json:"members"`
	Managers []Ref          `json:"managers"`
}

// A MemberJSON is one member.
type MemberJSON struct {
	Ref
	SubDomain    string            `json:"subDomain,omitempty"`
	State        string            `json:"state"`
	Unreachable  bool              `json:"unreachable,omitempty"` // for this balancer
	NameConflict bool              `json:"nameConflict,omitempty"`
	Last         *Happening        `json:"last,omitempty"` // what happened to it last
	Traffic      Figures           `json:"traffic"`
	Properties   map[string]string `json:"properties"`
}

// mostJSON bounds the members of one answer; ?page= leads further.
const mostJSON = 1000

// state answers GET /api/state, and GET / for who wants JSON.
func (s *Site) state(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	shot := s.now()
	out := State{
		At: shot.at.UTC(), Domains: []DomainJSON{}, Events: s.timeline.newest(q.domain, mostEntries),
		Balancer: Balancer{Ref: refTo(&shot.self), Domain: shot.self.Domain, Cluster: s.options.Cluster, Since: s.began.UTC(),
			Ready: shot.ready == nil},
	}
	if shot.ready != nil {
		out.Balancer.Why = shot.ready.Error()
	}
	for _, d := range shot.domains {
		if q.domain == "" || q.domain == d.name {
			out.Domains = append(out.Domains, d.json(q))
		}
	}
	if q.domain != "" && len(out.Domains) == 0 {
		http.Error(w, "this domain is not followed", http.StatusNotFound)
		return
	}
	writeJSON(w, out)
}

// json makes that of a domain.
func (d *domain) json(q query) DomainJSON {
	rows, pager := q.cut(d.search(q.search), mostJSON)
	out := DomainJSON{
		Domain: d.name, View: d.view.Number(), Isolated: d.view.Isolated(), States: map[string]int{}, Traffic: figures(d.traffic),
		From: pager.From, All: pager.All, Members: []MemberJSON{}, Managers: []Ref{},
	}
	for state, n := range d.states {
		out.States[state.String()] = n
	}
	for _, r := range rows {
		out.Members = append(out.Members, r.json())
	}
	for i := range d.managers {
		out.Managers = append(out.Managers, refTo(&d.managers[i]))
	}
	return out
}

// json makes that of a member.
func (r *row) json() MemberJSON {
	out := MemberJSON{
		Ref: refTo(&r.Member), SubDomain: r.SubDomain, State: r.State.String(), Unreachable: r.Unreachable,
		NameConflict: r.NameConflict, Traffic: figures(r.traffic), Properties: r.properties(),
	}
	if !r.last.At.IsZero() {
		out.Last = &r.last
	}
	return out
}

// A Why is what the balancer knows of one participant.
type Why struct {
	Ref
	Domain      string            `json:"domain"`
	Known       bool              `json:"known"`
	Present     bool              `json:"present"`
	Manager     bool              `json:"manager"`
	State       string            `json:"state"`
	Watched     bool              `json:"watched"` // by this balancer
	Linked      bool              `json:"linked"`
	LastHeard   float64           `json:"lastHeardSeconds,omitempty"`
	RoundTrip   float64           `json:"roundTripSeconds,omitempty"`
	Watchers    []WatcherJSON     `json:"watchers"`
	Removal     *RemovalJSON      `json:"removal,omitempty"`
	Transitions []Happening       `json:"transitions"` // the oldest first
	Properties  map[string]string `json:"properties"`
	Text        string            `json:"text"` // all of it in a few lines
}

// A WatcherJSON is who watches a member, or accuses it.
type WatcherJSON struct {
	ID      string `json:"id"`
	Address string `json:"address"`
	Self    bool   `json:"self,omitempty"`
	Stance  string `json:"stance"`
	Cause   string `json:"cause,omitempty"`
}

// A RemovalJSON is how a member went.
type RemovalJSON struct {
	Cause string    `json:"cause"`
	At    time.Time `json:"at"`
}

// memberJSON answers GET /api/member.
func (s *Site) memberJSON(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	e, ok := s.explain(q)
	if !ok {
		http.Error(w, "no such member is known", http.StatusNotFound)
		return
	}
	out := Why{
		Ref: refTo(&e.Member), Domain: e.Domain, Known: e.Known, Present: e.Present, Manager: e.Manager,
		State: e.Member.State.String(), Watched: e.Watched, Linked: e.Linked, LastHeard: e.LastHeard.Seconds(),
		RoundTrip: e.RoundTrip.Seconds(), Watchers: []WatcherJSON{}, Transitions: []Happening{},
		Properties: maps.Collect(e.Member.Properties()), Text: e.String(),
	}
	for _, by := range e.Watchers {
		out.Watchers = append(out.Watchers, WatcherJSON{by.ID.String(), by.Address, by.Self, by.Stance.String(), by.Cause.String()})
	}
	for _, t := range e.Transitions {
		out.Transitions = append(out.Transitions, Happening{t.At.UTC(), t.Kind.String(), t.Cause.String()})
	}
	if e.Removal != nil {
		out.Removal = &RemovalJSON{e.Removal.Cause.String(), e.Removal.At.UTC()}
	}
	writeJSON(w, out)
}

// explain asks the group of a query about its member.
func (s *Site) explain(q query) (membership.Explanation, bool) {
	f := s.find(q.domain)
	if f == nil || !q.one() {
		return membership.Explanation{}, false
	}
	if e, ok := f.group.(explainer); ok {
		out := e.Explain(q.id)
		return out, out.Known
	}
	m, ok := f.group.View().Get(q.id)
	return membership.Explanation{ID: q.id, Domain: q.domain, Known: ok, Present: ok, Member: m}, ok
}

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	_ = out.Encode(v) // only the client's absence can fail it
}
