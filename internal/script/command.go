package script

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/internal/world"
)

const (
	settleQuiet = 5 * time.Second // without a change of any view
	settleMost  = 2 * time.Minute
	settleRound = 10 * time.Second // the clock then goes on to a round time
)

// command performs one line.
func (s *stage) command(text string) error {
	f := strings.Fields(text)
	name, args := f[0], f[1:]
	if do := hostCommands[name]; do != nil {
		return s.each(args, do)
	}
	if do := procCommands[name]; do != nil {
		return s.each(args, func(s *stage, n *node) error {
			if n.host.Proc() == nil {
				return fmt.Errorf("no process runs at %s", n.host.Address())
			}
			do(n.host.Proc())
			return nil
		})
	}
	if do := lineCommands[name]; do != nil {
		return do(s, args)
	}
	return errors.New("no such command")
}

// hostCommands name hosts: start a b c.
var hostCommands = map[string]func(s *stage, n *node) error{
	"start": func(s *stage, n *node) error {
		if n.host.Proc() != nil {
			return errors.New("it runs already")
		}
		n.host.Start(n.cfg)
		return nil
	},
	"kill":      func(_ *stage, n *node) error { n.host.Kill(); return nil },
	"powerloss": func(_ *stage, n *node) error { n.host.PowerLoss(); return nil },
	"pause":     func(_ *stage, n *node) error { n.host.Pause(); return nil },
	"resume":    func(_ *stage, n *node) error { n.host.Resume(); return nil },
	"restart":   func(_ *stage, n *node) error { n.host.Kill(); n.host.Start(n.cfg); return nil },
	"reset":     func(_ *stage, n *node) error { n.host.ResetLinks(); return nil },
	"stall":     func(_ *stage, n *node) error { n.host.StallLinks(); return nil },
}

// procCommands name running processes.
var procCommands = map[string]func(p *world.Proc){
	"leave": func(p *world.Proc) { p.Leave() },
}

// lineCommands read the rest of the line themselves.
var lineCommands map[string]func(s *stage, args []string) error

func init() { // not a composite literal: the functions look each other up
	lineCommands = map[string]func(s *stage, args []string) error{
		"seed":      (*stage).seed,
		"delay":     (*stage).delay,
		"node":      (*stage).node,
		"advance":   (*stage).advance,
		"settle":    (*stage).settle,
		"cut":       (*stage).cut,
		"cutoneway": (*stage).cut1,
		"partition": (*stage).partition,
		"heal":      (*stage).heal,
		"refuse":    (*stage).refuse,
		"loss":      (*stage).loss,
		"jump":      (*stage).jump,
		"dns":       (*stage).dns,
		"state":     (*stage).state,
		"set":       (*stage).set,
		"applied":   (*stage).applied,
		"failed":    (*stage).failed,
		"views":     (*stage).views,
		"want":      (*stage).want,
		"links":     (*stage).links,
		"explain":   (*stage).explain,
		"trace":     (*stage).trace,
	}
}

func (s *stage) each(names []string, do func(s *stage, n *node) error) error {
	if len(names) == 0 {
		return errors.New("which node?")
	}
	for _, name := range names {
		n, err := s.find(name)
		if err != nil {
			return err
		}
		if err := do(s, n); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) find(name string) (*node, error) {
	if n := s.nodes[name]; n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("no node %q", name)
}

// pair finds the two nodes that a command names.
func (s *stage) pair(args []string) (a, b *node, err error) {
	if len(args) != 2 {
		return nil, nil, errors.New("want two nodes")
	}
	if a, err = s.find(args[0]); err == nil {
		b, err = s.find(args[1])
	}
	return a, b, err
}

func (s *stage) seed(args []string) error {
	if s.w != nil || len(args) != 1 {
		return errors.New("want one number, before the first node")
	}
	n, err := strconv.ParseUint(args[0], 0, 64)
	s.opt.Seed = n
	return err
}

func (s *stage) delay(args []string) error {
	if s.w != nil || len(args) != 1 {
		return errors.New("want one duration, before the first node")
	}
	d, err := time.ParseDuration(args[0])
	s.opt.Delay = d
	return err
}

// address returns the address of a node; whatever has a port already is one.
func address(name string) string {
	if strings.Contains(name, ":") {
		return name
	}
	return name + ":1"
}

// node declares a node: node a wka=a,all.test domain=d manage=x,y name=n
// sub=s prop=k=v. A well-known address with a dot in it is a DNS name.
func (s *stage) node(args []string) error {
	if len(args) == 0 {
		return errors.New("which node?")
	}
	n := &node{host: s.world().Host(address(args[0])), cfg: machine.Config{Domain: ownDomain}}
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "wka":
			for w := range strings.SplitSeq(value, ",") {
				known := machine.WellKnown{Text: address(w), Address: address(w)}
				if strings.Contains(w, ".") {
					known.Address = ""
				}
				n.cfg.WellKnown = append(n.cfg.WellKnown, known)
			}
		case "domain":
			n.cfg.Domain = value
		case "manage":
			if value == "*" {
				n.cfg.ManageAny = true
			} else {
				n.cfg.Manage = strings.Split(value, ",")
			}
		case "name":
			n.cfg.Name = value
		case "sub":
			n.cfg.SubDomain = value
		case "prop":
			k, v, _ := strings.Cut(value, "=")
			n.cfg.Properties = append(n.cfg.Properties, wire.Property{Key: k, Value: v})
		default:
			return fmt.Errorf("no such setting %q", key)
		}
	}
	s.nodes[args[0]] = n
	return nil
}
