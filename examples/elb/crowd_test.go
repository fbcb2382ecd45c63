package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/freeport"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/wka"
)

// wide bounds waits for what takes moments, on a machine that may be busy.
const wide = 60 * time.Second

// A lockedBuffer is what several goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A stage is a balancer, run as the program would be, with members in this
// process, all over real sockets.
type stage struct {
	t                   *testing.T
	member, http, admin string // addresses of the balancer
	log                 *lockedBuffer
	nodes               []*membership.Node
	blocked             func(from, to string) bool // tells whether a node cannot dial another one
	client              *http.Client
}

// free returns addresses that nobody listens on.
func free(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	for range n {
		out = append(out, freeport.Address(t))
	}
	return out
}

// newStage starts a balancer.
func newStage(t *testing.T, args ...string) *stage {
	t.Helper()
	at := free(t, 3)
	s := &stage{t: t, member: at[0], http: at[1], admin: at[2], log: &lockedBuffer{}, client: &http.Client{Timeout: wide}}
	t.Cleanup(s.client.CloseIdleConnections)
	ctx, cancel := context.WithCancel(context.Background())
	var ended error
	over := make(chan struct{})
	args = append([]string{"-name", "balancer-1", "-advertise", s.member, "-wka", s.member, "-http", s.http, "-admin", s.admin,
		"-drain", "2s"}, args...)
	go func() {
		defer close(over)
		ended = run(ctx, args, io.Discard, s.log)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-over:
			require.NoError(t, ended)
		case <-time.After(wide):
			t.Error("the balancer has not ended")
		}
	})
	s.until("the balancer answers", func() bool {
		select {
		case <-over:
			require.FailNow(t, "the balancer has ended", "%v\n%s", ended, s.log)
		default:
		}
		resp, err := s.client.Get("http://" + s.admin + "/healthz")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	return s
}

// until waits for something.
func (s *stage) until(what string, done func() bool) {
	s.t.Helper()
	end := time.After(wide)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-end:
			require.FailNow(s.t, "not within a minute: "+what, "%s", s.log)
		}
	}
}

// add starts a member and returns it. It ends with the test.
func (s *stage) add(domain, name string, properties map[string]string, serve http.Handler) *membership.Node {
	s.t.Helper()
	return s.addAt("127.0.0.1:0", domain, name, properties, serve)
}

// addAt is add for a member with an address of its own.
func (s *stage) addAt(at, domain, name string, properties map[string]string, serve http.Handler) *membership.Node {
	s.t.Helper()
	server := httptest.NewServer(serve)
	s.t.Cleanup(server.Close)
	listener, err := net.Listen("tcp", cmp.Or(at, "127.0.0.1:0"))
	require.NoError(s.t, err)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	all := map[string]string{"httpPort": port}
	maps.Copy(all, properties)
	cfg := membership.Config{Domain: domain, Name: name, Listener: listener, WellKnown: wka.List{s.member}, Properties: all}
	if blocked := s.blocked; blocked != nil {
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if blocked(listener.Addr().String(), address) {
				return nil, errors.New("a firewall is in between")
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	}
	node, err := membership.Start(cfg)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { node.Close() })
	s.nodes = append(s.nodes, node)
	return node
}

// says is a server that answers with a text after a time.
func says(text string, after time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(after):
		case <-r.Context().Done():
		}
		io.WriteString(w, text)
	})
}

// get asks the admin address.
func (s *stage) get(path string, header ...string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.admin+path, nil)
	require.NoError(s.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.client.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(body)
}

// sees waits until the balancer shows so many members of a domain.
func (s *stage) sees(domain string, n int) {
	s.t.Helper()
	s.until(fmt.Sprintf("%d members of %s", n, domain), func() bool {
		return slices.ContainsFunc(s.state().Domains, func(d domainState) bool { return d.Domain == domain && d.All == n })
	})
}

// ask sends a request to the balancer for clients.
func (s *stage) ask(host, path string) (int, string) {
	req, err := http.NewRequest(http.MethodGet, "http://"+s.http+path, nil)
	require.NoError(s.t, err)
	req.Host = host
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// A query is that of an address.
type query map[string]string

// of puts it behind a path.
func (q query) of(path string) string {
	v := url.Values{}
	for key, value := range q {
		v.Set(key, value)
	}
	return path + "?" + v.Encode()
}
