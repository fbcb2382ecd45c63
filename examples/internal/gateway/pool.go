package gateway

import (
	"net/http"
	"strconv"

	"github.com/gotribes/tribes/membership"
)

// A Want is what a request needs of a member.
type Want struct {
	HTTPS  bool   // the member is to be asked over TLS
	Client string // the port that the client asked for: that of its Host header, or the one that its scheme stands for
	Listen string // the port that the request came in at
}

// A Member is one that requests may go to. It is not changed once it was made.
type Member struct {
	ID        membership.ID
	Address   string // as members know it
	HTTPPort  string // "" where it serves none
	HTTPSPort string
	Token     string // names it in a cookie; "" where there are no such cookies
}

// A Pool picks members for the requests of one route. Its methods may be called
// from many goroutines. Pick and Named allocate nothing.
type Pool interface {
	// Pick gives a member that is none of tried, and the host:port to ask it at.
	// The preferred one goes first, also if it takes nothing new but what is
	// sticky. False: there is no further one.
	Pick(want *Want, prefer membership.ID, tried []membership.ID) (m *Member, address string, ok bool)
	// Named gives the member that a token names.
	Named(token string) (membership.ID, bool)
	// Failed says that a request did not reach a member.
	Failed(id membership.ID, err error)
	// Changed is closed when the members may be others; nil if that cannot be said.
	Changed() <-chan struct{}
	// Why says in a clause why nobody can be picked, as in "it has no members".
	Why(want *Want) string
}

// A NoMemberError says that a route has nobody to send a request to.
type NoMemberError struct {
	Route  string
	Reason string // a clause
	Err    error  // of the last member tried, or nil
}

// Error names the route and the reason.
func (e *NoMemberError) Error() string { return "nobody in " + e.Route + " can answer: " + e.Reason }

// Unwrap returns the error of the last member tried.
func (e *NoMemberError) Unwrap() error { return e.Err }

// portOf is the port that a scheme stands for.
func portOf(https bool) string {
	if https {
		return "443"
	}
	return "80"
}

// schemeOf is the scheme of a request that came over TLS or not.
func schemeOf(https bool) string {
	if https {
		return "https"
	}
	return "http"
}

// retryAfter goes with an answer for which there was no member: one that starts
// is known in less.
func retryAfter(h http.Header) { h.Set("Retry-After", strconv.Itoa(1)) }
