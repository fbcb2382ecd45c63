package balance_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/balance"
	"github.com/gotribes/tribes/membership"
)

// front is a proxy for the host "d.test" and what is behind it.
type front struct {
	t   *testing.T
	url string
	g   *group
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{t: t, g: new(group)}
	domainOf := func(host string) (string, bool) { return strings.CutSuffix(host, ".test") }
	find := func(domain string) balance.Domain {
		if domain == "d" {
			return f.g
		}
		return nil
	}
	proxy := balance.New(domainOf, find, nil)
	t.Cleanup(proxy.Close)
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// ask sends a request for a host and returns the answer and its body.
func (f *front) ask(method, host, body string) (*http.Response, string) {
	f.t.Helper()
	req, err := http.NewRequest(method, f.url+"/path?q=1", strings.NewReader(body))
	require.NoError(f.t, err)
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	require.NoError(f.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(f.t, err)
	return resp, string(text)
}

// backend serves and returns how a view shows it. The member's own port is not
// the one of its HTTP server, as in life.
func backend(t *testing.T, member string, serve http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	return fmt.Sprintf("127.0.0.1:%s %s alive", member, port)
}

// says is a backend that answers with a name and the request's body.
func says(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a body cut short is not what the test wants
		fmt.Fprintf(w, "%s %s", name, body)
	}
}

// refusing is a member whose HTTP port refuses.
func refusing(t *testing.T, member string) string {
	t.Helper()
	server := httptest.NewServer(nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	server.Close()
	return fmt.Sprintf("127.0.0.1:%s %s alive", member, port)
}

// breaking is a backend that takes a request and then ends the connection.
func breaking(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
}

func TestRequestArrivesAsItWasSent(t *testing.T) {
	f := newFront(t)
	got := make(chan *http.Request, 1)
	f.g.set(backend(t, "4100", func(_ http.ResponseWriter, r *http.Request) { got <- r.Clone(context.Background()) }))
	f.ask(http.MethodGet, "D.test.:8290", "")
	r := <-got
	require.Equal(t, "D.test.:8290", r.Host)
	require.Equal(t, "/path?q=1", r.RequestURI)
	require.Equal(t, "127.0.0.1", r.Header.Get("X-Forwarded-For"))
	require.Equal(t, "D.test.:8290", r.Header.Get("X-Forwarded-Host"))
	require.Equal(t, "http", r.Header.Get("X-Forwarded-Proto"))
}

func TestRefusedRequestsGoToTheNextMember(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		f := newFront(t)
		f.g.set(refusing(t, "4100"), refusing(t, "4200"), backend(t, "4300", says("third")))
		for range 6 { // whoever's turn it is
			resp, body := f.ask(method, "d.test", "words")
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Equal(t, "third words", body, "nothing was sent before, so even a POST may be sent again")
		}
		require.Contains(t, f.g.failed, membership.ID{1}, "the node is told whom a request did not reach")
		require.NotContains(t, f.g.failed, membership.ID{3})
	}
}

func TestBrokenRequestsGoOnOnlyIfTheyChangeNothing(t *testing.T) {
	f := newFront(t)
	f.g.set(backend(t, "4100", breaking), backend(t, "4200", says("second")))
	for range 4 {
		resp, body := f.ask(http.MethodGet, "d.test", "")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, "second ", body)
	}
	f.g.set(backend(t, "4100", breaking))
	resp, body := f.ask(http.MethodPost, "d.test", "words")
	require.Equal(t, http.StatusBadGateway, resp.StatusCode, "a POST may have been carried out")
	require.Contains(t, body, "broke off")
	require.Empty(t, resp.Header.Get("Retry-After"))
}

func TestEmptyDomainIsUnavailable(t *testing.T) {
	f := newFront(t)
	for _, c := range []struct {
		host    string
		members []string
		text    string
	}{
		{"d.test", nil, `domain "d" can answer: it has no members`},
		{"e.test", nil, `domain "e" can answer: no member of it has been heard of`},
		{"d.test", []string{refusing(t, "4100"), refusing(t, "4200")}, `domain "d" can answer: none of its 2 members could be reached`},
	} {
		f.g.set(c.members...)
		resp, body := f.ask(http.MethodGet, c.host, "")
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		require.Equal(t, "1", resp.Header.Get("Retry-After"))
		require.Contains(t, body, c.text)
	}
}

func TestUnknownHostIsNotFound(t *testing.T) {
	resp, body := newFront(t).ask(http.MethodGet, "other.example:8290", "")
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.Contains(t, body, `"other.example"`)
}

func TestClientThatGivesUpIsNoFaultOfTheMember(t *testing.T) {
	f := newFront(t)
	arrived := make(chan struct{})
	f.g.set(backend(t, "4100", func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done() // the proxy passes on that the client is gone
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	require.NoError(t, err)
	req.Host = "d.test"
	_, err = http.DefaultClient.Do(req)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, f.g.failed)
}
