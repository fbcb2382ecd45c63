package admin

import (
	"slices"
	"sync"
	"time"

	"github.com/gotribes/tribes/membership"
)

// Bounds of the timeline: entries, and members that one entry names.
const (
	mostEntries = 200
	mostNamed   = 4
)

// A Happening is the last event of a member.
type Happening struct {
	At    time.Time `json:"at"`
	Event string    `json:"event"`
	Cause string    `json:"cause,omitempty"`
}

// An Entry of the timeline is what has happened to some members of a domain
// together.
type Entry struct {
	Happening
	Domain  string `json:"domain"`
	View    uint64 `json:"view"`    // the number that it led to
	Count   int    `json:"count"`   // of members
	Members []Ref  `json:"members"` // the first few of them
}

// More is how many members it does not name.
func (e Entry) More() int { return e.Count - len(e.Members) }

// A Ref names a member.
type Ref struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"`
}

// refTo names a member.
func refTo(m *membership.Member) Ref { return Ref{m.ID.String(), m.Name, m.Address} }

// A timeline remembers the last entries of all domains.
type timeline struct {
	mu      sync.Mutex // held for nothing that can block
	entries []Entry    // the oldest first
}

// take adds the events of a change; those of one kind and cause are one entry.
func (t *timeline) take(c membership.Change, now time.Time) {
	var entries []Entry
	for _, e := range c.Events {
		h := happening(&e, now)
		i := slices.IndexFunc(entries, func(o Entry) bool { return o.Happening == h })
		if i < 0 {
			i = len(entries)
			entries = append(entries, Entry{Happening: h, Domain: c.View.Domain(), View: c.View.Number()})
		}
		if o := &entries[i]; len(o.Members) < mostNamed {
			o.Members = append(o.Members, refTo(&e.Member))
		}
		entries[i].Count++
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries = append(t.entries, entries...)
	if over := len(t.entries) - mostEntries; over > 0 {
		t.entries = slices.Clone(t.entries[over:])
	}
}

// newest gives entries, the newest first, of one domain or, with "", of all.
func (t *timeline) newest(domain string, most int) []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := []Entry{}
	for _, e := range slices.Backward(t.entries) {
		if len(out) < most && (domain == "" || e.Domain == domain) {
			out = append(out, e)
		}
	}
	return out
}

// happening is an event at a time.
func happening(e *membership.Event, now time.Time) Happening {
	return Happening{At: now.UTC(), Event: e.Kind.String(), Cause: e.Cause.String()}
}

// A followed is a group, with the last event of each of its members.
type followed struct {
	group Group

	mu   sync.Mutex // held for nothing that can block
	last map[membership.ID]Happening

	pictures pictures
}

// take notes what a change says of members.
func (f *followed) take(c membership.Change, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range c.Events {
		if e.Kind == membership.MemberRemoved {
			delete(f.last, e.Member.ID)
		} else {
			f.last[e.Member.ID] = happening(&e, now)
		}
	}
}

// of gives the last event of a member.
func (f *followed) of(id membership.ID) Happening {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last[id]
}
