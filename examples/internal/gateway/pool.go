package gateway

import (
	"context"
	"net/http"
	"strconv"

	"github.com/gotribes/tribes/membership"
)

// A Want is what a request needs of a member, and which one it was sent to.
type Want struct {
	HTTPS  bool          // the member is to be asked over TLS
	Client string        // the port that the client asked for: that of its Host header, or the one that its scheme stands for
	Listen string        // the port that the request came in at
	Prefer membership.ID // who goes first, also if it takes nothing new but what is sticky; zero is nobody

	// Set by the Pool.
	Member  *Member // the last one that was asked; nil is nobody
	Address string  // the host:port of it
	Tries   int     // how many were asked

	exchange *exchange
}

type wantKey struct{}

// WithWant returns a context for a request to a Pool.
func WithWant(ctx context.Context, want *Want) context.Context {
	return context.WithValue(ctx, wantKey{}, want)
}

// WantOf returns the want of a request to a Pool.
func WantOf(req *http.Request) *Want { return req.Context().Value(wantKey{}).(*Want) }

// A Member is one that requests may go to. It is not changed once it was made.
type Member struct {
	ID        membership.ID
	Address   string // as members know it
	HTTPPort  string // "" where it serves none
	HTTPSPort string
	Token     string // names it in a cookie; "" where there are no such cookies
}

// A Pool sends the requests of one route to members. Its methods may be called
// from many goroutines.
type Pool interface {
	// Send sends a request by way of base to a member that is good for WantOf it,
	// and to another one where that may be done; each at most once. Whom it has
	// asked it writes into the want. base can be compared. The errors are those of upstream.Transport:
	// an *upstream.EmptyError or upstream.ErrClosed if nobody could be asked.
	Send(base http.RoundTripper, req *http.Request) (*http.Response, error)
	// Has tells whether there is somebody to send a new request to.
	Has(want *Want) bool
	// Named gives the member that a token names. It allocates nothing.
	Named(token string) (membership.ID, bool)
	// Changed is closed when the members may be others; nil if that cannot be said.
	Changed() <-chan struct{}
	// Why says in a clause why nobody can be picked, as in "it has no members".
	Why(want *Want) string
	// Close ends it. Requests under way go on.
	Close()
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
