package membership

import (
	"fmt"
	"strings"

	"github.com/gotribes/tribes/internal/machine"
)

// A Kind says what has happened to one member, or to the node itself.
type Kind uint8

// The kinds of events. The comings and goings of managers are not events; see
// View.Managers.
const (
	MemberAdded     Kind = 1 + iota // it is there
	MemberUpdated                   // properties, name or anything else that it says of itself, or what this node found
	MemberSuspected                 // some of its watchers cannot reach it
	MemberRecovered                 // they can again
	MemberDraining                  // it takes nothing new but what is sticky
	MemberLeaving                   // it takes nothing at all and is about to leave
	MemberRemoved                   // it is gone; Cause says why
	Isolated                        // this node hears nobody at all; its view is down to itself
	Rejoined                        // it hears somebody again
)

var kindNames = [...]string{"", "memberAdded", "memberUpdated", "memberSuspected", "memberRecovered",
	"memberDraining", "memberLeaving", "memberRemoved", "isolated", "rejoined"}

// String returns the kind in lower camel case, as in "memberAdded".
func (k Kind) String() string { return nameOf("kind", uint8(k), kindNames[:]) }

// MarshalText returns what String does. The error is nil.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// A Cause says why an event has happened.
type Cause uint8

// The causes. Joined, returned and merged are causes of MemberAdded (and, if a
// removal and a return settle into one change, of MemberUpdated); the others
// of MemberRemoved.
const (
	NoCause       Cause = iota // the kind says it all
	CauseJoined                // new to the group, or there before this node was
	CauseReturned              // back after it was dropped
	CauseMerged                // came with a part of the group that had been apart
	CauseLeft                  // by its own word
	CauseCrashed               // its address refuses connections
	CauseSilent                // nothing was heard of it for the drop time
	CauseReplaced              // another process answers at its address
	CauseIsolated              // it is this node that is cut off; nothing is known of the member
)

var causeNames = [...]string{"", "joined", "returned", "merged", "left", "crashed", "silent", "replaced", "isolated"}

// String returns the cause's name, "" for NoCause.
func (c Cause) String() string { return nameOf("cause", uint8(c), causeNames[:]) }

// MarshalText returns what String does. The error is nil.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// An Event is one change to one member of a group.
type Event struct {
	Kind  Kind  // what has happened
	Cause Cause // why
	// Member is as it is after the change; of MemberRemoved, as it was last,
	// but with the state left or failed. Of Isolated and Rejoined it is this
	// node itself.
	Member Member
}

// String tells the event in a line: "added 127.0.0.1:4200 (joined)".
func (e Event) String() string {
	what := strings.ToLower(strings.TrimPrefix(e.Kind.String(), "member"))
	if e.Cause == NoCause {
		return what + " " + e.Member.Address
	}
	return fmt.Sprintf("%s %s (%s)", what, e.Member.Address, e.Cause)
}

// A Change leads a subscriber from the view that it has seen to a newer one.
type Change struct {
	// View is the group as it is now.
	View View
	// Events are what has changed since the subscriber's last Change, the
	// removals first. There may be none: then only managers came or went.
	Events []Event

	sub *subscription // nil: not from a subscription
}

// Hold keeps the change from counting as applied after the loop body has
// returned, until release is called. So a load balancer may read on while
// requests that it has given to a leaving member are still under way.
//
// Call it from within the loop body. release may be called from any goroutine,
// never blocks, and does nothing the second time. A hold ends by itself when
// its loop ends.
func (c Change) Hold() (release func()) {
	if c.sub == nil {
		return func() {}
	}
	return c.sub.hold(c.View.Number())
}

// kindOf and causeOf turn the machine's words into public ones. The numbers of
// both are in the same order; a test holds them together.
func kindOf(k machine.EventKind) Kind    { return Kind(k) }
func causeOf(c machine.EventCause) Cause { return Cause(c) }
