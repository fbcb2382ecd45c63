//go:build unix

package examples_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const isDomain = "wso2.is.domain"

// A site is a balancer's addresses. The balancer itself may run or not.
type site struct {
	t                   *testing.T
	member, http, admin string
	client              *http.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}, Timeout: silentBound}
	t.Cleanup(client.CloseIdleConnections)
	return &site{t: t, member: freeAddress(t), http: freeAddress(t), admin: freeAddress(t), client: client}
}

// balancer starts the balancer and waits until it serves.
func (s *site) balancer(args ...string) *proc {
	s.t.Helper()
	own := []string{"-advertise", s.member, "-wka", s.member, "-http", s.http, "-admin", s.admin, "-events"}
	p := launch(s.t, "elb", append(own, args...)...)
	self := p.expect("a balancer is the first member of its own domain", joinBound, "memberAdded", "", s.member)
	require.Equal(s.t, "wso2.carbon.lb.domain", self.Domain)
	s.until("the balancer serves its views", func() bool {
		resp, err := s.client.Get("http://" + s.admin + "/members")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// node starts a node that prints its events, at the given address.
func (s *site) node(name, domain, member, web string, args ...string) *proc {
	s.t.Helper()
	return launch(s.t, "node", append([]string{"-name", name, "-domain", domain, "-advertise", member,
		"-wka", s.member, "-http", web, "-events"}, args...)...)
}

// readyNode starts a node on free ports and waits until the balancer has it.
func (s *site) readyNode(name, domain string, args ...string) (p *proc, member string) {
	s.t.Helper()
	member = freeAddress(s.t)
	p = s.node(name, domain, member, "127.0.0.1:0", args...)
	p.ready(member)
	return p, member
}

// ready waits until a node says so. Its own arrival is the first line that it prints.
func (p *proc) ready(member string) {
	p.t.Helper()
	p.expect("a node is ready once its balancers know it", joinBound, "ready", "", member)
	first := p.events()[0]
	require.Equal(p.t, "memberAdded", first.Event, "the first line of a node is its own arrival")
	require.Equal(p.t, member, first.Member.Address, "the first line of a node is its own arrival")
}

// knows waits until a program has printed that a member is there, be it before
// or behind what expect has gone past. Who comes and goes before a subscriber
// looks again is never shown to it.
func (s *site) knows(p *proc, member string) {
	s.t.Helper()
	s.until(p.name+" knows "+member, func() bool {
		return slices.ContainsFunc(p.events(), func(l line) bool {
			return l.Event == "memberAdded" && l.Member.Address == member
		})
	})
}

// get asks the balancer, by Host header, and returns status, header and body.
func (s *site) get(host, path string) (int, http.Header, string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+s.http+path, nil)
	require.NoError(s.t, err)
	req.Host = host
	resp, err := s.client.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, resp.Header, string(body)
}

// who asks / and returns the name of the node that answered.
func (s *site) who(host string) string {
	s.t.Helper()
	status, _, body := s.get(host, "/")
	require.Equal(s.t, http.StatusOK, status, body)
	var id struct{ Name string }
	require.NoError(s.t, json.Unmarshal([]byte(body), &id), body)
	return id.Name
}

// names asks / several times.
func (s *site) names(host string, times int) []string {
	s.t.Helper()
	var out []string
	for range times {
		out = append(out, s.who(host))
	}
	return out
}

// slow asks for an answer that takes d, and returns when the request is on its
// way. The channel gives the answer, or the error in its place.
func (s *site) slow(host string, d time.Duration) <-chan string {
	s.t.Helper()
	sent, answer := make(chan struct{}), make(chan string, 1)
	ctx := httptrace.WithClientTrace(s.t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/slow?ms=%d", s.http, d.Milliseconds()), nil)
	require.NoError(s.t, err)
	req.Host = host
	go func() {
		resp, err := s.client.Do(req)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body) // cut short it does not have what is wanted
		answer <- string(body)
	}()
	<-sent
	return answer
}

// settle waits until nodes that have just met have also dialled each other, for
// which they take a fifth of a second: where a dial has not succeeded before it
// takes two refusals to prove something, and a few milliseconds more.
func settle() { <-time.After(time.Second) }

// load asks for / from several goroutines until stop is called, which tells how
// many requests there were and what was not right with them.
func (s *site) load(host string, clients int) (stop func() (asked int, failed []string)) {
	s.t.Helper()
	var mu sync.Mutex // for asked and failed
	var asked int
	var failed []string
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(s.t.Context())
	for range clients {
		wg.Go(func() {
			for ctx.Err() == nil {
				bad := s.once(host)
				mu.Lock()
				asked++
				if bad != "" {
					failed = append(failed, bad)
				}
				mu.Unlock()
			}
		})
	}
	return func() (int, []string) {
		cancel()
		wg.Wait()
		return asked, failed
	}
}

// once sends one request and returns what was not right, or nothing.
func (s *site) once(host string) string {
	req, err := http.NewRequest(http.MethodGet, "http://"+s.http+"/", nil)
	if err != nil {
		return err.Error()
	}
	req.Host = host
	resp, err := s.client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Sprint(resp.Status, " ", string(body), err)
	}
	return ""
}

// until waits for something that can only be asked for.
func (s *site) until(why string, is func() bool) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(joinBound)
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			require.FailNow(s.t, why, "not within %v", joinBound)
		}
	}
}

// members asks the balancer for its views and returns the members' names, in
// order, by domain.
func (s *site) members() map[string][]string {
	s.t.Helper()
	resp, err := s.client.Get("http://" + s.admin + "/members")
	require.NoError(s.t, err)
	defer resp.Body.Close()
	require.Equal(s.t, http.StatusOK, resp.StatusCode)
	var views []struct {
		Domain  string
		Members []struct{ Name string }
	}
	require.NoError(s.t, json.NewDecoder(resp.Body).Decode(&views))
	out := map[string][]string{}
	for _, v := range views {
		for _, m := range v.Members {
			out[v.Domain] = append(out[v.Domain], m.Name)
		}
		slices.Sort(out[v.Domain])
	}
	return out
}
