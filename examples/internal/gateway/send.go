package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gotribes/tribes/membership/upstream"
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

// RoundTrip sends a request to a member of its route, and where it may be
// repeated to another one, within the route. It serves the ReverseProxy, which
// closes the request's body by itself. The error is a *NoMemberError if there is
// nobody, or nobody who can be reached.
func (g *Gateway) RoundTrip(req *http.Request) (*http.Response, error) {
	x := WantOf(req).exchange
	var bound bool
	x.want.Prefer, bound = g.prefers(x)
	resp, err := g.send(x, req)
	if err != nil && x.want.Tries == 0 && nobody(err) && g.await(req.Context(), x) {
		resp, err = g.send(x, req)
	}
	switch {
	case err == nil:
		g.answered(x, resp, bound)
		return resp, nil
	case !nobody(err):
		return nil, err
	case x.want.Tries == 0:
		return nil, &NoMemberError{Route: x.route.name(), Reason: x.route.Pool.Why(&x.want), Err: err}
	}
	return nil, &NoMemberError{Route: x.route.name(), Reason: fmt.Sprintf("none of %d members could be reached", x.want.Tries), Err: err}
}

// send has the pool send the request.
func (g *Gateway) send(x *exchange, req *http.Request) (*http.Response, error) {
	if x.body != nil && req.Body != nil {
		req = req.WithContext(req.Context()) // a shallow copy: nothing in it may be changed
		req.Body = attempt{x.body}
	}
	return x.route.Pool.Send(g.base.Load(), req)
}

// nobody tells whether an error says that nobody could be asked.
func nobody(err error) bool {
	_, empty := errors.AsType[*upstream.EmptyError](err)
	return empty || errors.Is(err, upstream.ErrClosed)
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
		if x.route.Pool.Has(&x.want) {
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

// tooLong tells whether an error is that of a time limit.
func tooLong(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
