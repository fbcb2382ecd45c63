package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/members"
)

func TestBodiesBeyondTheBoundAreRefused(t *testing.T) {
	f := newFront(t, gateway.Options{MaxBody: 1000}, members.Options{})
	var whole atomic.Int32
	f.all.set("d", backend(t, 1, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			whole.Add(1)
		}
	}))
	resp, _ := f.ask("POST", "d.test", "/", strings.Repeat("x", 1000))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	resp, body := f.ask("POST", "d.test", "/", strings.Repeat("x", 1001))
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
	require.Equal(t, "the body has more than 1000 bytes\n", body)
	resp, _ = f.do(f.request("POST", f.plain.URL, "d.test", io.LimitReader(zeros{}, 1001)))
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode, "also if its length is not told in advance")
	require.Equal(t, int32(1), whole.Load(), "no member takes a part of a body for the whole")
	require.Empty(t, f.all.failures())
}

func TestClientThatStopsSendingIsCutOff(t *testing.T) {
	f := newFront(t, gateway.Options{ClientIdle: 100 * time.Millisecond}, members.Options{})
	broken := make(chan error, 1)
	f.all.set("d", backend(t, 1, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		broken <- err
	}))
	conn, r := f.dial()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: d.test\r\nContent-Length: 100\r\n\r\nsome")
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
	require.Error(t, <-broken, "the member does not get half a body as a whole one")
	require.Empty(t, f.all.failures(), "it was no fault of the member")
}

func TestClientThatStopsTakingIsCutOff(t *testing.T) {
	f := newFront(t, gateway.Options{ClientIdle: 200 * time.Millisecond}, members.Options{})
	ended := make(chan struct{})
	f.all.set("d", backend(t, 1, func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		_, _ = io.Copy(w, zeros{}) // ends when the gateway does not take any more
	}))
	conn, _ := f.dial()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: d.test\r\n\r\n")
	select {
	case <-ended:
	case <-time.After(bound):
		require.FailNow(t, "the member still sends")
	}
}

// The time for writing begins anew with each request of a connection, also for
// what net/http itself has to say.
func TestConnectionMayRestBetweenRequests(t *testing.T) {
	f := newFront(t, gateway.Options{ClientIdle: 300 * time.Millisecond}, members.Options{})
	f.all.set("d", backend(t, 1, says("one")))
	conn, r := f.dial()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: d.test\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, resp.Body)
	<-time.After(900 * time.Millisecond)
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: d.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", line)
}

func TestSlowClientThatGoesOnIsServed(t *testing.T) {
	f := newFront(t, gateway.Options{ClientIdle: 2 * time.Second}, members.Options{})
	f.all.set("d", backend(t, 1, says("one")))
	conn, r := f.dial()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: d.test\r\nContent-Length: 4\r\n\r\n")
	for range 4 { // 3.2 s in all
		<-time.After(800 * time.Millisecond)
		io.WriteString(conn, "x")
	}
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	body, _ := io.ReadAll(resp.Body) // compared below
	require.Equal(t, "one xxxx", string(body))
}

// Backends that talk nonsense, hang or break off: the client gets a clear answer
// or a clean end, and the next request is served.
func TestBadMembers(t *testing.T) {
	type bad struct {
		serve func(net.Conn, *bufio.Reader)
		hangs bool
	}
	send := func(text string) bad {
		return bad{serve: func(conn net.Conn, _ *bufio.Reader) { io.WriteString(conn, text) }}
	}
	hang := func(text string) bad {
		return bad{hangs: true, serve: func(conn net.Conn, r *bufio.Reader) {
			io.WriteString(conn, text)
			_, _ = io.Copy(io.Discard, r) // until the gateway closes
		}}
	}
	for why, c := range map[string]struct {
		member bad
		status int  // of the answer
		cut    bool // its body breaks off
	}{
		"garbage":              {send("\x00\x01garbage\r\n\r\n"), http.StatusBadGateway, false},
		"another protocol":     {send("220 mail.test ESMTP\r\n"), http.StatusBadGateway, false},
		"nothing":              {send(""), http.StatusBadGateway, false},
		"half a header":        {send("HTTP/1.1 200 OK\r\nContent-"), http.StatusBadGateway, false},
		"a header without end": {send("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)), http.StatusBadGateway, false},
		"two lengths": {
			send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
			http.StatusBadGateway,
			false,
		},
		"a length that is none":  {send("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), http.StatusBadGateway, false},
		"no answer":              {hang(""), http.StatusGatewayTimeout, false},
		"no end of the header":   {hang("HTTP/1.1 200 OK\r\n"), http.StatusGatewayTimeout, false},
		"a body that breaks off": {send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"), http.StatusOK, true},
		"chunks that break off":  {send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"), http.StatusOK, true},
		"chunks that are none": {
			send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\nzz\r\n"),
			http.StatusOK,
			true,
		},
		"a body that hangs": {hang("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"), http.StatusOK, true},
		"chunks that hang":  {hang("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"), http.StatusOK, true},
		"an upgrade nobody asked for": {
			send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
			http.StatusBadGateway,
			false,
		},
	} {
		t.Run(why, func(t *testing.T) {
			patience := 10 * time.Second // a megabyte may take its time on a busy machine
			if c.member.hangs {
				patience = 200 * time.Millisecond
			}
			f := newFront(t, gateway.Options{MemberAnswers: patience, MemberIdle: patience}, members.Options{})
			f.all.set("d", raw(t, 1, c.member.serve))
			resp, err := f.client.Do(f.request("POST", f.plain.URL, "d.test", nil))
			if err != nil { // nothing of the answer had been sent yet
				require.True(t, c.cut)
				require.ErrorIs(t, err, io.EOF)
			} else {
				require.Equal(t, c.status, resp.StatusCode)
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				require.Equal(t, c.cut, err != nil, "%v after %q", err, body)
				require.NotContains(t, string(body), "127.0.0.1", "clients are not told addresses")
			}
			f.all.set("d", backend(t, 2, says("two")))
			_, text := f.ask("GET", "d.test", "/", "")
			require.Equal(t, "two ", text)
		})
	}
}

func TestMemberThatGoesOnSlowlyIsHeard(t *testing.T) {
	f := newFront(t, gateway.Options{MemberIdle: 2 * time.Second}, members.Options{})
	f.all.set("d", backend(t, 1, func(w http.ResponseWriter, _ *http.Request) {
		for range 4 { // 3.2 s in all
			io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			<-time.After(800 * time.Millisecond)
		}
	}))
	_, body := f.ask("GET", "d.test", "/", "")
	require.Equal(t, "xxxx", body)
}

func TestWhatTookTooLongIsNotAskedAgain(t *testing.T) {
	f := newFront(t, gateway.Options{MemberAnswers: time.Second}, members.Options{}) // the other one is to answer within it
	hang := raw(t, 1, func(_ net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) })
	f.all.set("d", hang, backend(t, 2, says("two")))
	var got []int
	for range 2 { // one at each member
		resp, _ := f.ask("GET", "d.test", "/", "")
		got = append(got, resp.StatusCode)
	}
	require.ElementsMatch(t, []int{http.StatusGatewayTimeout, http.StatusOK}, got)
}

func TestBodyThatWasBegunIsNotSentAgain(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	breaks := raw(t, 1, func(_ net.Conn, r *bufio.Reader) {
		_, _ = io.CopyN(io.Discard, r, 5) // and ends without an answer
	})
	f.all.set("d", breaks, backend(t, 2, says("two")))
	var got []string
	for range 2 { // one at each member
		_, body := f.ask("GET", "d.test", "/", "words")
		got = append(got, body)
	}
	const broke = "the member that was asked broke off: its body was begun and cannot be had again\n"
	require.ElementsMatch(t, []string{broke, "two words"}, got,
		"a GET may be repeated, but nobody gets half of its body")
}

func TestBrokenBodyIsNoFaultOfTheMember(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	f.all.set("d", backend(t, 1, says("one")))
	for range 10 {
		conn, r := f.dial()
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: d.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwords\r\nzz\r\n")
		resp, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	}
	require.Empty(t, f.all.failures(), "or a stranger could have members passed over")
}

func TestLogIsBounded(t *testing.T) {
	var log bytes.Buffer
	f := newFront(t, gateway.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, members.Options{})
	f.all.set("d", raw(t, 1, func(net.Conn, *bufio.Reader) {}))
	for range 100 {
		f.ask("POST", "d.test", "/", "")
	}
	lines := strings.Count(log.String(), "\n")
	require.LessOrEqual(t, lines, 10)
	require.Contains(t, log.String(), `msg="a member did not answer a request" domain=d member=127.0.0.1:4001`)
}

// Requests that two servers may take for different ones. Whatever the answer
// is, no member sees a request that the gateway did not route.
func TestRequestSmuggling(t *testing.T) {
	for why, c := range map[string]struct {
		text   string
		status int // of the first answer
		paths  string
	}{
		"length and chunks": {
			"POST /a HTTP/1.1\r\nHost: d.test\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil " +
				"HTTP/1.1\r\nX: ", 200, "/a"},
		"two lengths":          {"POST /a HTTP/1.1\r\nHost: d.test\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nwords", 400, ""},
		"lengths in a list":    {"POST /a HTTP/1.1\r\nHost: d.test\r\nContent-Length: 5, 6\r\n\r\nwords", 400, ""},
		"a length with a sign": {"POST /a HTTP/1.1\r\nHost: d.test\r\nContent-Length: +5\r\n\r\nwords", 400, ""},
		"a negative length":    {"POST /a HTTP/1.1\r\nHost: d.test\r\nContent-Length: -1\r\n\r\nwords", 400, ""},
		"an unknown coding":    {"POST /a HTTP/1.1\r\nHost: d.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, ""},
		"two codings": {
			"POST /a HTTP/1.1\r\nHost: d.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
			501,
			"",
		},
		"codings in two fields": {
			"POST /a HTTP/1.1\r\nHost: d.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
			501,
			"",
		},
		"chunks of HTTP/1.0":       {"POST /a HTTP/1.0\r\nHost: d.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "/a"},
		"a blank before the colon": {"POST /a HTTP/1.1\r\nHost: d.test\r\nContent-Length : 5\r\n\r\nwords", 400, ""},
		"a null in a field":        {"GET /a HTTP/1.1\r\nHost: d.test\r\nX: a\x00b\r\n\r\n", 400, ""},
		"a bad name of a field":    {"GET /a HTTP/1.1\r\nHost: d.test\r\nX(: a\r\n\r\n", 400, ""},
		"two hosts":                {"GET /a HTTP/1.1\r\nHost: d.test\r\nHost: esb.test\r\n\r\n", 400, ""},
		"no host":                  {"GET /a HTTP/1.1\r\n\r\n", 400, ""},
		"a bad host":               {"GET /a HTTP/1.1\r\nHost: d.test/\r\n\r\n", 400, ""},
		"a blank in the path":      {"GET /a /b HTTP/1.1\r\nHost: d.test\r\n\r\n", 400, ""},
		"another version":          {"GET /a HTTP/2.0\r\nHost: d.test\r\n\r\n", 505, ""},
		"no version":               {"GET /a\r\nHost: d.test\r\n\r\n", 400, ""},
		"a tunnel":                 {"CONNECT d.test:80 HTTP/1.1\r\nHost: d.test\r\n\r\n", 405, ""},
		"a bad chunk":              {"POST /a HTTP/1.1\r\nHost: d.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "/a?"},
		"an endless chunk size": {
			"POST /a HTTP/1.1\r\nHost: d.test\r\nTransfer-Encoding: " +
				"chunked\r\n\r\n" + strings.Repeat("0", 10_000) + "5\r\nwords\r\n0\r\n\r\n",
			400,
			"/a?",
		},
		"a header without measure": {"GET /a HTTP/1.1\r\nHost: d.test\r\nX: " + strings.Repeat("x", 13_000) + "\r\n\r\n", 431, ""},
		"an address of another": {"GET http://esb.test/a HTTP/1.1\r\nHost: " +
			"nowhere.test\r\n\r\n", 200, "/a"}, // RFC 9112: the target counts
		"a folded field": {"GET /a HTTP/1.1\r\nHost: d.test\r\nX: a\r\n Content-Length: 5\r\n\r\n", 200, "/a"},
		"two in one go": {
			"GET /a HTTP/1.1\r\nHost: d.test\r\n\r\nGET /b HTTP/1.1\r\nHost: d.test\r\nConnection: close\r\n\r\n",
			200,
			"/a /b",
		},
		"an upgrade with a request behind": {
			"GET /a HTTP/1.1\r\nHost: d.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nGET /b HTTP/1.1\r\nHost: " +
				"esb.test\r\nConnection: close\r\n\r\n", 200, "/a /b"},
	} {
		t.Run(why, func(t *testing.T) {
			f := newFront(t, gateway.Options{}, members.Options{}, func(s *http.Server) {
				s.IdleTimeout, s.ReadHeaderTimeout = 300*time.Millisecond, 300*time.Millisecond
				s.MaxHeaderBytes = 8 << 10
			})
			seen := make(chan string, 10)
			f.all.set("d", backend(t, 1, func(_ http.ResponseWriter, r *http.Request) {
				seen <- r.URL.Path
				_, _ = io.Copy(io.Discard, r.Body)
			}))
			conn, r := f.dial()
			io.WriteString(conn, c.text)
			resp, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
			require.Equal(t, c.status, resp.StatusCode)
			_, _ = io.Copy(io.Discard, r) // until the gateway has closed
			var paths []string
			for len(seen) > 0 {
				paths = append(paths, <-seen)
			}
			if may, ok := strings.CutSuffix(c.paths, "?"); ok {
				require.Subset(t, []string{may}, paths)
				return
			}
			require.Equal(t, c.paths, strings.Join(paths, " "))
		})
	}
}

// FuzzRequest: whatever bytes come, a member only ever sees requests that were
// routed to it, and the gateway goes on.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: d.test\r\n\r\n"))
	f.Add([]byte("POST /t/gold.test/ HTTP/1.1\r\nHost: esb.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: y\r\n\r\n"))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: d.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nExpect: 100-continue\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		front := newFront(t, gateway.Options{ClientIdle: 100 * time.Millisecond}, members.Options{})
		serve := func(name string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Forwarded-For") != "127.0.0.1" {
					t.Errorf("%s got a request that did not come through the gateway: %v", name, r)
				}
				fmt.Fprint(w, name)
			}
		}
		front.all.set("d", backend(t, 1, serve("d")))
		front.all.set("gold", backend(t, 2, serve("gold")))
		conn, r := front.dial()
		_, _ = conn.Write(data) // the gateway may have closed already
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, r)
		resp, body := front.ask("GET", "d.test", "/", "")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, "d", body)
	})
}
