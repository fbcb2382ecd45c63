package wire

import "time"

// Questions of those who only ask, and the answers. What is in an answer is
// what the asked node shows its own application; nothing in it is signed, and
// nothing that a group does rests on it. Numbers of states, kinds of events,
// causes and stances are those of package membership.

// AskView asks for the view of a domain, a part at a time: the first part if
// From is 0, otherwise what follows the first From participants of the same
// view. If its number is Known, the answer is only that.
type AskView struct {
	Domain string
	Known  uint64
	From   uint32
}

// Seen answers an AskView.
type Seen struct {
	Domain   string
	Number   uint64 // of the view, by the count of the node that is asked
	Total    uint32 // participants in it, managers included
	Isolated bool
	Same     bool // the view is the one that is known, and Members is empty
	Members  []SeenMember
}

// A SeenMember is a participant as a view shows it.
type SeenMember struct {
	ID          ID
	Name        string
	Address     string
	SubDomain   string
	State       uint8
	Incarnation uint32
	Version     uint32
	Marks       Marks
	Properties  []Property // sorted by key
}

// Marks are what is said of a participant with yes or no.
type Marks uint8

// The marks.
const (
	MarkUnreachable  Marks = 1 << iota // the node that is asked cannot reach it
	MarkNameConflict                   // another has the same name
	MarkManager                        // it follows the domain without belonging to it
)

// AskWhy asks why a participant is held as it is. Who is its ID in
// hexadecimal digits, or the beginning of it, or its address, or its name.
type AskWhy struct {
	Domain string
	Who    string
}

// Why answers an AskWhy. Ages are counted from the answer backwards.
type Why struct {
	Domain      string
	Member      SeenMember // with ID zero: not known
	Present     bool
	Watched     bool
	Linked      bool
	Heard       time.Duration // age
	RoundTrip   time.Duration
	Unreachable uint8 // cause, 0: it can be reached
	Watchers    []WatcherWord
	Others      []OtherWord
	Removal     *RemovalWord
	Transitions []TransitionWord
}

// A WatcherWord is how a watcher stands to the participant.
type WatcherWord struct {
	ID      ID
	Address string
	Self    bool
	Stance  uint8
	Cause   uint8
}

// An OtherWord is an accusation.
type OtherWord struct {
	By      ID
	Address string
	Cause   uint8
}

// A RemovalWord is how a participant went.
type RemovalWord struct {
	Cause       uint8
	Age         time.Duration
	Incarnation uint32
	Hearsay     bool
	Evidence    []OtherWord
}

// A TransitionWord is one event of a participant.
type TransitionWord struct {
	Age   time.Duration
	Kind  uint8
	Cause uint8
	State uint8
	View  uint64
}

// AskDial asks to look at an address, and to say what came of it.
type AskDial struct{ Address string }

// Dialed answers an AskDial.
type Dialed struct {
	Failure uint8 // a transport.Failure, 0: ID has answered
	Code    uint8 // a transport.Code, of a handshake that came to a no
	ID      ID
	Took    time.Duration
	Text    string // what went wrong
}

// Unanswered says that there is no answer to a question.
type Unanswered struct {
	Code AnswerCode
	Text string
}

// AnswerCode says why there is no answer. Later versions may have others.
type AnswerCode uint8

// The codes.
const (
	AnswerNotServed AnswerCode = 1 // the node takes no part in the domain
	AnswerUnknown   AnswerCode = 2 // it does not know the question
	AnswerBusy      AnswerCode = 3 // too much at once
	AnswerAmbiguous AnswerCode = 4 // more than one is meant
)
