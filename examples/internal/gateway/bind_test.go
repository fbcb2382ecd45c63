package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/examples/internal/sticky"
	"github.com/gotribes/tribes/membership"
)

// logsIn is a backend that begins a session at /login and ends it at /logout.
func logsIn(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: "at-" + name, Path: "/app"})
		case "/logout":
			c, err := r.Cookie("JSESSIONID")
			if err == nil {
				http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: c.Value, MaxAge: -1})
			}
		}
		fmt.Fprint(w, name)
	}
}

// with asks with cookies and returns who answered and the cookies set.
func (f *front) with(path string, cookies ...string) (string, []*http.Cookie) {
	f.t.Helper()
	in := f.request("GET", f.plain.URL+path, "d.test", nil)
	if len(cookies) > 0 {
		in.Header.Set("Cookie", strings.Join(cookies, "; "))
	}
	resp, body := f.do(in)
	require.Equal(f.t, http.StatusOK, resp.StatusCode, body)
	return body, resp.Cookies()
}

// state returns a member in another state.
func state(m membership.Member, s membership.State) membership.Member {
	m.State = s
	return m
}

func TestLearnedSessionsStayAtTheirMember(t *testing.T) {
	f := newFront(t, gateway.Options{Learn: sticky.Names}, members.Options{})
	one, two := backend(t, 1, logsIn("one")), backend(t, 2, logsIn("two"))
	f.all.set("d", one, two)
	at, cookies := f.with("/login")
	require.Len(t, cookies, 1)
	session := "JSESSIONID=" + cookies[0].Value
	for range 6 {
		again, _ := f.with("/", "other=1", session)
		require.Equal(t, at, again)
	}
	mine, other := one, two
	if at == "two" {
		mine, other = two, one
	}
	f.all.set("d", state(mine, membership.Draining), other)
	for range 3 {
		again, _ := f.with("/", session)
		require.Equal(t, at, again, "draining keeps what is sticky")
		elsewhere, _ := f.with("/", "JSESSIONID=unknown")
		require.NotEqual(t, at, elsewhere, "and gets nothing new")
	}
	third := backend(t, 3, logsIn("third"))
	f.all.set("d", other, third)
	moved, _ := f.with("/", session)
	require.NotEqual(t, at, moved)
	for range 6 {
		again, _ := f.with("/", session)
		require.Equal(t, moved, again, "it moves once when its member is gone")
	}
	f.with("/logout", session)
	seen := map[string]bool{}
	for range 6 {
		anybody, _ := f.with("/", session)
		seen[anybody] = true
	}
	require.Len(t, seen, 2, "a session that has ended binds nobody")
}

func TestSessionsOfOneRouteMeanNothingInAnother(t *testing.T) {
	f := newFront(t, gateway.Options{Learn: sticky.Names}, members.Options{})
	f.all.set("d", backend(t, 1, logsIn("one")))
	f.all.set("gold", backend(t, 2, logsIn("gold")))
	_, cookies := f.with("/login")
	in := f.request("GET", f.plain.URL+"/t/gold.test/", "esb.test", nil)
	in.AddCookie(cookies[0])
	_, body := f.do(in)
	require.Equal(t, "gold", body)
}

func TestAnyGatewayWithTheKeyFollowsTheCookie(t *testing.T) {
	key := sticky.Key{1}
	tokens := members.Options{Tokens: func(domain string, id membership.ID) []string { return []string{key.Token(domain, id)} }}
	a, b := newFront(t, gateway.Options{Cookie: "MEMBER"}, tokens), newFront(t, gateway.Options{Cookie: "MEMBER"}, tokens)
	list := []membership.Member{backend(t, 1, says("one")), backend(t, 2, says("two")), backend(t, 3, says("three"))}
	a.all.set("d", list...)
	b.all.set("d", list...)
	at, cookies := a.with("/")
	require.Len(t, cookies, 1)
	c := cookies[0]
	require.Equal(t, "MEMBER", c.Name)
	require.Equal(t, "/", c.Path)
	require.True(t, c.HttpOnly)
	require.False(t, c.Secure, "the request came without TLS")
	require.Zero(t, c.MaxAge)
	for range 4 {
		for _, f := range []*front{a, b} {
			again, set := f.with("/", "MEMBER="+c.Value)
			require.Equal(t, at, again)
			require.Empty(t, set, "who has it is not told again")
		}
	}
	_, set := a.with("/", "MEMBER=forged")
	require.Len(t, set, 1, "a forged one is replaced")
	c.Value = set[0].Value
	at, _ = b.with("/", "MEMBER="+c.Value)
	for i, m := range list {
		if strings.TrimSpace(at) == []string{"one", "two", "three"}[i] {
			list[i] = state(m, membership.Leaving)
		}
	}
	b.all.set("d", list...)
	moved, set := b.with("/", "MEMBER="+c.Value)
	require.NotEqual(t, at, moved)
	require.Len(t, set, 1, "who has to move is told where")
	again, _ := b.with("/", "MEMBER="+set[0].Value)
	require.Equal(t, moved, again)
}

func TestCookieEndsWithTheSession(t *testing.T) {
	key := sticky.Key{1}
	f := newFront(t, gateway.Options{Cookie: "MEMBER"}, members.Options{
		Tokens: func(domain string, id membership.ID) []string { return []string{key.Token(domain, id)} }})
	f.timeout(90 * time.Second)
	f.all.set("d", backend(t, 1, says("one")))
	_, cookies := f.with("/")
	require.Equal(t, 90, cookies[0].MaxAge)
	_, cookies = f.with("/", "MEMBER="+cookies[0].Value)
	require.Equal(t, 90, cookies[0].MaxAge, "each request makes it live on")
}
