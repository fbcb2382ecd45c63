// Package subject is the one interface behind which the libraries run that are measured side by side. It is small on
// purpose: what only one of them can do is not measured here.
package subject

import (
	"context"
	"strings"
	"time"
)

// A Kind says what a node's application was told.
type Kind string

// The kinds of events.
const (
	Added   Kind = "added"   // a member is there
	Removed Kind = "removed" // a member is gone
	Updated Kind = "updated" // anything else of a member: suspected, recovered, another address
)

// An Event is what a node's application was told of one member, stamped inside the library's callback or the first
// line of the loop over its changes.
type Event struct {
	Node    string `json:"node"`              // who was told
	At      int64  `json:"at"`                // wall clock in nanoseconds; all processes share one machine
	Kind    Kind   `json:"kind"`              //
	Who     string `json:"who"`               // name of the member that it is about
	Cause   string `json:"cause,omitempty"`   // as far as the library tells the application
	Address string `json:"address,omitempty"` // of the member
	Size    int    `json:"size"`              // members in the view afterwards, the node itself included
	Change  int    `json:"change"`            // number of the change; those told together share one
}

// Time is At as a time.
func (e Event) Time() time.Time { return time.Unix(0, e.At) }

// Options are what a node is started with.
type Options struct {
	Subject string        `json:"subject"`          // "tribes", "memberlist/lan", ...
	Name    string        `json:"name"`             // unique in the group
	Address string        `json:"address"`          // host:port, a loopback address of its own
	Seeds   []string      `json:"seeds"`            // host:port; its own address may be among them
	Retry   time.Duration `json:"retry,omitempty"`  // call the library's join anew so often until it succeeds; 0: once
	Reader  string        `json:"reader,omitempty"` // how the application reads: see the constants below
	Only    int           `json:"only,omitempty"`   // tell only of events that make the view this large; 0: all
}

// How the application reads what it is told.
const (
	Reads      = ""      // at once
	NeverReads = "never" // takes the first change, and then nothing for ever
	CallsBack  = "calls" // asks the library for its members from inside the callback
)

// A Node is one running node.
type Node interface {
	// Join does what the library has for joining, and returns when it does.
	Join(ctx context.Context) error
	// Members lists the names of the members, itself included.
	Members() []string
	// Leave says goodbye to the others, and returns when the library's call does.
	Leave(ctx context.Context) error
	// Close ends it without a goodbye and releases everything.
	Close() error
	// LogLines is how many lines it has logged; they are discarded.
	LogLines() int64
}

// A Library starts nodes.
type Library interface {
	// Start starts a node that has not joined yet. tell is called for each event, one at a time for one node.
	Start(o Options, tell func(Event)) (Node, error)
}

// Split cuts "memberlist/lan" into library and profile.
func Split(name string) (library, profile string) {
	library, profile, _ = strings.Cut(name, "/")
	return library, profile
}
