package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A domainState is what /api/state says of a domain.
type domainState struct {
	Domain  string `json:"domain"`
	All     int    `json:"all"`
	Traffic struct {
		Requests uint64 `json:"requests"`
		Errors   uint64 `json:"errors"`
	} `json:"traffic"`
	Members []memberState `json:"members"`
}

// A memberState is what it says of a member.
type memberState struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Traffic struct {
		Requests uint64 `json:"requests"`
	} `json:"traffic"`
}

type pageState struct {
	Domains []domainState `json:"domains"`
}

func (s *stage) state() (out pageState) {
	s.t.Helper()
	status, body := s.get("/api/state")
	require.Equal(s.t, http.StatusOK, status)
	require.NoError(s.t, json.Unmarshal([]byte(body), &out))
	return out
}

func TestAnOperatorSeesMembersAndTheirRequests(t *testing.T) {
	s := newStage(t, "-manage", "shop", "-access-log", "json", "-pprof", "-ready-members")
	status, body := s.get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status, "nobody is there to answer")
	require.Contains(t, body, "not ready: ")
	s.add("shop", "one", nil, says("1", 0))
	s.add("shop", "two", nil, says("2", time.Millisecond))
	s.sees("shop", 2)
	s.until("ready", func() bool { status, _ := s.get("/readyz"); return status == http.StatusOK })
	for range 10 {
		status, body := s.ask("any.test", "/a%0Ab")
		require.Equal(t, http.StatusOK, status, body)
	}
	var shop domainState
	s.until("all requests are counted", func() bool {
		shop = s.state().Domains[0]
		return shop.Traffic.Requests == 10 && shop.Members[0].Traffic.Requests == 5
	})
	require.Equal(t, "shop", shop.Domain, "the balancers' own domain is the last")
	require.Zero(t, shop.Traffic.Errors)

	_, page := s.get("/")
	require.Contains(t, page, ">one</a>")
	status, _ = s.get("/debug/pprof/cmdline")
	require.Equal(t, http.StatusOK, status)
	status, _ = s.get("/", "Accept", "application/json")
	require.Equal(t, http.StatusOK, status)

	s.until("ten lines in the log of requests", func() bool { return strings.Count(s.log.String(), `"msg":"request"`) == 10 })
	require.Contains(t, s.log.String(), `"path":"/a\nb"`, "what a client sends stays in its line")
}

func TestWithoutFlagsThereAreNoProfilesAndNoAccessLog(t *testing.T) {
	s := newStage(t, "-manage", "shop")
	status, _ := s.get("/debug/pprof/")
	require.Equal(t, http.StatusNotFound, status)
	status, _ = s.ask("any.test", "/")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.NotContains(t, s.log.String(), "msg=request")
	s.until("ready without members, if none are asked for", func() bool { status, _ := s.get("/readyz"); return status == http.StatusOK })
}

func TestAnAddressWithoutAHostIsForThisMachine(t *testing.T) {
	s, err := parse([]string{"-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000", "-manage", "a", "-admin", ":8280"}, nil)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8280", s.admin)
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "lb:1": false,
	} {
		require.Equal(t, want, isLoopback(address), address)
	}
}

// hostile is what a member may call itself; control characters are refused in
// names, but not in properties.
const hostile = "<script>x\"'&{}=\\"

// TestMetrics has promtool look at what Prometheus would read, from members that
// call themselves whatever they like.
func TestMetrics(t *testing.T) {
	s := newStage(t, "-manage", "shop,"+hostile, "-hosts", "shop.test=shop,odd.test="+hostile, "-metrics-members", "2")
	for _, name := range []string{"one", hostile, "three"} {
		s.add("shop", name, map[string]string{hostile: hostile + "\n"}, says(name, 0))
	}
	s.add(hostile, hostile, nil, says("odd", 0))
	s.sees("shop", 3)
	for range 12 {
		s.ask("shop.test", "/")
		s.ask("odd.test", "/")
	}
	s.ask("nobody.test", "/")
	_, text := s.get("/metrics")
	require.Contains(t, text, `elb_http_requests_total{class="2xx",domain="shop"} 12`)
	require.Contains(t, text, `elb_http_requests_total{class="4xx",domain=""} 1`)
	require.Contains(t, text, `tribes_group_members{domain="shop",state="alive"} 3`)
	require.Contains(t, text, `tribes_pool_member_requests_total{domain="shop",member="other",outcome="succeeded",pool=""} 4`)
	require.Contains(t, text, `domain="<script>x\"'&{}=\\"`, "a quote in a name does not end the label")

	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool (Debian package prometheus) is not installed, so that what it says of the metrics is not known")
	}
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = bytes.NewReader([]byte(text))
	out, err := check.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out), "promtool finds nothing to say")
}
