package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gotribes/tribes/membership"
)

const (
	idleTime    = 30 * time.Second // that a connection to a member is kept without a request
	idlePerHost = 64
)

// Transport returns a RoundTripper that sends each request to a member of the
// pool by way of base, and to another one where the first could not be used
// (see the package comment). The host of the request's URL is not looked at;
// the Host header stays. nil is an http.Transport of its own, that gives up a
// connect after Options.DialTimeout.
//
// With a base that is not an *http.Transport, only a failed connect in the form
// of a *net.OpError counts as "not sent". The error is an *EmptyError, a
// *FailedError, ErrClosed, or that of the request's context.
func (p *Pool) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: p.o.DialTimeout}).DialContext,
			IdleConnTimeout:     idleTime,
			MaxIdleConnsPerHost: idlePerHost,
			DisableCompression:  true, // what the client asked for is passed on as it is
		}
	}
	_, standard := base.(*http.Transport)
	return &transport{pool: p, base: base, standard: standard}
}

type transport struct {
	pool     *Pool
	base     http.RoundTripper
	standard bool // base tells when it has a connection
}

// CloseIdleConnections closes those of the base.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip sends a request to one member after the other until one answers.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	p := t.pool
	p.budget.requests.Add(1)
	c := &call{transport: t, req: req, body: newBody(req), bound: p.boundTo(req)}
	c.repeatable = p.o.Repeatable(req)
	resp, err := c.run()
	if err != nil {
		c.body.end()
		return nil, err
	}
	c.body.keep()
	return resp, nil
}

// A call is one request on its way through members.
type call struct {
	*transport
	req        *http.Request
	body       *body
	bound      *target       // by the cookie
	wanted     membership.ID // by Options.Want; zero is nobody
	repeatable bool
	tried      [triesMost]membership.ID
	tries      int
}

// want is what the request needs.
func (c *call) want() Want {
	var w Want
	if f := c.pool.o.Want; f != nil {
		w = f(c.req)
	}
	if w.Member == (membership.ID{}) {
		w.target = c.bound
	} else {
		c.bound, c.wanted = nil, w.Member
	}
	if c.pool.o.Policy == Hashed && w.Key == "" {
		w.Key = c.pool.o.Key(c.req)
	}
	return w
}

// run tries members until one answers or no other may be tried.
func (c *call) run() (*http.Response, error) {
	p := c.pool
	want := c.want()
	avoid := want.Avoid
	var last error
	var lastSent *target // the last one tried, if the request was sent to it
	for {
		if c.tries > 0 {
			want.Avoid = c.tried[:c.tries]
			if len(avoid) > 0 {
				want.Avoid = slices.Concat(avoid, want.Avoid)
			}
		}
		target, err := p.pick(&want)
		if err != nil {
			empty, ok := errors.AsType[*EmptyError](err)
			switch {
			case ok && lastSent != nil:
				return nil, c.failed(lastSent, "nobody else is there", last)
			case ok:
				empty.Err = last
			}
			return nil, err
		}
		k := Pick{pool: p, target: target, waiting: true}
		c.tried[c.tries] = target.id
		c.tries++
		resp, sent, err := c.try(&k)
		if err == nil {
			return resp, nil
		}
		if c.req.Context().Err() != nil {
			return nil, err // the client went away: no fault of the member
		}
		if stop := c.stop(target, sent, err); stop != nil {
			return nil, stop
		}
		if last, lastSent = err, nil; sent {
			lastSent = target
		}
	}
}

// stop returns the error with which a request ends that a member has not
// answered; nil: it may be tried at another.
func (c *call) stop(t *target, sent bool, err error) error {
	reason := ""
	switch {
	case sent && !c.repeatable:
		reason = "not idempotent, so not repeated"
	case sent && tooLong(err):
		reason = "it took too long, and another member may take as long"
	case !c.body.again(c.req):
		reason = "its body was begun and cannot be had again"
	case c.tries >= c.pool.o.Tries:
		if !sent {
			return c.pool.table.Load().empty(c.pool, c.tries, err)
		}
		reason = "no more are allowed"
	case !c.pool.budget.allow():
		reason = "the budget for repeats is used up"
	default:
		return nil
	}
	return c.failed(t, reason, err)
}

func (c *call) failed(t *target, reason string, err error) error {
	return &FailedError{Member: *t.member.Load(), Tries: c.tries, Reason: reason, Err: err}
}

// try sends the request to one member. sent: it may have been carried out.
func (c *call) try(k *Pick) (_ *http.Response, sent bool, _ error) {
	ctx := c.req.Context()
	var connected atomic.Bool
	var a *attempt
	if c.repeatable {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		a = &attempt{cancel: cancel, sticky: k.target == c.bound || k.target.id == c.wanted}
		k.target.watch(a)
	} else if c.standard {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	}
	out := c.req.WithContext(ctx)
	u := *c.req.URL
	u.Scheme, u.Host = or(u.Scheme, "http"), k.Address()
	out.URL = &u
	out.Body = c.body.next(c.req)
	if aim := c.pool.o.Aim; aim != nil {
		aim(out, k.Member())
	}
	resp, err := c.base.RoundTrip(out)
	if a != nil {
		k.target.unwatch(a)
	}
	if err == nil {
		c.answered(k, a, resp)
		return resp, true, nil
	}
	if a != nil && context.Cause(ctx) == errInDoubt {
		err = errInDoubt
	}
	if a != nil {
		a.cancel(nil)
	}
	sent = !unsent(err) && (a != nil || !c.standard || connected.Load())
	switch {
	case err == errInDoubt, c.req.Context().Err() != nil:
		k.Done(Abandoned, err)
	case sent:
		k.Done(Broken, err)
	default:
		k.Done(Unreachable, err)
	}
	return nil, sent, err
}

// answered counts an answer and sees that its end is noticed.
func (c *call) answered(k *Pick, a *attempt, resp *http.Response) {
	k.Answered()
	c.pool.bind(c.bound, k, resp)
	outcome, err := Succeeded, error(nil)
	if fails := c.pool.o.Fails; fails != nil && fails(resp) {
		outcome, err = Failed, errors.New("answered with "+resp.Status)
	}
	k.tell(outcome, err)
	watchBody(k, a, resp, c.req.Context())
}

// unsent says that an error means that no connection was made.
func unsent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// tooLong says that an error is that of a time limit.
func tooLong(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// Repeatable says which requests may be carried out twice, by their method:
// GET, HEAD, OPTIONS, TRACE, PUT and DELETE (RFC 9110, 9.2.2). Their bodies have
// to be repeatable as well, which a pool sees for itself. It is what
// [Options.Repeatable] is by default.
func Repeatable(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}
