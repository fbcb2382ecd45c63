package tribes

import (
	"context"
	"iter"

	"github.com/gotribes/tribes/membership"
)

// A Group is what a node keeps of one domain. It has what proxies need of a
// membership.Group. Its methods may be called from many goroutines at once, from
// inside the loops over its changes too.
type Group struct {
	node *Node
	feed *membership.Feed
}

// Domain returns the group's domain.
func (g *Group) Domain() string { return g.feed.Domain() }

// View returns the current view. It takes no lock and allocates nothing.
func (g *Group) View() membership.View { return g.feed.View() }

// Changes returns the group as it is now and then every change, until ctx ends
// or the node does. A slow reader gets fewer and larger changes. What happens
// within 10 ms comes as one. No member waits until a change is applied: Tribes
// has no message for that.
func (g *Group) Changes(ctx context.Context) iter.Seq[membership.Change] { return g.feed.Changes(ctx) }

// Events returns the events of Changes one at a time.
func (g *Group) Events(ctx context.Context) iter.Seq[membership.Event] { return g.feed.Events(ctx) }

// ReportFailure says that the application could not use a member: err is what it
// met, for the log. The node looks at the member now. An ID that is not a member
// is ignored. It does not wait.
func (g *Group) ReportFailure(id membership.ID, err error) {
	reason := ""
	if err != nil {
		reason = err.Error()
	}
	g.node.post(func() {
		if e := g.node.state.byID(id); e != nil {
			g.node.complain("failure "+e.address.String(), "failure reported", "member", e.address, "reason", reason)
			e.kick()
		}
	})
}
