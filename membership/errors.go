package membership

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

// Why a node has ended; see Node.Err. A node that has ended does not start
// again: make a new one.
var (
	// ErrClosed: by Close.
	ErrClosed = errors.New("node closed")

	// ErrLeft: by Leave.
	ErrLeft = errors.New("node has left")

	// ErrReplaced is wrapped by the error of a node that found another process
	// answering at its own advertised address, as after a long pause during
	// which a successor was started.
	ErrReplaced = errors.New("another process answers at this node's address")
)

// A ConfigError reports a value that cannot be used. Nothing was started or
// changed.
type ConfigError struct {
	Field string // of Config, or the argument's name
	Value string // as it was given
	Want  string // what is allowed
}

// Error names the field, the value and what is allowed.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("%s: %s: want %s", e.Field, e.Value, e.Want)
}

// A RefusalCode says what a refusal is about.
type RefusalCode string

// The codes. Whoever has been refused for the cluster, the key, the version or
// the settings stays so until somebody changes something; the others pass, and are
// tried again for as long as the node runs. A peer of a later version may send
// further codes.
const (
	RefusedCluster     RefusalCode = "wrong cluster"         // the two sides have different cluster names
	RefusedVersion     RefusalCode = "version"               // no common protocol version
	RefusedSettings    RefusalCode = "settings"              // heartbeat interval and drop time do not go together
	RefusedKey         RefusalCode = "key or certificate"    // of one side is not accepted by the other, or it has none
	RefusedMalformed   RefusalCode = "malformed"             // the two sides do not understand each other
	RefusedNotServed   RefusalCode = "domain not served"     // the address takes no part in the domain
	RefusedNameHeld    RefusalCode = "name held"             // a live member has the name
	RefusedUnreachable RefusalCode = "address not reachable" // the advertised address could not be dialled back
	RefusedBusy        RefusalCode = "busy"                  // too much at once
	RefusedRecord      RefusalCode = "record refused"        // what the node says of itself is not accepted
	RefusedFull        RefusalCode = "full"                  // a bound on members or domains is reached
)

// A Refusal is a clear no of a well-known member.
type Refusal struct {
	Code   RefusalCode // what the refusal is about
	Domain string      // "" if it refuses any link
	Text   string      // what to change, in the words of the other side
}

// Error returns the code and the text.
func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Text }

// final says that the same try cannot have a better end.
func (r *Refusal) final() bool {
	switch r.Code {
	case RefusedCluster, RefusedVersion, RefusedSettings, RefusedKey:
		return true
	}
	return false
}

// refusalOf turns a refused handshake into a Refusal.
func refusalOf(e *transport.RefusedError) *Refusal {
	code := RefusalCode(e.Code.String())
	switch e.Code {
	case transport.CodeCluster:
		code = RefusedCluster
	case transport.CodeKey:
		code = RefusedKey
	}
	return &Refusal{Code: code, Text: e.Text}
}

// joinRefusal turns a refused Join into a Refusal.
func joinRefusal(domain string, code wire.RefusalCode, text string) *Refusal {
	return &Refusal{Code: RefusalCode(code.String()), Domain: domain, Text: text}
}

// An Attempt is the last try of one well-known address.
type Attempt struct {
	WellKnown string // as configured; "discover" for addresses from Config.Discover
	Address   string // that was dialled; "" if none was found
	Err       error  // often a *Refusal
}

// String returns "address: error".
func (a Attempt) String() string {
	where := a.WellKnown
	if a.Address != "" && a.Address != a.WellKnown {
		where = fmt.Sprintf("%s (%s)", a.Address, a.WellKnown)
	}
	return fmt.Sprintf("%s: %v", where, a.Err)
}

// A JoinError says why a node is not part of its group.
type JoinError struct {
	Domain string // the node's own
	// Attempts holds the last error of every well-known address that was
	// tried, in the configured order.
	Attempts []Attempt
	// Err is the context's error, or nil if the wait was ended by refusals
	// that no further try would change.
	Err error
}

// attemptsTold bounds the addresses in the text of a JoinError.
const attemptsTold = 8

// Error names each address with its error, the first eight of them.
func (e *JoinError) Error() string {
	parts := make([]string, 0, attemptsTold+1)
	for _, a := range e.Attempts[:min(len(e.Attempts), attemptsTold)] {
		parts = append(parts, a.String())
	}
	if more := len(e.Attempts) - attemptsTold; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	if len(parts) == 0 {
		parts = append(parts, "no well-known address has answered yet")
	}
	text := fmt.Sprintf("join domain %q: %s", e.Domain, strings.Join(parts, "; "))
	if e.Err != nil {
		text += " (" + e.Err.Error() + ")"
	}
	return text
}

// Unwrap returns the context's error, if any, and those of the attempts, so
// that errors.Is and errors.As find them.
func (e *JoinError) Unwrap() []error {
	var out []error
	if e.Err != nil {
		out = append(out, e.Err)
	}
	for _, a := range e.Attempts {
		out = append(out, a.Err)
	}
	return out
}

// An unconfirmedError says how many managers have not confirmed when a context
// ended.
type unconfirmedError struct {
	missing int
	err     error
}

func (e *unconfirmedError) Error() string {
	return fmt.Sprintf("not confirmed by %d of the domain's managers: %v", e.missing, e.err)
}

func (e *unconfirmedError) Unwrap() error { return e.err }
