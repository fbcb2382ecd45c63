package upstream

import (
	"context"
	"crypto/sha256"
	"iter"

	"github.com/gotribes/tribes/membership"
)

// A Group is where members come from. A *membership.Group is one; see also
// [Static].
type Group interface {
	// Changes yields the members as they are, at once, and then every change
	// until ctx ends. Each change has the whole View; Events tell why members
	// went, and may be left out.
	Changes(ctx context.Context) iter.Seq[membership.Change]
	// ReportFailure says that a request did not reach a member. It must not
	// wait for long. A pool calls it once a second for each member at most.
	ReportFailure(id membership.ID, err error)
}

// Static returns a group whose members never change: one for each address,
// host:port of the server itself, always alive. It is for tests and for lists
// that come from a file. [Options.Port] is not looked at. Addresses that occur
// twice count once.
func Static(addresses ...string) Group {
	members := make([]membership.Member, 0, len(addresses))
	for _, a := range addresses {
		sum := sha256.Sum256([]byte(a))
		members = append(members, membership.Member{
			ID: membership.ID(sum[:16]), Name: a, Domain: "static", Address: a, State: membership.Alive, Incarnation: 1, Version: 1,
		})
	}
	return static{membership.MakeView("static", 1, members)}
}

type static struct{ view membership.View }

// Changes yields the members once.
func (s static) Changes(ctx context.Context) iter.Seq[membership.Change] {
	return func(yield func(membership.Change) bool) {
		if yield(membership.Change{View: s.view}) {
			<-ctx.Done()
		}
	}
}

// ReportFailure does nothing: nobody watches.
func (s static) ReportFailure(membership.ID, error) {}
