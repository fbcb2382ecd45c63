package machine

import (
	"time"

	"github.com/gotribes/tribes/internal/wire"
)

// LinkID names a link; the driver chooses it and never reuses it.
type LinkID uint64

// AttemptID names a dial or a look; the machine chooses it.
type AttemptID uint64

// EffectKind says what to do.
type EffectKind uint8

// The effects.
const (
	DoDial    EffectKind = 1 + iota // dial Address for a link; answer with LinkUp or DialFailed
	DoLook                          // look which ID answers at Address; answer with LookDone
	DoCancel                        // Attempt is not wanted any more; no answer is needed
	DoSend                          // send Message on Link
	DoBeat                          // send Beat on Link
	DoClose                         // flush and close Link; no LinkDown is needed
	DoResolve                       // resolve well-known entry Index; answer with Resolved
	DoPublish                       // show Change to the application
	DoReport                        // tell the application or the log: Report
)

// An Effect is one thing to do. Which fields count depends on Kind.
type Effect struct {
	Kind    EffectKind
	Link    LinkID
	Attempt AttemptID
	Index   int
	Peer    wire.ID // whom a dial or look expects; zero: anybody
	Address string
	Timeout time.Duration
	Beat    wire.Beat
	Message wire.Message
	Change  *Change
	Report  *Report
}

// ReportKind says what a report is about.
type ReportKind uint8

// The reports.
const (
	Joined       ReportKind = 1 + iota // the node is part of Domain's group
	Refused                            // Address refuses the join of Domain: Code, Text
	NotReached                         // the well-known Address could not be reached: Text
	ReplacedSelf                       // another process answers at the node's own address; the node is out
	GroupAdded                         // a domain that a member brought is followed now
	GroupDropped                       // a followed domain had no members for long
	Returned                           // the node was dropped by others and has come back
	BadMessage                         // Peer sent what it must not: Text
	NameConflict                       // two live members share the name Text
	Confirmed                          // the manager Peer has applied this node's Record version
	Admitted                           // a newcomer was let in
)

// A Report is news that is not a change of a view.
type Report struct {
	Kind        ReportKind
	Domain      string
	Address     string
	Peer        wire.ID
	Code        wire.RefusalCode
	Text        string
	Index       int // of the well-known entry, or -1
	Incarnation uint32
	Version     uint32
}

// Outcome says how a dial or a look ended without the expected answer.
type Outcome uint8

// The outcomes.
const (
	Answered      Outcome = 1 + iota // a finished handshake (looks only)
	OutRefused                       // connect refused
	OutReset                         // closed before the handshake ended
	OutSilent                        // no answer in time
	OutLocal                         // my own trouble; says nothing of the other side
	OutForeign                       // somebody answers who is not of this cluster or protocol
	OutSelf                          // this node itself answers
	OutBusy                          // the other side has no room just now
	outInconclude                    // this node was stopped meanwhile
)

// EventKind says what has changed in a view.
type EventKind uint8

// The kinds of events.
const (
	Added EventKind = 1 + iota
	Updated
	Suspected
	Recovered
	DrainingEvent
	LeavingEvent
	Removed
	IsolatedEvent
	RejoinedEvent
)

// EventCause says why.
type EventCause uint8

// The causes of events.
const (
	NoCause EventCause = iota
	CauseJoined
	CauseReturned
	CauseMerged
	CauseLeft
	CauseCrashed
	CauseSilent
	CauseReplaced
	CauseIsolated
)

// Shown is a participant as a view shows it.
type Shown struct {
	Record       *wire.Record
	Suspect      bool
	Unreachable  bool // from here; only ever true of members that this node watches
	NameConflict bool
}

// An Event is one difference between two views. Shown is the participant
// after it, or as it was last if it is gone.
type Event struct {
	Kind  EventKind
	Cause EventCause
	Shown Shown
}

// A Change leads from one view to the next.
type Change struct {
	Domain   string
	Number   uint64 // of the view that it leads to; grows by one
	Events   []Event
	Isolated bool
}
