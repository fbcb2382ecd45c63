// Package balance is a small HTTP balancer over the views of a node: requests
// go round robin to the members of a domain. It has no queue, no health check
// and no table of its own; who is there is read from the view for each request.
package balance

import (
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/gotribes/tribes/membership"
)

// PortProperty is the property that says on which port a member serves HTTP.
// The host is that of its address.
const PortProperty = "httpPort"

// A Domain is what a balancer needs to know of one domain. A *membership.Group
// is one.
type Domain interface {
	// View is who is there now. It is called for every request.
	View() membership.View
	// ReportFailure says that a request did not reach a member.
	ReportFailure(id membership.ID, err error)
}

// Find looks up a domain by its name; nil if nobody has heard of it.
type Find func(domain string) Domain

// FromNode finds the domains that a node belongs to or follows.
func FromNode(node *membership.Node) Find {
	return func(domain string) Domain {
		if g, ok := node.Group(domain); ok {
			return g
		}
		return nil // and not a nil *Group, which would not be nil as a Domain
	}
}

// A Target is a member that requests may go to.
type Target struct {
	ID   membership.ID
	Host string // host:port of its HTTP server
}

// A Picker gives the members of domains, each time beginning with the next one.
// The zero value is ready; methods may be called from many goroutines.
type Picker struct {
	mu    sync.Mutex
	turns map[string]uint64 // requests so far, by domain; only domains that a node follows, which are bounded
}

// Pick gives the members that a request may be tried at, best first: those
// that are alive, from the one whose turn it is, then those under suspicion.
// Draining and leaving members get nothing new. None is an *EmptyError.
func (p *Picker) Pick(domain string, d Domain) ([]Target, error) {
	if d == nil {
		return nil, &EmptyError{Domain: domain, Reason: "no member of it has been heard of"}
	}
	var alive, suspect []Target
	view, portless := d.View(), 0
	for m := range view.All() {
		port := m.Property(PortProperty)
		host, _, err := net.SplitHostPort(m.Address)
		if err != nil || port == "" {
			portless++
			continue
		}
		t := Target{ID: m.ID, Host: net.JoinHostPort(host, port)}
		switch m.State {
		case membership.Alive:
			alive = append(alive, t)
		case membership.Suspect:
			suspect = append(suspect, t)
		}
	}
	if len(alive)+len(suspect) == 0 {
		return nil, &EmptyError{Domain: domain, Reason: reason(view.Len(), portless)}
	}
	turn := p.turn(domain)
	return append(rotate(alive, turn), rotate(suspect, turn)...), nil
}

// turn counts the requests of a domain, from 0.
func (p *Picker) turn(domain string) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.turns == nil {
		p.turns = map[string]uint64{}
	}
	n := p.turns[domain]
	p.turns[domain] = n + 1
	return n
}

// rotate begins the list with the one whose turn it is. Views are sorted by
// address; as long as nobody comes or goes every member gets its share.
func rotate(list []Target, turn uint64) []Target {
	if len(list) == 0 {
		return nil
	}
	first := int(turn % uint64(len(list)))
	return slices.Concat(list[first:], list[:first])
}

// reason says why a domain with members may still be of no use.
func reason(members, portless int) string {
	switch {
	case members == 0:
		return "it has no members"
	case portless == members:
		return fmt.Sprintf("none of its %d members publishes the property %s", members, PortProperty)
	}
	return fmt.Sprintf("of its %d members %d are draining or leaving and %d publish no %s",
		members, members-portless, portless, PortProperty)
}

// An EmptyError says that a domain has nobody to send a request to.
type EmptyError struct {
	Domain string
	Reason string // a clause, as in "it has no members"
	Err    error  // of the last member tried, or nil
}

// Error names the domain and the reason.
func (e *EmptyError) Error() string {
	return fmt.Sprintf("nobody in domain %q can answer: %s", e.Domain, e.Reason)
}

// Unwrap returns the error of the last member tried.
func (e *EmptyError) Unwrap() error { return e.Err }
