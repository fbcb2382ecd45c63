package wire

import "fmt"

// Messages about one domain.

// About is a message about one domain, which About names.
type About interface {
	Message
	About() string
}

// Join says: I take part in this domain, here is my record; hand me its
// records. It is sent to a well-known member, or to whoever may know more.
type Join struct {
	Domain string
	Record *Record
}

// RefusalCode says why a Join was refused.
type RefusalCode uint8

// The refusals of a Join.
const (
	NotServed   RefusalCode = 1 // the domain is not served here
	NameHeld    RefusalCode = 2 // a live member holds the name
	Unreachable RefusalCode = 3 // the advertised address could not be dialled back
	Busy        RefusalCode = 4 // too many joiners at once; ask again, or ask others
	BadRecord   RefusalCode = 5 // the record does not fit its sender
	Full        RefusalCode = 6 // a bound on members or domains is reached
)

var refusalWords = [...]string{"refused", "domain not served", "name held", "address not reachable", "busy", "record refused", "full"}

// String returns the code's words.
func (c RefusalCode) String() string {
	if int(c) < len(refusalWords) {
		return refusalWords[c]
	}
	return fmt.Sprintf("refused (%d)", uint8(c))
}

// Refuse answers a Join that is not granted.
type Refuse struct {
	Domain string
	Code   RefusalCode
	Text   string
	Others []string // addresses of members that may be asked instead
	Again  uint32   // milliseconds after which the refused may try again here; 0: as it likes
}

// A Departure is what is remembered of a member that is gone.
type Departure struct {
	ID          ID
	Incarnation uint32
	Cause       Cause
	Address     string
}

// Cause says why a member is gone.
type Cause uint8

// The causes of a departure.
const (
	CauseSilent   Cause = 1
	CauseCrashed  Cause = 2
	CauseReplaced Cause = 3
	CauseLeft     Cause = 4
)

// Table hands over the records of a domain, in one or several messages.
type Table struct {
	Domain     string
	Records    []*Record
	Departures []Departure
	Last       bool
}

// A Verdict is the proof that a member is down: the accusations of more than
// half of its good watchers.
type Verdict struct {
	Subject     ID
	Incarnation uint32
	Held        bool // the sender holds the subject as down; false: it passes the verdict on
	Accusations []*Accusation
}

// Gossip floods what is new to every link of the group.
type Gossip struct {
	Domain      string
	Records     []*Record
	Accusations []*Accusation
	Verdicts    []Verdict
}

// HeldDown tells the receiver that the sender holds it as down.
type HeldDown struct {
	Domain      string
	Incarnation uint32
	Cause       Cause
}

// BucketCount is the number of buckets that records are divided into, by the
// first byte of their ID, when digests differ.
const BucketCount = 256

// Buckets answers Digests for a domain that differs here.
type Buckets struct {
	Domain string
	Sums   [BucketCount]uint64
}

// Sync sends the records of differing buckets; the receiver answers with its
// own of the same buckets if Answer is set.
type Sync struct {
	Domain     string
	Differ     [BucketCount / 8]byte // bit i: bucket i
	Records    []*Record
	Departures []Departure
	Answer     bool
	Last       bool
}

// LookFor asks the receiver to look whether Subject answers at Address.
type LookFor struct {
	Domain  string
	Token   uint64
	Subject ID
	Address string
}

// Looked says that the sender has looked at a member. With a Token it answers
// a LookFor; without, it is flooded ("I looked, it answers").
type Looked struct {
	Domain      string
	Token       uint64
	Subject     ID
	Incarnation uint32
	Answers     bool
	Text        string
}

// Confirm tells a member that the sender, a manager, has applied a state of
// its record.
type Confirm struct {
	Domain      string
	Subject     ID
	Incarnation uint32
	Version     uint32
}

// Press asks the watchers of a member to look at it now: somebody's data
// plane could not use it.
type Press struct {
	Domain  string
	Subject ID
}

// The domains that messages are about.

// About returns the domain.
func (m *Join) About() string { return m.Domain }

// About returns the domain.
func (m *Refuse) About() string { return m.Domain }

// About returns the domain.
func (m *Table) About() string { return m.Domain }

// About returns the domain.
func (m *Gossip) About() string { return m.Domain }

// About returns the domain.
func (m *HeldDown) About() string { return m.Domain }

// About returns the domain.
func (m *Buckets) About() string { return m.Domain }

// About returns the domain.
func (m *Sync) About() string { return m.Domain }

// About returns the domain.
func (m *LookFor) About() string { return m.Domain }

// About returns the domain.
func (m *Looked) About() string { return m.Domain }

// About returns the domain.
func (m *Confirm) About() string { return m.Domain }

// About returns the domain.
func (m *Press) About() string { return m.Domain }
