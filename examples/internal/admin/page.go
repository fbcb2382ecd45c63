package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gotribes/tribes/examples/internal/traffic"
	"github.com/gotribes/tribes/membership"
)

// home answers GET /.
func (s *Site) home(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
		s.state(w, r)
		return
	}
	q := queryOf(r)
	q.id = membership.ID{}
	s.show(w, q)
}

// member answers GET /member.
func (s *Site) member(w http.ResponseWriter, r *http.Request) { s.show(w, queryOf(r)) }

// show answers with the page for a query.
func (s *Site) show(w http.ResponseWriter, q query) {
	page, err := s.render(s.now(), q)
	if err != nil {
		status := http.StatusInternalServerError
		if err == errUnknown {
			status = http.StatusNotFound
		}
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = templates.ExecuteTemplate(w, "page.html", page) // only the client's absence can fail it
}

// renderDomains makes the page of all domains, or of one.
func (s *Site) renderDomains(r *rendering, shot *snapshot, q query) error {
	r.main, r.title = "domains.html", shot.self.Name
	domains := shot.domains
	if q.domain != "" {
		d := shot.get(q.domain)
		if d == nil {
			return errUnknown
		}
		domains, r.title = []*domain{d}, q.domain
	}
	if err := r.add("summary", "summary.html", s.summary(shot, q)); err != nil {
		return err
	}
	for i, d := range domains {
		v := viewOf(shot, d, q)
		for _, part := range []string{"head", "table", "picture"} {
			if err := r.add(fmt.Sprintf("domain%d-%s", i, part), part+".html", v); err != nil {
				return err
			}
		}
	}
	return r.add("timeline", "timeline.html", s.eventsOf(shot, q, fewEvents))
}

// A summaryView is the top of the page.
type summaryView struct {
	Shot     *snapshot
	Self     membership.Member
	Cluster  string
	NotReady string // why; "" is ready
	Members  int
	Domains  int
	Trouble  int // members that are not alive
	Traffic  traffic.Figures
	Back     string // where all domains are; "" is here
	Since    string
}

// summary makes it.
func (s *Site) summary(shot *snapshot, q query) summaryView {
	out := summaryView{Shot: shot, Self: shot.self, Cluster: s.options.Cluster, Since: ago(shot.at, s.began)}
	if out.Cluster == "" {
		out.Cluster = "default"
	}
	if shot.ready != nil {
		out.NotReady = shot.ready.Error()
	}
	if q.domain != "" {
		out.Back = "/"
	}
	for _, d := range shot.domains {
		if d.own {
			continue
		}
		out.Domains++
		out.Members += len(d.rows)
		out.Trouble += len(d.rows) - d.states[membership.Alive]
		out.Traffic.PerSecond += d.traffic.PerSecond
		out.Traffic.ErrorsPerSecond += d.traffic.ErrorsPerSecond
		out.Traffic.Median = max(out.Traffic.Median, d.traffic.Median)
		out.Traffic.Slow = max(out.Traffic.Slow, d.traffic.Slow)
	}
	return out
}

// A stateCount is how many members are in a state.
type stateCount struct {
	State string
	Count int
}

// A rowView is a row of the table.
type rowView struct {
	*row
	Link, LastWords, LastAgo string
	Traffic                  traffic.Figures
	Notes                    []string
}

// A domainView is one domain on the page.
type domainView struct {
	Name, Link string
	Own        bool // of the balancers
	Isolated   bool
	View       uint64
	All        int
	States     []stateCount
	Traffic    traffic.Figures
	Sparks     Spark
	Rows       []rowView
	Pager      Pager
	Single     bool // it is alone on the page
	Search     string
	Managers   int
	Picture    *Picture
}

// viewOf makes the view of a domain.
func viewOf(shot *snapshot, d *domain, q query) domainView {
	single := q.domain != ""
	most := fewRows
	if single {
		most = manyRows
	}
	own := q
	own.domain = d.name
	rows, pager := own.cut(d.search(q.search), most)
	out := domainView{
		Name: d.name, Link: query{domain: d.name}.address(), Own: d.own, Isolated: d.view.Isolated(), View: d.view.Number(),
		All: len(d.rows), Traffic: d.traffic, Sparks: spark(d.history), Pager: pager, Single: single, Search: q.search,
		Managers: len(d.managers),
	}
	for _, state := range []membership.State{membership.Alive, membership.Suspect, membership.Draining, membership.Leaving} {
		if n := d.states[state]; n > 0 {
			out.States = append(out.States, stateCount{state.String(), n})
		}
	}
	for _, r := range rows {
		out.Rows = append(out.Rows, rowOf(shot, d, r))
	}
	if w := d.web(membership.ID{}); w != nil && len(d.rows) > 0 {
		out.Picture = w.draw(d.name)
		out.Picture.about(w, d)
	}
	return out
}

// Arrows tells whether anybody is seen to watch anybody.
func (v domainView) Arrows() bool { return v.Picture != nil && len(v.Picture.Lines) > 0 }

// rowOf makes a row of the table.
func rowOf(shot *snapshot, d *domain, r *row) rowView {
	v := rowView{row: r, Link: link(d.name, r.ID), Traffic: r.traffic}
	if !r.last.At.IsZero() {
		v.LastWords, v.LastAgo = eventWords(r.last.Event, r.last.Cause), ago(shot.at, r.last.At)
	}
	if r.Unreachable {
		v.Notes = append(v.Notes, "not reachable from here")
	}
	if r.NameConflict {
		v.Notes = append(v.Notes, "another member has its name")
	}
	if r.ID == shot.self.ID {
		v.Notes = append(v.Notes, "this balancer")
	}
	return v
}

// about says whose watchers a picture shows.
func (p *Picture) about(w *web, d *domain) {
	if w.focus == nil {
		return
	}
	var names []string
	for _, id := range w.focus {
		if m, ok := d.view.Get(id); ok {
			names = append(names, shorten(m.Name))
		}
	}
	slices.Sort(names)
	p.Focus = strings.Join(names, ", ")
}

// An eventsView is the timeline.
type eventsView struct {
	Shot    *snapshot
	Entries []Entry
	Domains bool // entries are of several
}

// eventsOf makes the timeline for a query.
func (s *Site) eventsOf(shot *snapshot, q query, most int) eventsView {
	return eventsView{shot, s.timeline.newest(q.domain, most), q.domain == ""}
}

// Link leads to a member of an entry.
func (e Entry) Link(r Ref) string {
	return "/member?" + urlValues("domain", e.Domain, "id", r.ID)
}
