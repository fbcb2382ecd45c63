package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
)

// ask sends a request by way of the pool and returns the answer's body.
func ask(t *testing.T, rt http.RoundTripper, req *http.Request) (string, error) {
	t.Helper()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(b), nil
}

func request(t *testing.T, method, body string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = io.MultiReader(strings.NewReader(body)) // of a kind that cannot be had again
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://d/path", r)
	require.NoError(t, err)
	return req
}

func transportOf(t *testing.T, p *Pool) http.RoundTripper {
	t.Helper()
	rt := p.Transport(nil)
	t.Cleanup(rt.(*transport).CloseIdleConnections)
	return rt
}

func TestRequestsThatWereNotSentGoToTheNextMember(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		g := newGroup(refusing(t), refusing(t), serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
		p := newPool(t, g, Options{Failures: -1}) // so that each is tried again and again
		rt := transportOf(t, p)
		for range 9 {
			got, err := ask(t, rt, request(t, method, "words"))
			require.NoError(t, err)
			require.Equal(t, "words", got, "nothing was sent before, so even a POST goes on with its body whole")
		}
		require.Equal(t, 2, g.reported(), "each is reported, once a second at most")
		require.Positive(t, p.Stats().Repeats)
	}
}

func TestBrokenRequestsGoOnOnlyIfTheyMayBeCarriedOutTwice(t *testing.T) {
	var executed atomic.Int32
	broken := serve(t, func(w http.ResponseWriter, r *http.Request) {
		executed.Add(1)
		breaking(w, r)
	})
	g := newGroup(broken, serve(t, says("good")))
	p := newPool(t, g, Options{Failures: -1})
	rt := transportOf(t, p)
	for range 6 {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete} {
			_, err := ask(t, rt, request(t, method, ""))
			require.NoError(t, err, method)
		}
	}
	g.set(broken)
	executed.Store(0)
	_, err := ask(t, rt, request(t, http.MethodPost, "words"))
	var failed *FailedError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 1, failed.Tries)
	require.Equal(t, broken, failed.Member.Address)
	require.ErrorContains(t, err, "not idempotent")
	require.EqualValues(t, 1, executed.Load(), "a POST is never sent twice")
	_, err = ask(t, rt, request(t, http.MethodPost, ""))
	require.ErrorAs(t, err, &failed, "without a body neither: it may have been carried out")
}

func TestBegunBodiesAreRepeatedOnlyIfTheyCanBeHadAgain(t *testing.T) {
	reads := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.CopyN(io.Discard, r.Body, 1)
		breaking(w, r)
	})
	g := newGroup(reads)
	p := newPool(t, g, Options{})
	rt := transportOf(t, p)
	_, err := ask(t, rt, request(t, http.MethodPut, "words"))
	require.ErrorContains(t, err, "its body was begun and cannot be had again")

	g.set(reads, serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	for range 4 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://d/", bytes.NewReader([]byte("words")))
		require.NoError(t, err)
		got, err := ask(t, rt, req)
		require.NoError(t, err)
		require.Equal(t, "words", got)
	}

	g.set(reads)
	_, err = ask(t, rt, request(t, http.MethodGet, ""))
	require.ErrorContains(t, err, "tries: 1, nobody else is there")
	other := serve(t, breaking)
	g.set(other, reads)
	req := request(t, http.MethodPut, "words")
	req.GetBody = func() (io.ReadCloser, error) { return nil, errors.New("it is gone") }
	_, err = ask(t, rt, req)
	require.Error(t, err, "neither server answers, and the body cannot be had again")
}

// closing counts how often a body was closed.
type closing struct {
	io.Reader
	closed atomic.Int32
}

func (c *closing) Close() error {
	c.closed.Add(1)
	return nil
}

func TestBodiesAreClosedOnce(t *testing.T) {
	echo := serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	early := serve(t, says("early")) // answers without reading
	for _, members := range [][]string{{echo}, {early}, {refusing(t), echo}, {refusing(t)}, {serve(t, breaking)}, {}} {
		rt := transportOf(t, newPool(t, newGroup(members...), Options{Failures: -1}))
		for range 3 {
			body := &closing{Reader: strings.NewReader("words")}
			req := request(t, http.MethodPost, "")
			req.Body, req.ContentLength = body, 5
			_, _ = ask(t, rt, req) // whether it is answered is not the question
			until(t, fmt.Sprintf("closed with %v", members), func() bool { return body.closed.Load() > 0 })
			require.EqualValues(t, 1, body.closed.Load())
		}
	}
}

func TestTriesAreBounded(t *testing.T) {
	var hits atomic.Int32
	var list []string
	for range 8 {
		list = append(list, serve(t, func(w http.ResponseWriter, r *http.Request) {
			hits.Add(1)
			breaking(w, r)
		}))
	}
	rt := transportOf(t, newPool(t, newGroup(list...), Options{Tries: 3}))
	_, err := ask(t, rt, request(t, http.MethodGet, ""))
	require.ErrorContains(t, err, "tries: 3, no more are allowed")
	require.EqualValues(t, 3, hits.Load())

	rt = transportOf(t, newPool(t, newGroup(list...), Options{RepeatBudget: -1, RepeatReserve: 4}))
	hits.Store(0)
	for range 5 {
		_, err = ask(t, rt, request(t, http.MethodGet, ""))
	}
	require.ErrorContains(t, err, "the budget for repeats is used up")
	require.EqualValues(t, 5+4, hits.Load(), "the reserve is for all requests together")

	rt = transportOf(t, newPool(t, newGroup(refusing(t), refusing(t)), Options{}))
	_, err = ask(t, rt, request(t, http.MethodPost, "words"))
	require.ErrorContains(t, err, `nobody in domain "d" can answer: none of its 2 members could be reached`)
}

func TestAnswersThatFailCountByChoice(t *testing.T) {
	sick := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "sick", http.StatusInternalServerError) })
	g := newGroup(sick, serve(t, says("good")))
	for _, fails := range []func(*http.Response) bool{nil, ServerErrors} {
		p := newPool(t, g, Options{Fails: fails})
		rt := transportOf(t, p)
		bad := 0
		for range 40 {
			if got, err := ask(t, rt, request(t, http.MethodGet, "")); err == nil && got != "good" {
				bad++
			}
		}
		if fails == nil {
			require.Equal(t, 20, bad, "passed on as they are")
			require.Zero(t, g.reported())
		} else {
			require.Equal(t, 3, bad, "after three in a row it is passed over")
			require.Equal(t, 1, g.reported())
		}
		p.Close()
		g = newGroup(sick, serve(t, says("good")))
	}
}

func TestRequestsAreTakenBackFromWhoFallsSilent(t *testing.T) {
	arrived, goOn := make(chan string, 10), make(chan struct{})
	silent := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- r.Method
		<-goOn
		fmt.Fprint(w, "late")
	})
	t.Cleanup(func() { close(goOn) }) // before the server closes
	good := serve(t, says("good"))
	for _, doubt := range [][]string{{silent + " suspect", good}, {good}} {
		g := newGroup(silent)
		p := newPool(t, g, Options{})
		rt := transportOf(t, p)
		type answer struct {
			text string
			err  error
		}
		get := make(chan answer, 1)
		go func() {
			text, err := ask(t, rt, request(t, http.MethodGet, ""))
			get <- answer{text, err}
		}()
		require.Equal(t, http.MethodGet, <-arrived)
		ctx, cancel := context.WithCancel(t.Context())
		post := make(chan error, 1)
		go func() {
			_, err := ask(t, rt, request(t, http.MethodPost, "words").WithContext(ctx))
			post <- err
		}()
		require.Equal(t, http.MethodPost, <-arrived)
		g.set(silent, good)
		g.set(doubt...)
		require.Equal(t, answer{"good", nil}, <-get, "a GET is repeated as soon as its member is suspect or gone")
		select {
		case err := <-post:
			require.Fail(t, "a POST waits: it may have been carried out", "%v", err)
		default:
		}
		cancel()
		require.ErrorIs(t, <-post, context.Canceled)
		p.Close()
	}
}

func TestRequestsStayWithWhoIsSuspectIfNobodyElseIsThere(t *testing.T) {
	arrived, goOn := make(chan struct{}), make(chan struct{})
	g := newGroup(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-goOn
		fmt.Fprint(w, "late")
	}))
	rt := transportOf(t, newPool(t, g, Options{}))
	got := make(chan string, 1)
	go func() {
		text, err := ask(t, rt, request(t, http.MethodGet, ""))
		got <- fmt.Sprint(text, err)
	}()
	<-arrived
	g.set()
	close(goOn)
	require.Equal(t, "late<nil>", <-got)
}

func TestClientThatGivesUpIsNoFaultOfTheMember(t *testing.T) {
	arrived := make(chan struct{})
	g := newGroup(serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	p := newPool(t, g, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := ask(t, transportOf(t, p), request(t, http.MethodGet, "").WithContext(ctx))
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, g.reported())
	require.Equal(t, uint64(1), p.Stats().Members[0].Abandoned)
}

func TestInFlightEndsWithTheBody(t *testing.T) {
	goOn := make(chan struct{})
	p := newPool(t, newGroup(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "first")
		http.NewResponseController(w).Flush()
		<-goOn
	})), Options{})
	rt := transportOf(t, p)
	resp, err := rt.RoundTrip(request(t, http.MethodGet, ""))
	require.NoError(t, err)
	s := p.Stats().Members[0]
	require.Equal(t, []int{1, 0}, []int{s.InFlight, s.Waiting}, "answered, not over")
	close(goOn)
	_, err = io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Zero(t, p.Stats().Members[0].InFlight)
	require.NoError(t, resp.Body.Close())
	require.Zero(t, p.Stats().Members[0].InFlight, "once")
	require.Equal(t, uint64(1), p.Stats().Members[0].Succeeded)
}

func TestAnswerThatBreaksOffIsReported(t *testing.T) {
	g := newGroup(serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "first")
		http.NewResponseController(w).Flush()
		breaking(w, r)
	}))
	p := newPool(t, g, Options{})
	resp, err := transportOf(t, p).RoundTrip(request(t, http.MethodGet, ""))
	require.NoError(t, err)
	_, err = io.ReadAll(resp.Body)
	require.Error(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 1, g.reported())
	require.Zero(t, p.Stats().Members[0].InFlight)
}

// odd is a base that is no http.Transport and never says when it has a
// connection.
type odd struct{ err error }

func (o odd) RoundTrip(*http.Request) (*http.Response, error) { return nil, o.err }

func TestOtherTransportsAreNotTrusted(t *testing.T) {
	p := newPool(t, Static("10.0.0.1:80", "10.0.0.2:80"), Options{})
	_, err := ask(t, p.Transport(odd{errors.New("who knows")}), request(t, http.MethodPost, "words"))
	require.ErrorContains(t, err, "not idempotent", "it may have been sent")
}

func TestProxyAnswersInWords(t *testing.T) {
	g := newGroup(refusing(t))
	p := newPool(t, g, Options{Failures: -1})
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: p.Rewrite, Transport: transportOf(t, p), ErrorHandler: AnswerError})
	t.Cleanup(proxy.Close)
	post := func() (*http.Response, string) {
		resp, err := http.Post(proxy.URL+"/x", "text/plain", strings.NewReader("words"))
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, string(b)
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	resp, body := post()
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Equal(t, "1", resp.Header.Get("Retry-After"))
	require.Contains(t, body, `nobody in domain "d" can answer: none of its 1 members could be reached`)
	g.set(serve(t, breaking))
	resp, body = post()
	require.Equal(t, http.StatusBadGateway, resp.StatusCode)
	require.Contains(t, body, "not idempotent, so not repeated")
	got := make(chan *http.Request, 1)
	g.set(serve(t, func(_ http.ResponseWriter, r *http.Request) { got <- r }))
	post()
	r := <-got
	require.Equal(t, "/x", r.RequestURI)
	require.Equal(t, strings.TrimPrefix(proxy.URL, "http://"), r.Host, "the Host header stays as the client sent it")
	require.Equal(t, "127.0.0.1", r.Header.Get("X-Forwarded-For"))
}

func TestUpgradedConnectionsGoThrough(t *testing.T) {
	g := newGroup(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, rw)
	}))
	p := newPool(t, g, Options{})
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: p.Rewrite, Transport: transportOf(t, p), ErrorHandler: AnswerError})
	t.Cleanup(proxy.Close)
	req, err := http.NewRequest(http.MethodGet, proxy.URL, nil)
	require.NoError(t, err)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	rw := resp.Body.(io.ReadWriteCloser)
	_, err = rw.Write([]byte("words"))
	require.NoError(t, err)
	b := make([]byte, 5)
	_, err = io.ReadFull(rw, b)
	require.NoError(t, err)
	require.Equal(t, "words", string(b))
	require.Equal(t, 1, p.Stats().Members[0].InFlight)
	require.NoError(t, rw.Close())
	until(t, "the connection's end is the request's end", func() bool { return p.Stats().Members[0].InFlight == 0 })
}

func TestDialGoesOnToTheNextMember(t *testing.T) {
	good := serve(t, says("good"))
	g := newGroup(refusing(t), good)
	p := newPool(t, g, Options{Failures: -1})
	for range 4 {
		conn, m, err := p.Dial(t.Context(), Want{})
		require.NoError(t, err)
		require.Equal(t, good, m.Address)
		require.Equal(t, 1, p.Stats().Members[0].InFlight+p.Stats().Members[1].InFlight)
		require.NoError(t, conn.Close())
		_ = conn.Close() // a second time: an error of the connection, and not counted
	}
	for _, s := range p.Stats().Members {
		require.Zero(t, s.InFlight)
	}
	require.Equal(t, 1, g.reported())
	g.set(refusing(t))
	_, _, err := p.Dial(t.Context(), Want{})
	require.ErrorContains(t, err, "none of its 1 members could be reached")
	_, _, err = p.Dial(t.Context(), Want{Avoid: []membership.ID{p.Stats().Members[0].Member.ID}})
	require.Error(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = p.Dial(ctx, Want{})
	require.ErrorIs(t, err, context.Canceled)
}

// A proxy whose clients come and go leaves nothing behind.
func TestManyRequestsLeaveNothingBehind(t *testing.T) {
	p := newPool(t, newGroup(serve(t, says("a")), serve(t, breaking), refusing(t)), Options{Failures: -1, RepeatReserve: 1000})
	rt := transportOf(t, p)
	for i := range 60 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%3)*time.Millisecond)
		if i%3 == 0 {
			ctx = t.Context()
		}
		method := []string{http.MethodGet, http.MethodPost}[i%2]
		_, _ = ask(t, rt, request(t, method, "words").WithContext(ctx)) // some fail
		cancel()
	}
	for _, m := range p.Stats().Members {
		require.Zero(t, m.InFlight, m.Address)
		require.Zero(t, m.Waiting, m.Address)
	}
}
