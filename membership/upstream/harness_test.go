package upstream

import (
	"context"
	"fmt"
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

	"github.com/gotribes/tribes/membership"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A group is one whose members a test sets.
type group struct {
	number  uint64
	changes chan membership.Change
	applied chan struct{}

	mu     sync.Mutex // guards what follows
	failed []membership.ID
}

// newGroup returns a group that begins with the given members; see members.
func newGroup(list ...string) *group {
	g := &group{changes: make(chan membership.Change, 1), applied: make(chan struct{}, 1)}
	g.changes <- g.change(list)
	return g
}

// member reads "host:port state key=value ...", where host:port is the server's
// too; sub=x is the sub-domain, id=n the ID, which is the port otherwise.
func member(text string) membership.Member {
	f := strings.Fields(text)
	host, port, _ := net.SplitHostPort(f[0])
	m := membership.Member{Domain: "d", Address: f[0], Name: f[0], State: membership.Alive, Incarnation: 1, Version: 1}
	copy(m.ID[:], host+port)
	properties := map[string]string{"httpPort": port}
	for _, word := range f[1:] {
		k, v, pair := strings.Cut(word, "=")
		switch {
		case k == "sub":
			m.SubDomain = v
		case k == "id":
			m.ID = membership.ID{}
			copy(m.ID[:], v)
		case k == "httpPort" && v == "":
			delete(properties, k)
		case pair:
			properties[k] = v
		default:
			for s := membership.Alive; s <= membership.Failed; s++ {
				if s.String() == word {
					m.State = s
				}
			}
		}
	}
	return m.WithProperties(properties)
}

func (g *group) change(list []string) membership.Change {
	g.number++
	var members []membership.Member
	for _, text := range list {
		members = append(members, member(text))
	}
	return membership.Change{View: membership.MakeView("d", g.number, members)}
}

// set replaces the members and waits until the pool has applied that.
func (g *group) set(list ...string) {
	<-g.applied // the change before
	g.changes <- g.change(list)
	<-g.applied
	g.applied <- struct{}{}
}

func (g *group) Changes(ctx context.Context) iter.Seq[membership.Change] {
	return func(yield func(membership.Change) bool) {
		for {
			select {
			case c := <-g.changes:
				if !yield(c) {
					return
				}
				g.applied <- struct{}{}
			case <-ctx.Done():
				return
			}
		}
	}
}

func (g *group) ReportFailure(id membership.ID, _ error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failed = append(g.failed, id)
}

func (g *group) reported() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.failed)
}

// newPool makes a pool that is closed when the test ends.
func newPool(t testing.TB, g Group, o Options) *Pool {
	t.Helper()
	p, err := New(g, o)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// picks makes picks, all over at once, and counts them by address.
func picks(t testing.TB, p *Pool, n int, w Want) map[string]int {
	t.Helper()
	out := map[string]int{}
	for range n {
		k, err := p.Pick(w)
		require.NoError(t, err)
		out[k.Address()]++
		k.Done(Succeeded, nil)
	}
	return out
}

// hold makes picks that are not over.
func hold(t testing.TB, p *Pool, n int, w Want) (held []Pick, count map[string]int) {
	t.Helper()
	count = map[string]int{}
	for range n {
		k, err := p.Pick(w)
		require.NoError(t, err)
		count[k.Address()]++
		held = append(held, k)
	}
	return held, count
}

func release(held []Pick) {
	for i := range held {
		held[i].Done(Succeeded, nil)
	}
}

// many lists n members.
func many(n int, more string) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("10.0.%d.%d:80 %s", i/250, i%250, more))
	}
	return out
}

// serve starts a server and returns its address.
func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// says answers with a name.
func says(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }
}

// refusing is an address at which nobody listens.
func refusing(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return ln.Addr().String()
}

// breaking takes a request and ends the connection.
func breaking(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
}

// until waits for something that can only be asked for.
func until(t testing.TB, why string, is func() bool) {
	t.Helper()
	end := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			require.FailNow(t, why)
		}
	}
}
