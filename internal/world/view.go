package world

import (
	"fmt"
	"sort"
	"strings"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// A View is what a process's application would see of one domain: the events
// folded, as a user would fold them.
type View struct {
	Number   uint64
	Isolated bool
	Members  map[wire.ID]*machine.Shown // managers included
	Added    map[string]int             // by address
	Removed  map[string]int
	Log      []string
}

// View returns the process's view of a domain, or nil.
func (p *Proc) View(domain string) *View { return p.views[domain] }

// Addresses returns the members' addresses, sorted, managers left out.
func (v *View) Addresses() []string {
	if v == nil {
		return nil
	}
	var out []string
	for _, s := range v.Members {
		if s.Record.Role == wire.Member {
			out = append(out, s.Record.Address)
		}
	}
	sort.Strings(out)
	return out
}

var kindWords = map[machine.EventKind]string{
	machine.Added: "added", machine.Updated: "updated", machine.Suspected: "suspected", machine.Recovered: "recovered",
	machine.DrainingEvent: "draining", machine.LeavingEvent: "leaving", machine.Removed: "removed",
	machine.IsolatedEvent: "isolated", machine.RejoinedEvent: "rejoined",
}

var causeWords = map[machine.EventCause]string{
	machine.NoCause: "", machine.CauseJoined: "joined", machine.CauseReturned: "returned", machine.CauseMerged: "merged",
	machine.CauseLeft: "left", machine.CauseCrashed: "crashed", machine.CauseSilent: "silent",
	machine.CauseReplaced: "replaced", machine.CauseIsolated: "isolated",
}

// publish folds a change and checks what must hold of every one.
func (p *Proc) publish(c *machine.Change) {
	w := p.host.w
	v := p.views[c.Domain]
	if v == nil {
		v = &View{Members: map[wire.ID]*machine.Shown{}, Added: map[string]int{}, Removed: map[string]int{}}
		p.views[c.Domain] = v
	}
	if c.Number != v.Number+1 {
		w.find("%s %s: view %d follows view %d", p.host.address, c.Domain, c.Number, v.Number)
	}
	v.Number, v.Isolated = c.Number, c.Isolated
	for _, e := range c.Events {
		p.fold(v, c, e)
	}
	at := map[string]wire.ID{}
	for id, s := range v.Members {
		if _, twice := at[s.Record.Address]; twice {
			w.find("%s %s: two members at %s", p.host.address, c.Domain, s.Record.Address)
		}
		at[s.Record.Address] = id
	}
	if v.Members[p.ID()] == nil {
		w.find("%s %s: not in its own view", p.host.address, c.Domain)
	}
}

func (p *Proc) fold(v *View, c *machine.Change, e machine.Event) {
	w := p.host.w
	r := e.Shown.Record
	old := v.Members[r.ID]
	line := strings.TrimSpace(fmt.Sprintf("%s %s %s", kindWords[e.Kind], r.Address, causeWords[e.Cause]))
	w.trace("%s %s view %d: %s", p.host.address, c.Domain, c.Number, line)
	if len(v.Log) < 10000 {
		v.Log = append(v.Log, fmt.Sprintf("%s %s", w.now, line))
	}
	switch e.Kind {
	case machine.Added:
		if old != nil {
			w.find("%s %s: added twice: %s", p.host.address, c.Domain, r)
		}
		v.Added[r.Address]++
		v.Members[r.ID] = e.Shown
	case machine.Removed:
		if old == nil {
			w.find("%s %s: removed but not there: %s", p.host.address, c.Domain, r)
		}
		v.Removed[r.Address]++
		delete(v.Members, r.ID)
	case machine.IsolatedEvent, machine.RejoinedEvent:
	default:
		if old == nil {
			w.find("%s %s: %s of who is not there: %s", p.host.address, c.Domain, kindWords[e.Kind], r)
		} else if old.Record.Newer(r) {
			w.find("%s %s: version went back: %s after %s", p.host.address, c.Domain, r, old.Record)
		}
		v.Members[r.ID] = e.Shown
	}
}
