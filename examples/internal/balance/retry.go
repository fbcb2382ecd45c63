package balance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/gotribes/tribes/membership"
)

// transport sends a request to one member of the domain that stands as the host
// of its URL, and to the next one if the first cannot be reached; each member is
// tried at most once. It serves a ReverseProxy, which closes the request's body
// by itself, and leaves that to it.
type transport struct {
	find   Find
	picker Picker
	base   http.RoundTripper
}

// RoundTrip returns an *EmptyError if the domain has nobody, or nobody that can
// be reached.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	domain := req.URL.Host
	group := t.find(domain)
	targets, err := t.picker.Pick(domain, group)
	if err != nil {
		return nil, err
	}
	body := &onceBody{ReadCloser: req.Body}
	tried := map[membership.ID]bool{}
	for len(targets) > 0 {
		target := targets[0]
		tried[target.ID] = true
		resp, again, failure := t.try(req, target, group, body)
		if !again {
			return resp, failure
		}
		err = failure
		if targets = targets[1:]; len(targets) == 0 {
			// Others may have come while these were tried.
			targets, _ = t.picker.Pick(domain, group)
			targets = slices.DeleteFunc(targets, func(o Target) bool { return tried[o.ID] })
		}
	}
	reason := fmt.Sprintf("none of its %d members could be reached", len(tried))
	return nil, &EmptyError{Domain: domain, Reason: reason, Err: err}
}

// try sends the request to one member. again: it failed, and may be sent to
// another.
func (t *transport) try(req *http.Request, target Target, group Domain, body *onceBody) (_ *http.Response, again bool, _ error) {
	out := req.Clone(req.Context())
	out.URL.Host = target.Host
	if req.Body != nil {
		out.Body = body
	}
	resp, err := t.base.RoundTrip(out)
	if err == nil {
		return resp, false, nil
	}
	if req.Context().Err() != nil {
		return nil, false, err // the client went away: no fault of the member
	}
	group.ReportFailure(target.ID, err)
	return nil, repeatable(req, err) && !body.begun.Load(), err
}

// repeatable tells whether a request that failed with err may be sent again. If
// no connection came about nothing was sent, so any request may. If the
// connection broke later (the member was killed while it worked) only one that
// by its method changes nothing may: it could have been carried out.
func repeatable(req *http.Request, err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// onceBody is a request's body that outlives attempts which never read it.
type onceBody struct {
	io.ReadCloser
	begun atomic.Bool // some of it was read and cannot be had again
}

// Read reads, and notes that it was.
func (b *onceBody) Read(p []byte) (int, error) {
	b.begun.Store(true)
	return b.ReadCloser.Read(p)
}

// Close does nothing: an attempt that fails closes its body, but the next one
// needs it.
func (b *onceBody) Close() error { return nil }
