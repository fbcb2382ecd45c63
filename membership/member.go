package membership

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// An ID names one run of one process. It is made at start and never reused: a
// process that is started again at the same address has another ID. The zero
// ID belongs to nobody.
type ID [16]byte

// String returns the ID as 32 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns what String does, for JSON and logs. The error is nil.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// Compare orders IDs by their bytes: -1, 0 or +1.
func (id ID) Compare(o ID) int { return slices.Compare(id[:], o[:]) }

// A State says how a member is.
type State uint8

// The states. Members publish alive, draining, leaving and left themselves;
// suspect and failed are what others found.
const (
	Alive    State = 1 + iota // takes part
	Suspect                   // some of its watchers cannot reach it; it may be dropped soon
	Draining                  // nothing new but what is sticky; for as long as it likes
	Leaving                   // nothing at all; about to leave
	Left                      // gone, by its own word; only in MemberRemoved
	Failed                    // gone without a word; only in MemberRemoved
)

var stateNames = [...]string{"", "alive", "suspect", "draining", "leaving", "left", "failed"}

// String returns the state's name: alive, suspect, draining, leaving, left or
// failed.
func (s State) String() string { return nameOf("state", uint8(s), stateNames[:]) }

// MarshalText returns what String does. The error is nil.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// nameOf returns a constant's name, "what(n)" for one that has none.
func nameOf(what string, n uint8, names []string) string {
	if int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprintf("%s(%d)", what, n)
}

// A Member is a participant of a group as one view shows it: a plain value
// that never changes. It may be copied and read by many goroutines.
type Member struct {
	ID          ID     // of this run of its process
	Name        string // unique within the domain, unless NameConflict
	Domain      string
	Address     string // host:port that other members dial
	SubDomain   string // for instance "mgt" or "worker"; may be empty
	State       State
	Incarnation uint32 // grows when the member comes back after it was dropped
	Version     uint32 // grows with any other change of what it says of itself

	// Unreachable says that this node, itself a watcher of the member, cannot
	// reach it. Others may: then it stays in the view.
	Unreachable bool
	// NameConflict says that another live member has the same Name, as may
	// happen when two groups merge.
	NameConflict bool
	// Manager says that this participant follows the domain without belonging
	// to it, as a load balancer does.
	Manager bool

	properties []wire.Property // sorted by key; shared, never changed
}

// Property returns the value that the member has published under key, or "".
func (m Member) Property(key string) string {
	value, _ := m.LookupProperty(key)
	return value
}

// LookupProperty returns the value that the member has published under key,
// and whether it has.
func (m Member) LookupProperty(key string) (value string, ok bool) {
	i, ok := slices.BinarySearchFunc(m.properties, key, func(p wire.Property, key string) int { return cmp.Compare(p.Key, key) })
	if !ok {
		return "", false
	}
	return m.properties[i].Value, true
}

// Properties returns all that the member has published, sorted by key.
func (m Member) Properties() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, p := range m.properties {
			if !yield(p.Key, p.Value) {
				return
			}
		}
	}
}

// WithProperties returns a copy of m that has the given properties and no
// others. It is for members that are not made by a Node: in tests, or from
// another source, see MakeView. The map is copied.
func (m Member) WithProperties(properties map[string]string) Member {
	m.properties = sortedProperties(properties)
	return m
}

// String returns what a log line needs: "wso2.is.domain 127.0.0.1:4100 alive".
func (m Member) String() string {
	return strings.Join([]string{m.Domain, m.Address, m.State.String()}, " ")
}

// sortedProperties copies a map into the form of records.
func sortedProperties(properties map[string]string) []wire.Property {
	if len(properties) == 0 {
		return nil
	}
	out := make([]wire.Property, 0, len(properties))
	for k, v := range properties {
		out = append(out, wire.Property{Key: k, Value: v})
	}
	slices.SortFunc(out, func(a, b wire.Property) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// memberOf makes the public value of what the machine shows.
func memberOf(s machine.Shown) *Member {
	r := s.Record
	m := &Member{
		ID: ID(r.ID), Name: r.Name, Domain: r.Domain, Address: r.Address, SubDomain: r.SubDomain,
		Incarnation: r.Incarnation, Version: r.Version,
		Unreachable: s.Unreachable, NameConflict: s.NameConflict, Manager: r.Role == wire.Manager,
		properties: r.Properties,
	}
	switch r.State {
	case wire.Draining:
		m.State = Draining
	case wire.Leaving:
		m.State = Leaving
	case wire.Left:
		m.State = Left
	default:
		m.State = Alive
		if s.Suspect {
			m.State = Suspect
		}
	}
	return m
}

// gone returns m as it is after it was removed for a cause.
func (m Member) gone(cause Cause) Member {
	switch cause {
	case CauseLeft:
		m.State = Left
	case CauseCrashed, CauseSilent, CauseReplaced:
		m.State = Failed
	}
	return m
}

// same reports whether two members look the same to a user.
func (m *Member) same(o *Member) bool {
	if m == o {
		return true
	}
	a, b := *m, *o
	a.properties, b.properties = nil, nil
	return equalButProperties(&a, &b) && slices.Equal(m.properties, o.properties)
}

func equalButProperties(a, b *Member) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Domain == b.Domain && a.Address == b.Address &&
		a.SubDomain == b.SubDomain && a.State == b.State && a.Incarnation == b.Incarnation && a.Version == b.Version &&
		a.Unreachable == b.Unreachable && a.NameConflict == b.NameConflict && a.Manager == b.Manager
}
