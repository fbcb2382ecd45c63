// Package gateway hands HTTP requests to members: it finds the route of a
// request, has a member picked, sends the request on, and tells client and
// member what each has to know of the other. HTTP/1.1 and HTTP/2, WebSockets,
// events and bodies of any length go through as they come.
package gateway

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gotribes/tribes/examples/internal/route"
	"github.com/gotribes/tribes/examples/internal/sticky"
	"github.com/gotribes/tribes/examples/internal/tenants"
)

// A Scheme says how members are asked.
type Scheme uint8

// The schemes.
const (
	SameScheme  Scheme = iota // as the client has asked
	HTTPScheme                // without TLS, whatever the client did
	HTTPSScheme               // with TLS, whatever the client did
)

// Options say how a Gateway works; they do not change while it does. The zero
// value of each field is a sound choice, a negative one is off where that makes
// sense.
type Options struct {
	HTTPPort, HTTPSPort string // that clients come to; "" is none. Addresses in answers are rewritten to them

	Members Scheme         // how members are asked
	Trusted []netip.Prefix // clients whose word on X-Forwarded-* and Forwarded is kept and added to

	Learn  []string // session cookies that keep a client at its member; none: nil
	Cookie string   // the name of the gateway's own cookie that does; "" is none

	Wait time.Duration // how long a request waits for the first member. Default: not at all

	MaxBody       int64         // bytes of a request's body. Default: 1 GiB. Negative: no bound
	ClientIdle    time.Duration // a client that neither sends nor takes any byte is cut off. Default: 1 min
	MemberAnswers time.Duration // a member that does not begin to answer is given up. Default: 1 min
	MemberIdle    time.Duration // a member that stops in the middle of an answer is cut off. Default: 5 min

	Logger *slog.Logger // nil is silent

	// Over is told of each request when it is over, by the goroutine of the request.
	// Nil: nobody is.
	Over func(*Record)
}

// Defaults of Options.
const (
	defaultMaxBody       = 1 << 30
	defaultClientIdle    = time.Minute
	defaultMemberAnswers = time.Minute
	defaultMemberIdle    = 5 * time.Minute
)

// A Route is where requests go: the members of a domain, or of a part of it.
type Route struct {
	Domain, SubDomain string
	Pool              Pool
	sessions          *sticky.Sessions
}

// name is what errors call it.
func (r *Route) name() string {
	if r.SubDomain == "" {
		return fmt.Sprintf("domain %q", r.Domain)
	}
	return fmt.Sprintf("domain %q, sub-domain %q,", r.Domain, r.SubDomain)
}

// Rules say which request goes where. They are replaced as a whole.
type Rules struct {
	Table          *route.Table[*Route]
	Tenants        tenants.Map
	SessionTimeout time.Duration // of sticky sessions; 0 is sticky.DefaultTimeout
}

// A Gateway hands requests to members. Its methods may be called from many
// goroutines.
type Gateway struct {
	options Options
	reverse *httputil.ReverseProxy
	base    atomic.Pointer[http.Transport]
	rules   atomic.Pointer[Rules]
	waiting atomic.Int64 // requests that wait for a first member
	log     *limitedLog

	mu     sync.Mutex // for routes; held for nothing that can block
	routes map[[2]string]*Route
}

// New makes a Gateway. It answers 404 until SetRules was called.
func New(options Options) *Gateway {
	options.MaxBody = or(options.MaxBody, defaultMaxBody)
	options.ClientIdle = or(options.ClientIdle, defaultClientIdle)
	options.MemberAnswers = or(options.MemberAnswers, defaultMemberAnswers)
	options.MemberIdle = or(options.MemberIdle, defaultMemberIdle)
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{options: options, log: &limitedLog{to: options.Logger}, routes: map[[2]string]*Route{}}
	g.SetTLS(nil)
	g.rules.Store(&Rules{Table: route.New[*Route](nil, nil)})
	g.reverse = &httputil.ReverseProxy{
		Rewrite:      g.rewrite,
		Transport:    g,
		ErrorHandler: g.answerError,
		BufferPool:   &buffers{},
		ErrorLog:     slog.NewLogLogger(g.log, slog.LevelWarn),
	}
	return g
}

// or returns v, or d if v is zero.
func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// Route returns the route to a part of a domain, always the same one; pool makes
// its Pool when it is asked for first. So sessions outlive new rules.
func (g *Gateway) Route(domain, subDomain string, pool func() Pool) *Route {
	key := [2]string{domain, subDomain}
	g.mu.Lock()
	r := g.routes[key]
	g.mu.Unlock()
	if r != nil {
		return r
	}
	made := &Route{Domain: domain, SubDomain: subDomain, Pool: pool(), sessions: sticky.NewSessions(0)}
	g.mu.Lock()
	if r = g.routes[key]; r == nil {
		r = made
		g.routes[key] = r
	}
	g.mu.Unlock()
	if r != made {
		made.Pool.Close()
	}
	return r
}

// SetRules replaces the rules. Requests under way go on as they began. Routes
// that no rule has any more are forgotten with their sessions, and their pools
// closed.
func (g *Gateway) SetRules(rules *Rules, keep []*Route) {
	g.rules.Store(rules)
	next := map[[2]string]*Route{}
	for _, r := range keep {
		r.sessions.SetTimeout(rules.SessionTimeout)
		next[[2]string{r.Domain, r.SubDomain}] = r
	}
	for key, r := range g.replace(next) {
		if next[key] == nil {
			r.Pool.Close()
		}
	}
}

// replace puts other routes in the place of those that are known.
func (g *Gateway) replace(next map[[2]string]*Route) (old map[[2]string]*Route) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old, g.routes = g.routes, next
	return old
}

// SetTLS says how members are asked over TLS: nil checks certificates against
// those that the system trusts. Connections that are not in use are dropped.
func (g *Gateway) SetTLS(config *tls.Config) {
	if old := g.base.Swap(newTransport(config, g.options.MemberAnswers)); old != nil {
		old.CloseIdleConnections()
	}
}

// Close ends all pools and drops connections to members that are not in use.
// Requests under way go on.
func (g *Gateway) Close() {
	for _, r := range g.replace(map[[2]string]*Route{}) {
		r.Pool.Close()
	}
	g.base.Load().CloseIdleConnections()
}

// MemberFailed is for pools to say that a member did not answer a request. It is
// logged, not every time.
func (g *Gateway) MemberFailed(domain string, m *Member, err error) {
	g.log.warn("a member did not answer a request", "domain", domain, "member", m.Address, "error", err)
}

// Handler serves the requests of one listener: over TLS or not, at a port.
func (g *Gateway) Handler(https bool, port string) http.Handler {
	return &entrance{g: g, https: https, port: port}
}

// An entrance is where requests come in.
type entrance struct {
	g     *Gateway
	https bool
	port  string
}

// An exchange is one request on its way.
type exchange struct {
	at      *entrance
	route   *Route
	want    Want
	in      *http.Request
	timeout time.Duration // of sessions
	body    *clientBody   // nil if the request has none
	fault   bool          // see Record
}

// ServeHTTP answers 404 for a host or tenant without a route, 503 with
// Retry-After if nobody is there to answer, 413 for a body that is too long, 504
// if a member takes too long, 502 if one breaks off or talks nonsense.
func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tell := e.g.options.Over
	if tell == nil {
		e.serve(w, r, func(*exchange) {})
		return
	}
	out := newRecorder(w, r)
	var x *exchange
	whole := false
	defer func() { // also if the member breaks off within its answer, which is a panic
		if x != nil && !whole {
			x.fault = r.Context().Err() == nil
		}
		out.over(x, tell)
	}()
	e.serve(out, r, func(found *exchange) {
		x = found
		out.routed(x)
	})
	whole = true
}

// serve answers a request. found is told where it belongs.
func (e *entrance) serve(w http.ResponseWriter, r *http.Request, found func(*exchange)) {
	if r.Method == http.MethodConnect {
		http.Error(w, "this is no forward proxy", http.StatusMethodNotAllowed)
		return
	}
	rules := e.g.rules.Load()
	to, miss := rules.Table.Find(r.Host, r.URL.Path, r.URL.RawQuery, rules.Tenants)
	switch miss {
	case route.NoHost:
		http.Error(w, fmt.Sprintf("no domain is set for the host %q", route.Name(r.Host)), http.StatusNotFound)
		return
	case route.NoTenant:
		http.Error(w, fmt.Sprintf("no domain is set for this tenant of the host %q", route.Name(r.Host)), http.StatusNotFound)
		return
	}
	if most := e.g.options.MaxBody; most > 0 && r.ContentLength > most {
		http.Error(w, "the body has more than "+strconv.FormatInt(most, 10)+" bytes", http.StatusRequestEntityTooLarge)
		return
	}
	x := &exchange{at: e, route: to, in: r, timeout: rules.SessionTimeout, want: Want{HTTPS: e.https, Listen: e.port}}
	if x.want.Client = route.Port(r.Host); x.want.Client == "" {
		x.want.Client = portOf(e.https)
	}
	if m := e.g.options.Members; m != SameScheme {
		x.want.HTTPS = m == HTTPSScheme
	}
	found(x)
	out := newClientWriter(w, e.g.options.ClientIdle)
	x.want.exchange = x
	ctx := WithWant(r.Context(), &x.want)
	if r.Body == nil || r.Body == http.NoBody {
		e.g.reverse.ServeHTTP(out, r.WithContext(ctx))
		return
	}
	// A body that fails ends its request, so that nobody takes it for the member's
	// fault.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	x.body = e.g.newClientBody(w, r.Body, cancel)
	in := r.WithContext(ctx)
	in.Body = x.body
	e.g.reverse.ServeHTTP(out, in)
}

// rewrite makes the request that members get; RoundTrip picks the member. The
// Host header, the path and the query stay as the client sent them.
func (g *Gateway) rewrite(r *httputil.ProxyRequest) {
	x := WantOf(r.Out).exchange
	r.Out.URL.Scheme = schemeOf(x.want.HTTPS)
	r.Out.URL.Host = x.route.Domain // stands for a member that is not picked yet
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	r.Out.Trailer = r.In.Trailer // filled when the body has been read
	g.forward(x, r.In, r.Out.Header)
}

// buffers lends what answers are copied through.
type buffers struct{ pool sync.Pool }

// bufferSize is what ReverseProxy would use.
const bufferSize = 32 << 10

// Get lends one.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return make([]byte, bufferSize)
}

// Put takes one back.
func (b *buffers) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }
