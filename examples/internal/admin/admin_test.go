package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
)

// markup is what a member may write into each of its fields.
const markup = "<script>alert(1)</script>\"'><img src=x onerror=y>\n{{.}}&</svg>"

// explained is a group that says of each member that the next three watch it.
type explained struct{ *membership.Feed }

func (g explained) Explain(id membership.ID) membership.Explanation {
	m, ok := g.View().Get(id)
	e := membership.Explanation{ID: id, Domain: g.Domain(), Known: ok, Present: ok, Member: m}
	for o := range g.View().All() {
		if o.ID != id && len(e.Watchers) < 3 {
			e.Watchers = append(e.Watchers, membership.Watcher{ID: o.ID, Address: o.Address, Stance: membership.Vouches})
		}
	}
	return e
}

// site serves a page with n members of a domain, whose names are made by name.
func site(t *testing.T, n int, domain string, name func(int) string, o Options) (*Site, *httptest.Server) {
	t.Helper()
	feed := membership.NewFeed(domain)
	var members []membership.Member
	for i := range n {
		m := membership.Member{
			ID: membership.ID{1, byte(i), byte(i >> 8)}, Name: name(i), Domain: domain, SubDomain: name(i),
			Address: fmt.Sprintf("10.0.%d.%d:4000", i>>8, i&255), State: membership.Alive,
		}
		members = append(members, m.WithProperties(map[string]string{name(i): name(i)}))
	}
	feed.Publish(members, nil)
	if o.Self == nil {
		o.Self = func() membership.Member {
			return membership.Member{Name: "lb", Address: "10.1.0.1:4000", Domain: "lbs"}
		}
	}
	s := New(o)
	var wg sync.WaitGroup
	wg.Go(func() { s.Follow(context.Background(), explained{feed}, nil) })
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		s.Close()
		server.Close()
		feed.Close()
		wg.Wait()
	})
	require.Eventually(t, func() bool { return len(s.timeline.newest("", 1)) == 1 }, 10*time.Second, time.Millisecond)
	return s, server
}

// get asks for a page.
func get(t *testing.T, server *httptest.Server, path string) (*http.Response, string) {
	t.Helper()
	resp, err := server.Client().Get(server.URL + path)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

func TestWhatMembersSayIsTextEverywhere(t *testing.T) {
	_, server := site(t, 3, markup, func(int) string { return markup }, Options{})
	one := query{domain: markup, id: membership.ID{1, 0, 0}}
	for _, path := range []string{"/", query{domain: markup, search: markup}.address(), one.address(),
		"/api/state", strings.Replace(one.address(), "/member", "/api/member", 1)} {
		resp, body := get(t, server, path)
		require.Equal(t, http.StatusOK, resp.StatusCode, path)
		require.NotContains(t, body, "<script>alert", path)
		require.NotContains(t, body, "<img", path)
		require.NotContains(t, body, "\"'>", path)
		require.Contains(t, resp.Header.Get("Content-Security-Policy"), "script-src 'self'")
	}
	resp, err := server.Client().Get(server.URL + "/api/stream")
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
	}
	var news News
	require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(lines.Text(), "data: ")), &news), "one line, whatever is in a name")
	require.NotContains(t, news.Whole, "<script>alert")
	require.Contains(t, news.Whole, "&lt;script&gt;alert")
}

func TestNothingCanBeChanged(t *testing.T) {
	_, server := site(t, 1, "shop", func(int) string { return "one" }, Options{Profiles: true})
	for _, path := range []string{"/", "/member", "/api/state", "/api/stream", "/healthz", "/debug/pprof/symbol", "/any"} {
		resp, err := server.Client().Post(server.URL+path, "text/plain", strings.NewReader("x"))
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, path)
	}
}

func TestOnLoopbackOnlyItsNamesAreAnswered(t *testing.T) {
	_, server := site(t, 1, "shop", func(int) string { return "one" }, Options{Local: true})
	for host, want := range map[string]int{
		"127.0.0.1:8280": 200, "localhost": 200, "[::1]:8280": 200, "lb.localhost:1": 200,
		"evil.test": 421, "127.0.0.1.evil.test": 421, "localhost.evil.test": 421, "10.0.0.1": 421,
	} {
		req, err := http.NewRequest(http.MethodGet, server.URL+"/api/state", nil)
		require.NoError(t, err)
		req.Host = host
		resp, err := server.Client().Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, want, resp.StatusCode, host)
	}
}

func TestTablesAndPicturesAreBounded(t *testing.T) {
	_, server := site(t, 1000, "shop", func(i int) string { return fmt.Sprint("m", i) }, Options{})
	_, body := get(t, server, "/")
	require.Equal(t, fewRows, strings.Count(body, `<tr class="is-`))
	_, body = get(t, server, "/?domain=shop&page=20")
	require.Equal(t, manyRows, strings.Count(body, `<tr class="is-`))
	require.Contains(t, body, "951–1000 of 1000")
	require.LessOrEqual(t, strings.Count(body, `<circle class="d `), mostDots)
	require.Contains(t, body, "Each dot stands for 3 members")
	require.Less(t, len(body), 200<<10, "bytes")
	resp, _ := get(t, server, "/?domain=other")
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

// TestManyViewersOfManyMembers: with 1,000 members and 100 streams a page takes
// milliseconds. The bound is wide, for a busy machine with the race detector.
func TestManyViewersOfManyMembers(t *testing.T) {
	s, server := site(t, 1000, "shop", func(i int) string { return fmt.Sprint("m", i) }, Options{})
	for range 100 {
		resp, err := server.Client().Get(server.URL + "/api/stream?domain=shop")
		require.NoError(t, err)
		defer resp.Body.Close()
		go io.Copy(io.Discard, resp.Body) // ends with the stream
	}
	require.Eventually(t, func() bool { return s.Streams() == 100 }, 10*time.Second, time.Millisecond)
	slowest := time.Duration(0)
	for range 20 {
		begun := time.Now()
		resp, _ := get(t, server, "/?domain=shop")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		slowest = max(slowest, time.Since(begun))
	}
	t.Logf("slowest of 20 pages: %v", slowest)
	require.Less(t, slowest, 5*time.Second)
}

func TestStreamsAreBoundedAndEnd(t *testing.T) {
	s, server := site(t, 1, "shop", func(int) string { return "one" }, Options{})
	for range mostStreams {
		require.True(t, s.streams.enter())
	}
	resp, _ := get(t, server, "/api/stream")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	s.streams.leave()
	resp, err := server.Client().Get(server.URL + "/api/stream")
	require.NoError(t, err)
	defer resp.Body.Close()
	s.Close()
	_, err = io.ReadAll(resp.Body)
	require.NoError(t, err, "the stream ends with the site")
}

// TestWhoReadsNothingIsCutOff: a stream to a connection that takes nothing ends
// with its deadline.
func TestWhoReadsNothingIsCutOff(t *testing.T) {
	here, there := net.Pipe() // has no buffer: what is not read blocks
	defer there.Close()
	defer here.Close()
	w := &deaf{ResponseWriter: httptest.NewRecorder(), conn: here}
	begun := time.Now()
	err := (&line{w: w, control: http.NewResponseController(w)}).send("data: x\n\n")
	require.Error(t, err)
	require.Less(t, time.Since(begun), writeTime+5*time.Second)
}

// deaf writes to a connection.
type deaf struct {
	http.ResponseWriter
	conn net.Conn
}

func (d *deaf) Write(p []byte) (int, error)        { return d.conn.Write(p) }
func (d *deaf) SetWriteDeadline(t time.Time) error { return d.conn.SetWriteDeadline(t) }
