package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gotribes/tribes/membership"
)

// ErrClosed is returned by a pool after Close.
var ErrClosed = errors.New("the pool is closed")

// An OptionError is about a field of [Options] that must be changed. Nothing
// was started.
type OptionError struct {
	Field string // as in "Options.Panic"
	Value string // what it is
	Want  string // what is allowed
}

// Error names the field, its value and what is allowed.
func (e *OptionError) Error() string {
	return fmt.Sprintf("%s is %s: want %s", e.Field, e.Value, e.Want)
}

// An EmptyError says that a domain has nobody whom a request can be sent to.
// It was not sent.
type EmptyError struct {
	Domain string // "" if the pool has not heard of any member
	Reason string // a clause, as in "it has no members"
	Err    error  // of the last member tried, or nil
}

// Error names the domain and the reason.
func (e *EmptyError) Error() string {
	text := fmt.Sprintf("nobody in domain %q can answer: %s", e.Domain, e.Reason)
	if e.Err != nil {
		text += "; the last error: " + e.Err.Error()
	}
	return text
}

// Unwrap returns the error of the last member tried.
func (e *EmptyError) Unwrap() error { return e.Err }

// A FailedError says that a request was sent, was not answered, and was not
// repeated, or in vain. It may have been carried out.
type FailedError struct {
	Member membership.Member // the last that was tried
	Tries  int               // members that were tried, from 1
	Reason string            // why it was not repeated, a clause
	Err    error             // what the last of them met
}

// Error names the member and says why the request was not repeated.
func (e *FailedError) Error() string {
	return fmt.Sprintf("%s in domain %q broke off (tries: %d, %s): %v", e.Member.Address, e.Member.Domain, e.Tries, e.Reason, e.Err)
}

// Unwrap returns what the last member tried has met.
func (e *FailedError) Unwrap() error { return e.Err }

// errInDoubt is why a request was taken back from a member.
var errInDoubt = errors.New("the member does not answer and may be down")

// retryAfter is what an answer of 503 says, in seconds: a member that starts is
// known in less.
const retryAfter = "1"

// AnswerError answers a request that a pool's transport could not get answered:
// 503 with Retry-After if there is nobody to send it to ([EmptyError]), 502
// otherwise. The body says why. It fits httputil.ReverseProxy.ErrorHandler.
func AnswerError(w http.ResponseWriter, _ *http.Request, err error) {
	if _, empty := errors.AsType[*EmptyError](err); empty {
		w.Header().Set("Retry-After", retryAfter)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	text := err.Error()
	if errors.Is(err, context.Canceled) {
		text = "the request was given up" // by the client, which will not read this
	}
	http.Error(w, text, http.StatusBadGateway)
}
