package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/membership"
)

func TestRequestArrivesAsItWasSent(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	got := make(chan *http.Request, 1)
	f.all.set("d", backend(t, 1, func(_ http.ResponseWriter, r *http.Request) { got <- r.Clone(context.Background()) }))
	in := f.request("GET", f.plain.URL+"/a%2Fb//c?q=1;2&x=%zz", "D.test.:8290", nil)
	in.Header = http.Header{
		"Connection": {"X-Own, close"}, "X-Own": {"1"}, "Keep-Alive": {"1"}, "Te": {"deflate"}, "Proxy-Authorization": {"x"},
		"X-Forwarded-For": {"6.6.6.6"}, "Forwarded": {"for=6.6.6.6"}, "X-Forwarded-Host": {"evil"}, "X-Originating-Ip": {"7.7.7.7"},
	}
	f.do(in)
	r := <-got
	require.Equal(t, "D.test.:8290", r.Host)
	require.Equal(t, "/a%2Fb//c?q=1;2&x=%zz", r.RequestURI)
	want := map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "D.test.:8290", "X-Forwarded-Proto": "http",
		"X-Forwarded-Port": portOf(f.plain.Listener), "Forwarded": `for=127.0.0.1;host="D.test.:8290";proto=http`,
		"X-Originating-Ip": "7.7.7.7", "X-Own": "", "Keep-Alive": "", "Te": "", "Proxy-Authorization": "", "Connection": "",
	}
	for key, value := range want {
		require.Equal(t, value, r.Header.Get(key), key)
	}
}

func TestTrustedProxiesAreAddedTo(t *testing.T) {
	f := newFront(t, gateway.Options{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, members.Options{})
	got := make(chan http.Header, 1)
	f.all.set("d", backend(t, 1, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Clone() }))
	in := f.request("GET", f.plain.URL, "d.test", nil)
	in.Header = http.Header{"X-Forwarded-For": {"6.6.6.6", "5.5.5.5"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Port": {"443"},
		"Forwarded": {"for=6.6.6.6"}}
	f.do(in)
	h := <-got
	require.Equal(t, "6.6.6.6, 5.5.5.5, 127.0.0.1", h.Get("X-Forwarded-For"))
	require.Equal(t, "https", h.Get("X-Forwarded-Proto"))
	require.Equal(t, "443", h.Get("X-Forwarded-Port"))
	require.Equal(t, "d.test", h.Get("X-Forwarded-Host"))
	require.Equal(t, `for=6.6.6.6, for=127.0.0.1;host="d.test";proto=http`, h.Get("Forwarded"))
}

func TestRefusedRequestsGoToTheNextMember(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	f.all.set("d", refusing(t, 1), refusing(t, 2), backend(t, 3, says("third")))
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for range 6 { // whoever's turn it is
			resp, body := f.ask(method, "d.test", "/", "words")
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Equal(t, "third words", body, "nothing was sent before, so even a POST may be sent again")
		}
	}
	require.Contains(t, f.all.failures(), membership.ID{1}, "the node is told whom a request did not reach")
	require.NotContains(t, f.all.failures(), membership.ID{3})
}

func TestTriesAreBoundedAndStayInTheRoute(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	f.all.set("d", backend(t, 9, says("not gold")))
	var gold []membership.Member
	for n := range byte(8) {
		gold = append(gold, refusing(t, n+1))
	}
	f.all.set("gold", gold...)
	resp, body := f.ask("GET", "esb.test", "/t/gold.test/", "")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "a tenant's request does not go to the domain of others")
	require.Equal(t, "1", resp.Header.Get("Retry-After"))
	require.Equal(t, "nobody in domain \"gold\" can answer: none of 5 members could be reached\n", body)
	require.Len(t, slices.Compact(f.all.failures()), 5)
	_, body = f.ask("GET", "esb.test", "/", "")
	require.Equal(t, "not gold ", body)
}

func TestBrokenRequestsGoOnOnlyIfTheyChangeNothing(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	breaking := func(net.Conn, *bufio.Reader) {}
	f.all.set("d", raw(t, 1, breaking), backend(t, 2, says("second")))
	for range 4 {
		resp, body := f.ask(http.MethodGet, "d.test", "/", "")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, "second ", body)
	}
	f.all.set("d", raw(t, 1, breaking))
	resp, body := f.ask(http.MethodPost, "d.test", "/", "words")
	require.Equal(t, http.StatusBadGateway, resp.StatusCode, "a POST may have been carried out")
	require.Equal(t, "the member that was asked broke off: not idempotent, so not repeated\n", body)
}

func TestNobodyIsUnavailable(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	for _, c := range []struct {
		members []membership.Member
		text    string
	}{
		{nil, `nobody in domain "d" can answer: it has no members`},
		{[]membership.Member{member(1, nil)}, `nobody in domain "d" can answer: none of its 1 members publishes the property httpPort`},
		{[]membership.Member{refusing(t, 1), refusing(t, 2)}, `nobody in domain "d" can answer: none of 2 members could be reached`},
	} {
		f.all.set("d", c.members...)
		resp, body := f.ask(http.MethodGet, "d.test", "/", "")
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		require.Equal(t, "1", resp.Header.Get("Retry-After"))
		require.Equal(t, c.text+"\n", body)
	}
}

func TestRequestsWaitForTheFirstMember(t *testing.T) {
	f := newFront(t, gateway.Options{Wait: bound}, members.Options{})
	answer := make(chan string)
	go func() {
		_, body := f.ask("POST", "d.test", "/", "words")
		answer <- body
	}()
	select {
	case body := <-answer:
		require.FailNow(t, "it has not waited", body)
	case <-time.After(300 * time.Millisecond):
	}
	f.all.set("d", backend(t, 1, says("first")))
	require.Equal(t, "first words", <-answer)

	f = newFront(t, gateway.Options{Wait: 50 * time.Millisecond}, members.Options{})
	resp, _ := f.ask("GET", "d.test", "/", "")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "but not for ever")
}

func TestUnknownHostsAndTenantsAreNotFound(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	for host, want := range map[string]string{
		"other.example:8290": "no domain is set for the host \"other.example\"\n",
		"strict.test":        "no domain is set for this tenant of the host \"strict.test\"\n",
	} {
		resp, body := f.ask(http.MethodGet, host, "/", "")
		require.Equal(t, http.StatusNotFound, resp.StatusCode)
		require.Equal(t, want, body)
	}
}

func TestClientThatGivesUpEndsItsRequestAtTheMember(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	arrived, ended := make(chan struct{}), make(chan struct{})
	f.all.set("d", backend(t, 1, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(ended)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := f.client.Do(f.request("GET", f.plain.URL, "d.test", nil).WithContext(ctx))
	require.ErrorIs(t, err, context.Canceled)
	<-ended
	require.Empty(t, f.all.failures(), "it is no fault of the member")
}

func TestLocationsOfMembersLeadBack(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	send := make(chan string, 1)
	m := backend(t, 1, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", <-send)
		w.WriteHeader(http.StatusFound)
	})
	m = m.WithProperties(map[string]string{"httpPort": m.Property("httpPort"), "httpsPort": "9448"})
	f.all.set("d", m)
	own, secure, back := portOf(f.plain.Listener), portOf(f.tls.Listener), m.Property("httpPort")
	for from, to := range map[string]string{
		"http://127.0.0.1:" + back + "/x?y=z#w": "http://d.test:8290/x?y=z#w", // as the client had it
		"http://d.test:" + back + "/":           "http://d.test:8290/",
		"https://127.0.0.1:9448/":               "https://d.test:" + secure + "/",
		"https://D.TEST:9448/a":                 "https://d.test:" + secure + "/a",
		"/relative":                             "/relative",
		"http://d.test/":                        "http://d.test/",
		"http://d.test:8243/":                   "http://d.test:8243/",
		"http://other.test:" + back + "/":       "http://other.test:" + back + "/",
		"http://127.0.0.1:1/":                   "http://127.0.0.1:1/",
		"http://d.test:" + own + "/":            "http://d.test:" + own + "/",
	} {
		send <- from
		resp, _ := f.ask("GET", "d.test:8290", "/", "")
		require.Equal(t, to, resp.Header.Get("Location"), from)
	}
}

func TestLongBodiesStreamBothWays(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	f.all.set("d", backend(t, 1, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != 32<<20 || r.ContentLength != -1 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = io.CopyN(w, zeros{}, 32<<20) // what is missing is seen by the client
	}))
	in := f.request("POST", f.plain.URL, "d.test", io.LimitReader(zeros{}, 32<<20)) // without a length: chunks
	resp, err := f.client.Do(in)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	n, err := io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.Equal(t, int64(32<<20), n)
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestEventsArriveAsTheyAreSent(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	goOn := make(chan struct{})
	f.all.set("d", backend(t, 1, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: one\n\n")
		_ = http.NewResponseController(w).Flush()
		<-goOn
		io.WriteString(w, "data: two\n\n")
	}))
	resp, err := f.client.Do(f.request("GET", f.plain.URL, "d.test", nil))
	require.NoError(t, err)
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "data: one\n", line, "while the member has not ended yet")
	close(goOn)
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "\ndata: two\n\n", string(rest))
}

func TestTrailersPassBothWays(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	f.all.set("d", backend(t, 1, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.Copy(io.Discard, r.Body)
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "got "+r.Trailer.Get("X-Check"))
	}))
	in := f.request("POST", f.plain.URL, "d.test", io.LimitReader(zeros{}, 100_000))
	in.Trailer = http.Header{"X-Check": {"42"}}
	resp, body := f.do(in)
	require.Equal(t, "body", body)
	require.Equal(t, "got 42", resp.Trailer.Get("X-Sum"))
}

func TestExpectContinueAsksTheMember(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	f.all.set("d", backend(t, 1, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		says("one")(w, r)
	}))
	conn, r := f.dial()
	io.WriteString(conn, "POST /yes HTTP/1.1\r\nHost: d.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", line)
	_, err = r.ReadString('\n')
	require.NoError(t, err)
	io.WriteString(conn, "words")
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	if resp.StatusCode == http.StatusContinue {
		// The server says it when the body is read, and the proxy when the member
		// has said it: whichever comes second may come as well, as it may in HTTP
		// (RFC 9110, 15.2).
		resp, err = http.ReadResponse(r, nil)
		require.NoError(t, err)
	}
	body, _ := io.ReadAll(resp.Body) // compared below
	require.Equal(t, "one words", string(body))

	conn, r = f.dial()
	io.WriteString(conn, "POST /no HTTP/1.1\r\nHost: d.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	resp, err = http.ReadResponse(r, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusExpectationFailed, resp.StatusCode, "the member's no comes before any body")
}

// upgrade opens a connection that leads to a member which says loudly what it hears.
func (f *front) upgrade() (net.Conn, *bufio.Reader) {
	f.t.Helper()
	f.all.set("d", raw(f.t, 1, func(conn net.Conn, r *bufio.Reader) {
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		line, _ := r.ReadString('\n') // what is missing is seen by the client
		io.WriteString(conn, strings.ToUpper(line))
	}))
	conn, r := f.dial()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: d.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	require.NoError(f.t, err)
	require.Equal(f.t, http.StatusSwitchingProtocols, resp.StatusCode)
	return conn, r
}

func TestUpgradesPass(t *testing.T) {
	f := newFront(t, gateway.Options{ClientIdle: 300 * time.Millisecond, MemberIdle: 300 * time.Millisecond}, members.Options{})
	conn, r := f.upgrade()
	<-time.After(900 * time.Millisecond) // beyond the limits for requests: they are not for this
	io.WriteString(conn, "words\n")
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "WORDS\n", line)
}
