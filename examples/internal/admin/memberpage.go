package admin

import (
	"fmt"
	"time"

	"github.com/gotribes/tribes/membership"
)

// A fact is a line about a member.
type fact struct{ Name, Value string }

// A memberView is the page of one member.
type memberView struct {
	Shot       *snapshot
	Domain     string
	DomainLink string
	Name       string
	State      string
	Facts      []fact
	Notes      []string
	Watchers   []watcherView
	Stances    bool // the group knows who watches whom
	Past       []Happening
	Properties []fact
	Picture    *Picture
}

// A watcherView is one of those who watch the member.
type watcherView struct{ Link, Address, Stance, Class, Cause, Who string }

// renderMember makes the page of one member.
func (s *Site) renderMember(r *rendering, shot *snapshot, q query) error {
	e, ok := s.explain(q)
	if !ok {
		return errUnknown
	}
	v := memberView{Shot: shot, Domain: q.domain, DomainLink: query{domain: q.domain}.address(), Name: e.Member.Name}
	if v.Name == "" {
		v.Name = e.Member.Address
	}
	r.main, r.title = "member.html", v.Name
	v.tell(&e)
	if d := shot.get(q.domain); d != nil {
		if w := d.web(q.id); w != nil && e.Present && !e.Manager {
			v.Picture = w.draw(d.name)
			v.Picture.about(w, d)
		}
		_, v.Stances = d.followed.group.(explainer)
	}
	for _, part := range []string{"summary", "facts", "watchers", "past"} {
		data := any(v)
		if part == "summary" {
			data = s.summary(shot, q)
		}
		if err := r.add(part, part+".html", data); err != nil {
			return err
		}
	}
	return nil
}

// tell makes words of an explanation.
func (v *memberView) tell(e *membership.Explanation) {
	m := &e.Member
	v.State = m.State.String()
	add := func(name, value string) {
		if value != "" {
			v.Facts = append(v.Facts, fact{name, value})
		}
	}
	add("address", m.Address)
	add("sub-domain", m.SubDomain)
	add("ID", e.ID.String())
	add("incarnation, version", fmt.Sprintf("%d, %d", m.Incarnation, m.Version))
	if e.Linked {
		add("last heard", fmt.Sprintf("%v ago", e.LastHeard.Round(10*time.Millisecond)))
	}
	if e.RoundTrip > 0 {
		add("connect and handshake", took(e.RoundTrip))
	}
	switch {
	case !e.Present && e.Removal != nil:
		v.State = "gone"
		add("gone", fmt.Sprintf("%s, at %s", e.Removal.Cause, clock(e.Removal.At)))
	case !e.Present:
		v.State = "gone"
	case e.Manager:
		v.State = "manager"
	}
	if m.Unreachable {
		v.Notes = append(v.Notes, fmt.Sprintf("This balancer cannot reach it (%s); others may.", e.Unreachable))
	}
	if m.NameConflict {
		v.Notes = append(v.Notes, "Another live member has the same name.")
	}
	for _, w := range e.Watchers {
		o := watcherView{Link: link(e.Domain, w.ID), Address: w.Address, Stance: w.Stance.String(), Class: stanceClass(w.Stance)}
		o.Cause = w.Cause.String()
		if w.Self {
			o.Who = "this balancer"
		}
		v.Watchers = append(v.Watchers, o)
	}
	for i := len(e.Transitions) - 1; i >= 0; i-- {
		t := e.Transitions[i]
		v.Past = append(v.Past, Happening{t.At, t.Kind.String(), t.Cause.String()})
	}
	for key, value := range m.Properties() {
		v.Properties = append(v.Properties, fact{key, value})
	}
}
