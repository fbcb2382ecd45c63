package balance_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/balance"
	"github.com/gotribes/tribes/membership/upstream"
)

// front is a proxy for the hosts "*.test", each a domain, with pools of fixed
// addresses behind it.
type front struct {
	t     *testing.T
	url   string
	pools map[string]*upstream.Pool
}

func newFront(t *testing.T, domains map[string][]string) *front {
	t.Helper()
	f := &front{t: t, pools: map[string]*upstream.Pool{}}
	for domain, addresses := range domains {
		pool, err := upstream.New(upstream.Static(addresses...), upstream.Options{})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		f.pools[domain] = pool
	}
	domainOf := func(host string) (string, bool) { return strings.CutSuffix(host, ".test") }
	proxy := balance.New(domainOf, func(domain string) *upstream.Pool { return f.pools[domain] }, nil)
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

// backend serves and returns its address.
func backend(t *testing.T, serve http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// refusing is an address that refuses.
func refusing(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(nil)
	defer server.Close()
	return server.Listener.Addr().String()
}

func TestRequestArrivesAsItWasSent(t *testing.T) {
	got := make(chan *http.Request, 1)
	at := backend(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Clone(context.Background()) })
	f := newFront(t, map[string][]string{"d": {at}})
	f.ask(http.MethodGet, "D.test.:8290", "")
	r := <-got
	require.Equal(t, "D.test.:8290", r.Host)
	require.Equal(t, "/path?q=1", r.RequestURI)
	require.Equal(t, "127.0.0.1", r.Header.Get("X-Forwarded-For"))
	require.Equal(t, "D.test.:8290", r.Header.Get("X-Forwarded-Host"))
	require.Equal(t, "http", r.Header.Get("X-Forwarded-Proto"))
}

func TestHostsGoToTheirDomains(t *testing.T) {
	says := func(name string) string {
		return backend(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) })
	}
	f := newFront(t, map[string][]string{"d": {refusing(t), says("d")}, "e": {says("e")}})
	for range 4 {
		for _, domain := range []string{"d", "e"} {
			resp, body := f.ask(http.MethodPost, domain+".test", "words")
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Equal(t, domain, body, "a member that refuses is passed over")
		}
	}
}

func TestEmptyDomainIsUnavailable(t *testing.T) {
	f := newFront(t, map[string][]string{"none": nil, "gone": {refusing(t), refusing(t)}})
	for host, text := range map[string]string{
		"none.test":    "it has no members",
		"unknown.test": `nobody in domain "unknown" can answer: no member of it has been heard of`,
		"gone.test":    "none of its 2 members could be reached",
	} {
		resp, body := f.ask(http.MethodPost, host, "words")
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		require.Equal(t, "1", resp.Header.Get("Retry-After"))
		require.Contains(t, body, text)
	}
}

func TestUnknownHostIsNotFound(t *testing.T) {
	resp, body := newFront(t, nil).ask(http.MethodGet, "other.example:8290", "")
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.Contains(t, body, `"other.example"`)
}
