package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gotribes/tribes/membership"
)

// How members are reached. One that was cut off from power does not refuse
// connections, so there is a bound on waiting for one.
const (
	dialTime      = time.Second
	handshakeTime = 5 * time.Second
	idleTime      = 30 * time.Second
	idlePerMember = 64
	idleInAll     = 4096
	continueTime  = time.Second // a member that does not answer Expect: 100-continue gets the body all the same
	mostHeader    = 256 << 10   // bytes of an answer's header
	pingTime      = 15 * time.Second
)

// mostTries is how many members a request is tried at.
const mostTries = 5

// mostWaiting bounds the requests that wait for a first member; lookTime is how
// often they look where no pool can tell them.
const (
	mostWaiting = 1000
	lookTime    = 100 * time.Millisecond
)

// newTransport makes what talks to members.
func newTransport(config *tls.Config, answers time.Duration) *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dialTime}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    handshakeTime,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingTime, PingTimeout: dialTime},
		IdleConnTimeout:        idleTime,
		MaxIdleConns:           idleInAll,
		MaxIdleConnsPerHost:    idlePerMember,
		MaxResponseHeaderBytes: mostHeader,
		ResponseHeaderTimeout:  max(answers, 0),
		ExpectContinueTimeout:  continueTime,
		DisableCompression:     true, // what the client asked for is passed on as it is
	}
}

// RoundTrip sends a request to a member of its route, and to the next one if
// that cannot be reached; each at most once, within the route. It serves the
// ReverseProxy, which closes the request's body by itself. The error is a
// *NoMemberError if there is nobody, or nobody who can be reached.
func (g *Gateway) RoundTrip(req *http.Request) (*http.Response, error) {
	x := req.Context().Value(exchangeKey{}).(*exchange)
	prefer, bound := g.prefers(x)
	var ids [mostTries]membership.ID
	tried, last := ids[:0], error(nil)
	for len(tried) < mostTries {
		m, address, ok := x.route.Pool.Pick(&x.want, prefer, tried)
		if !ok && len(tried) == 0 && g.await(req.Context(), x) {
			m, address, ok = x.route.Pool.Pick(&x.want, prefer, tried)
		}
		if !ok {
			break
		}
		tried = append(tried, m.ID)
		resp, err := g.base.Load().RoundTrip(x.to(req, address))
		if err == nil {
			g.answered(x, resp, m, address, bound)
			return resp, nil
		}
		if req.Context().Err() != nil || x.body.failure() != nil {
			return nil, err // the client went away, or was at fault: not the member
		}
		x.route.Pool.Failed(m.ID, err)
		g.log.warn("a member did not answer a request", "domain", x.route.Domain, "member", m.Address, "at", address, "error", err)
		if !repeatable(req, err) || x.body.begun() {
			return nil, err
		}
		last = err
	}
	reason := fmt.Sprintf("none of %d members could be reached", len(tried))
	if len(tried) == 0 {
		reason = x.route.Pool.Why(&x.want)
	}
	return nil, &NoMemberError{Route: x.route.name(), Reason: reason, Err: last}
}

// to makes the request that goes to one address.
func (x *exchange) to(req *http.Request, address string) *http.Request {
	out := req.WithContext(req.Context()) // a shallow copy: a transport changes nothing in it
	url := *req.URL
	url.Host = address
	out.URL = &url
	if x.body != nil && req.Body != nil {
		out.Body = attempt{x.body}
	}
	return out
}

// await waits until somebody can be picked, if requests are to wait at all, and
// tells whether it is worth trying.
func (g *Gateway) await(ctx context.Context, x *exchange) bool {
	if g.options.Wait <= 0 {
		return false
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > mostWaiting {
		return false
	}
	end := time.NewTimer(g.options.Wait)
	defer end.Stop()
	look := time.NewTicker(lookTime)
	defer look.Stop()
	for {
		changed := x.route.Pool.Changed()
		// Asked after Changed, so that nobody who comes in between is missed.
		if _, _, ok := x.route.Pool.Pick(&x.want, membership.ID{}, nil); ok {
			return true
		}
		select {
		case <-changed:
		case <-look.C:
		case <-end.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// repeatable tells whether a request that failed with err may be sent again. If
// no connection came about nothing was sent, so any request may. If the
// connection broke later (the member was killed while it worked) only one that
// by its method changes nothing may: it could have been carried out. One that
// took too long is not sent again: another may take as long.
func repeatable(req *http.Request, err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if tooLong(err) {
		return false
	}
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// tooLong tells whether an error is that of a time limit.
func tooLong(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
