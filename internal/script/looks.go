package script

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/internal/world"
)

// Commands that an application would give, and those that only look.

// proc finds the running process of a node.
func (s *stage) proc(name string) (*world.Proc, error) {
	n, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if n.host.Proc() == nil {
		return nil, fmt.Errorf("no process runs at %s", n.host.Address())
	}
	return n.host.Proc(), nil
}

var stateWords = map[string]wire.State{"alive": wire.Alive, "draining": wire.Draining, "leaving": wire.Leaving}

// state a draining publishes a state.
func (s *stage) state(args []string) error {
	if len(args) != 2 || stateWords[args[1]] == 0 {
		return errors.New("want a node and alive, draining or leaving")
	}
	p, err := s.proc(args[0])
	if err == nil {
		p.Call(func(m *machine.Machine, now time.Duration) { m.SetState(now, stateWords[args[1]]) })
	}
	return err
}

// set a k=v … publishes properties in place of the former ones.
func (s *stage) set(args []string) error {
	if len(args) == 0 {
		return errors.New("which node?")
	}
	p, err := s.proc(args[0])
	if err != nil {
		return err
	}
	var props []wire.Property
	for _, arg := range args[1:] {
		k, v, _ := strings.Cut(arg, "=")
		props = append(props, wire.Property{Key: k, Value: v})
	}
	sort.Slice(props, func(i, j int) bool { return props[i].Key < props[j].Key })
	p.Call(func(m *machine.Machine, now time.Duration) { m.SetProperties(now, props) })
	return nil
}

// applied a [domain]: the application of a has applied its newest view.
func (s *stage) applied(args []string) error {
	if len(args) == 0 {
		return errors.New("which node?")
	}
	p, err := s.proc(args[0])
	if err != nil {
		return err
	}
	domain := ownDomain
	if len(args) > 1 {
		domain = args[1]
	}
	v := p.View(domain)
	if v == nil {
		return fmt.Errorf("no view of %s", domain)
	}
	p.Call(func(m *machine.Machine, now time.Duration) { m.Applied(now, domain, v.Number) })
	return nil
}

// failed a b [domain]: the traffic of a's application to b has failed.
func (s *stage) failed(args []string) error {
	domain := ownDomain
	if len(args) == 3 {
		domain, args = args[2], args[:2]
	}
	a, b, err := s.pair(args)
	if err != nil || a.host.Proc() == nil || b.host.Proc() == nil {
		return errors.Join(err, errors.New("both must run"))
	}
	a.host.Proc().Call(func(m *machine.Machine, now time.Duration) { m.ReportFailure(now, domain, b.host.Proc().ID()) })
	return nil
}

// views [domain] prints what each node shows of each domain.
func (s *stage) views(args []string) error {
	for _, name := range s.names() {
		p := s.nodes[name].host.Proc()
		if p == nil {
			s.print("           %s  does not run", name)
			continue
		}
		for _, d := range p.Machine().Domains() {
			if v := p.View(d.Name); v != nil && (len(args) == 0 || args[0] == d.Name) {
				s.view(name, d.Name, v)
			}
		}
	}
	return nil
}

func (s *stage) view(name, domain string, v *world.View) {
	var members, managers []string
	for _, x := range v.All() {
		if x.Record.Role == wire.Manager {
			managers = append(managers, "managed by "+short(x.Record.Address))
			continue
		}
		members = append(members, short(x.Record.Address)+marks(x))
	}
	sort.Strings(members)
	sort.Strings(managers)
	if domain != ownDomain {
		name += "/" + domain
	}
	s.print("           %s  view %d: %s", name, v.Number, strings.Join(append([]string{strings.Join(members, " ")}, managers...), ", "))
}

// marks says what is special about a member, in brackets.
func marks(x machine.Shown) string {
	var out []string
	for word, state := range stateWords {
		if state == x.Record.State && state != wire.Alive {
			out = append(out, word)
		}
	}
	if x.Suspect {
		out = append(out, "suspect")
	}
	if x.Unreachable {
		out = append(out, "unreachable")
	}
	if x.NameConflict {
		out = append(out, "name conflict")
	}
	if x.Record.Incarnation > 1 {
		out = append(out, fmt.Sprintf("incarnation %d", x.Record.Incarnation))
	}
	for _, p := range x.Record.Properties {
		out = append(out, p.Key+"="+p.Value)
	}
	if out == nil {
		return ""
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// want a b at a b [in domain]: the nodes behind at show just these members.
// want isolated a: a holds itself for cut off. What does not hold fails the
// test also under -rewrite: it is the moral of the story.
func (s *stage) want(args []string) error {
	if len(args) == 2 && args[0] == "isolated" {
		p, err := s.proc(args[1])
		if err == nil && !p.View(ownDomain).Isolated {
			s.unmet = append(s.unmet, args[1]+" is not isolated")
		}
		return err
	}
	domain := ownDomain
	if n := len(args); n > 2 && args[n-2] == "in" {
		domain, args = args[n-1], args[:n-2]
	}
	at := slices.Index(args, "at")
	if at < 1 || at == len(args)-1 {
		return errors.New("want members, the word at, and nodes")
	}
	var want []string
	for _, name := range args[:at] {
		want = append(want, address(name))
	}
	sort.Strings(want)
	for _, name := range args[at+1:] {
		p, err := s.proc(name)
		if err != nil {
			return err
		}
		if got := p.View(domain).Addresses(); !slices.Equal(got, want) {
			s.unmet = append(s.unmet, short(fmt.Sprintf("%s shows %v, and should show %v", name, got, want)))
		}
	}
	return nil
}

// links prints how many links each running node holds.
func (s *stage) links([]string) error {
	for _, name := range s.names() {
		if p := s.nodes[name].host.Proc(); p != nil {
			s.print("           %s  %d links", name, p.Links())
		}
	}
	return nil
}

// explain a b [domain] prints what a knows of b.
func (s *stage) explain(args []string) error {
	domain := ownDomain
	if len(args) == 3 {
		domain, args = args[2], args[:2]
	}
	a, b, err := s.pair(args)
	if err != nil {
		return err
	}
	p := a.host.Proc()
	if p == nil || b.host.Proc() == nil {
		return errors.New("both must run")
	}
	s.print("           %s  %s", args[0], short(p.Machine().Explain(domain, b.host.Proc().ID())))
	return nil
}

// trace on prints every message but heartbeats, for who looks into a story.
func (s *stage) trace(args []string) error {
	s.tracing = len(args) == 1 && args[0] == "on"
	return nil
}
