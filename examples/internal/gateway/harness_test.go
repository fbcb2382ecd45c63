package gateway_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/lbconf"
	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/examples/internal/route"
	"github.com/gotribes/tribes/examples/internal/tenants"
	"github.com/gotribes/tribes/membership"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bound is wide, because a busy machine must not fail a test.
const bound = 20 * time.Second

// groups are domains of the test's making.
type groups struct {
	mu      sync.Mutex
	views   map[string]membership.View
	failed  []membership.ID
	more    chan struct{} // closed when there are other views
	readers map[*reader]bool
	step    *sync.Cond // one of them has taken in a view, or has ended
}

// A reader follows a domain.
type reader struct {
	domain  string
	applied uint64 // the number of the view that it has taken in
}

func newGroups() *groups {
	all := &groups{views: map[string]membership.View{}, more: make(chan struct{}), readers: map[*reader]bool{}}
	all.step = sync.NewCond(&all.mu)
	return all
}

type group struct {
	all    *groups
	domain string
}

func (g group) View() membership.View {
	v, _ := g.all.now(g.domain)
	return v
}

// Changes yields the views.
func (g group) Changes(ctx context.Context) iter.Seq[membership.Change] {
	return func(yield func(membership.Change) bool) {
		r := &reader{domain: g.domain}
		defer g.all.over(r)
		for {
			v, more := g.all.now(g.domain)
			if !yield(membership.Change{View: v}) {
				return
			}
			g.all.apply(r, v.Number())
			select {
			case <-more:
			case <-ctx.Done():
				return
			}
		}
	}
}

// now is the view of a domain, and what is closed when there is another one.
func (all *groups) now(domain string) (membership.View, chan struct{}) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if _, ok := all.views[domain]; !ok {
		return membership.MakeView(domain, 0, nil), all.more
	}
	return all.views[domain], all.more
}

// apply notes that a reader has taken in a view.
func (all *groups) apply(r *reader, number uint64) {
	all.mu.Lock()
	defer all.mu.Unlock()
	r.applied = number
	all.readers[r] = true
	all.step.Broadcast()
}

// over notes that a reader has ended.
func (all *groups) over(r *reader) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.readers, r)
	all.step.Broadcast()
}

func (g group) ReportFailure(id membership.ID, _ error) {
	g.all.mu.Lock()
	defer g.all.mu.Unlock()
	g.all.failed = append(g.all.failed, id)
}

func (all *groups) find(domain string) members.Group { return group{all, domain} }

func (all *groups) failures() []membership.ID {
	all.mu.Lock()
	defer all.mu.Unlock()
	return append([]membership.ID(nil), all.failed...)
}

// set says who is in a domain, and waits until all readers have taken it in.
func (all *groups) set(domain string, list ...membership.Member) {
	all.mu.Lock()
	defer all.mu.Unlock()
	number := uint64(1)
	if old, ok := all.views[domain]; ok {
		number = old.Number() + 1
	}
	all.views[domain] = membership.MakeView(domain, number, list)
	close(all.more)
	all.more = make(chan struct{})
	for !all.taken(domain, number) {
		all.step.Wait()
	}
}

// await waits until there are so many readers: set waits for those that it
// finds.
func (all *groups) await(readers int) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for len(all.readers) < readers {
		all.step.Wait()
	}
}

// taken tells whether all readers of a domain have taken in a view of it.
func (all *groups) taken(domain string, number uint64) bool {
	for r := range all.readers {
		if r.domain == domain && r.applied != number {
			return false
		}
	}
	return true
}

// A front is a gateway with two listeners and what is behind it.
type front struct {
	t          *testing.T
	all        *groups
	rules      *gateway.Rules
	keep       []*gateway.Route
	gw         *gateway.Gateway
	plain, tls *httptest.Server
	client     *http.Client // follows no redirects
}

const rules = `services {
  one { hosts d.test; domains { d { } } }
  esb { hosts esb.test; domains {
    gold { tenant_range 1-9; }
    d { }
  } }
  strict { hosts strict.test; domains { gold { tenant_range 5; } } }
}`

// newFront makes one; tune may change how its plain listener serves.
func newFront(t *testing.T, options gateway.Options, pools members.Options, tune ...func(*http.Server)) *front {
	t.Helper()
	f := &front{t: t, all: newGroups()}
	plain, secure := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	options.HTTPPort, options.HTTPSPort = portOf(plain.Listener), portOf(secure.Listener)
	f.gw = gateway.New(options)
	pools.Failed = f.gw.MemberFailed
	file, err := lbconf.Parse("lb.conf", []byte(rules), nil)
	require.NoError(t, err)
	made := 0
	table := route.New(file.Routes, func(domain, sub string) *gateway.Route {
		r := f.gw.Route(domain, sub, func() gateway.Pool {
			made++
			return members.New(domain, sub, f.all.find, pools)
		})
		f.keep = append(f.keep, r)
		return r
	})
	f.rules = &gateway.Rules{Table: table, Tenants: tenants.Map{"gold.test": 7}}
	f.gw.SetRules(f.rules, f.keep)
	f.all.await(made)
	plain.Config.Handler = f.gw.Handler(false, options.HTTPPort)
	secure.Config.Handler = f.gw.Handler(true, options.HTTPSPort)
	secure.EnableHTTP2 = true
	for _, f := range tune {
		f(plain.Config)
	}
	plain.Start()
	secure.StartTLS()
	f.plain, f.tls = plain, secure
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	f.client = &http.Client{Transport: transport, Timeout: bound,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		plain.Close()
		secure.Close()
		f.gw.Close()
	})
	return f
}

// timeout says how long sessions last.
func (f *front) timeout(d time.Duration) {
	next := *f.rules
	next.SessionTimeout = d
	f.gw.SetRules(&next, f.keep)
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String()) // of a listener
	return port
}

// backend serves and returns how a view shows it: its ID is n, its address is
// not that of its HTTP server, as in life.
func backend(t *testing.T, n byte, serve http.HandlerFunc) membership.Member {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return member(n, map[string]string{"httpPort": portOf(server.Listener)})
}

func member(n byte, properties map[string]string) membership.Member {
	return membership.Member{ID: membership.ID{n}, Address: fmt.Sprintf("127.0.0.1:%d", 4000+int(n)), State: membership.Alive}.
		WithProperties(properties)
}

// raw is a backend that is no HTTP server: serve gets each connection once the
// header of a request has come.
func raw(t *testing.T, n byte, serve func(conn net.Conn, r *bufio.Reader)) membership.Member {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					if strings.TrimSpace(line) == "" {
						break
					}
				}
				serve(conn, r)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return member(n, map[string]string{"httpPort": portOf(ln)})
}

// refusing is a member whose port refuses.
func refusing(t *testing.T, n byte) membership.Member {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	return member(n, map[string]string{"httpPort": portOf(ln)})
}

// says is a backend that answers with a name and the request's body.
func says(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a body cut short is not what the test wants
		fmt.Fprintf(w, "%s %s", name, body)
	}
}

// request makes one for a host.
func (f *front) request(method, url, host string, body io.Reader) *http.Request {
	f.t.Helper()
	r, err := http.NewRequest(method, url, body)
	require.NoError(f.t, err)
	r.Host = host
	return r
}

// do sends a request and returns the answer and its body.
func (f *front) do(r *http.Request) (*http.Response, string) {
	f.t.Helper()
	resp, err := f.client.Do(r)
	require.NoError(f.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(f.t, err)
	return resp, string(text)
}

// ask sends a plain request.
func (f *front) ask(method, host, path, body string) (*http.Response, string) {
	f.t.Helper()
	return f.do(f.request(method, f.plain.URL+path, host, strings.NewReader(body)))
}

// dial opens a connection to write bytes on.
func (f *front) dial() (net.Conn, *bufio.Reader) {
	f.t.Helper()
	conn, err := net.Dial("tcp", f.plain.Listener.Addr().String())
	require.NoError(f.t, err)
	f.t.Cleanup(func() { conn.Close() })
	require.NoError(f.t, conn.SetDeadline(time.Now().Add(bound)))
	return conn, bufio.NewReader(conn)
}
