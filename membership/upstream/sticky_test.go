package upstream

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A client asks by way of a pool and keeps its cookies.
type client struct {
	t      *testing.T
	rt     http.RoundTripper
	cookie *http.Cookie
	moves  int // cookies that were set
}

func (c *client) ask() string {
	c.t.Helper()
	req := request(c.t, http.MethodGet, "")
	if c.cookie != nil {
		req.AddCookie(c.cookie)
	}
	resp, err := c.rt.RoundTrip(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	for _, set := range resp.Cookies() {
		c.cookie = set
		c.moves++
	}
	b, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return string(b)
}

func (c *client) stays(times int) string {
	c.t.Helper()
	who := c.ask()
	for range times {
		require.Equal(c.t, who, c.ask())
	}
	return who
}

func TestClientsStayAtTheirMembers(t *testing.T) {
	for _, form := range []CookieForm{Opaque, Signed, Plain} {
		servers := map[string]string{}
		var list []string
		for i := range 4 {
			name := fmt.Sprint("n", i)
			servers[name] = serve(t, says(name))
			list = append(list, servers[name])
		}
		state := func(who, state string) []string {
			var out []string
			for _, a := range list {
				if a == servers[who] {
					a += " " + state
				}
				out = append(out, a)
			}
			return out
		}
		g := newGroup(list...)
		p := newPool(t, g, Options{Sticky: &Sticky{Form: form, Key: []byte("0123456789abcdef")}})
		c := &client{t: t, rt: transportOf(t, p)}
		who := c.stays(20)
		require.Equal(t, 1, c.moves, "the cookie is set once")
		id := member(servers[who]).ID.String()
		require.Equal(t, form != Opaque, strings.Contains(c.cookie.Value, id), "what the cookie shows of the member")
		require.NotContains(t, c.cookie.Value, servers[who])

		g.set(state(who, "draining")...)
		require.Equal(t, who, c.stays(20), "kept through draining")
		other := &client{t: t, rt: c.rt}
		require.NotEqual(t, who, other.stays(20), "new clients do not come to who drains")
		g.set(state(who, "suspect")...)
		require.Equal(t, who, c.stays(20), "suspicion is not enough")
		require.Equal(t, 1, c.moves)
		g.set(state(who, "leaving")...)
		next := c.stays(20)
		require.NotEqual(t, who, next)
		require.Equal(t, 2, c.moves, "it moves once")
		g.set(state(who, "alive")...)
		require.Equal(t, next, c.stays(20), "and does not move back")
		require.Equal(t, 2, c.moves)

		again := newPool(t, newGroup(list...), Options{Sticky: &Sticky{Form: form, Key: []byte("0123456789abcdef")}})
		c.rt = transportOf(t, again)
		require.Equal(t, next, c.stays(5), "another balancer with the same key knows the cookie")
		require.Equal(t, 2, c.moves)
	}
}

func TestForgedCookiesAreReplaced(t *testing.T) {
	a, b := serve(t, says("a")), serve(t, says("b"))
	for _, form := range []CookieForm{Opaque, Signed} {
		p := newPool(t, newGroup(a, b), Options{Sticky: &Sticky{Form: form, Name: "seat", Path: "/app", MaxAge: time.Hour, Secure: true}})
		other := newPool(t, newGroup(a, b), Options{Sticky: &Sticky{Form: form, Name: "seat"}})
		good := p.o.Sticky.value(member(a))
		for _, value := range []string{"", "x", member(a).ID.String(), other.o.Sticky.value(member(a)), good + "x", good[:len(good)-1]} {
			c := &client{t: t, rt: transportOf(t, p), cookie: &http.Cookie{Name: "seat", Value: value}}
			c.ask()
			require.Equal(t, 1, c.moves, "%q is nobody's", value)
			require.Equal(t, "seat", c.cookie.Name)
			require.Equal(t, "/app", c.cookie.Path)
			require.Equal(t, 3600, c.cookie.MaxAge)
			require.True(t, c.cookie.Secure)
			require.True(t, c.cookie.HttpOnly)
			require.Equal(t, http.SameSiteLaxMode, c.cookie.SameSite)
		}
		c := &client{t: t, rt: transportOf(t, p), cookie: &http.Cookie{Name: "seat", Value: good}}
		require.Equal(t, "a", c.stays(5))
		require.Zero(t, c.moves)
	}
}

func TestClientMovesWhenItsMemberRefuses(t *testing.T) {
	gone := refusing(t)
	p := newPool(t, newGroup(gone, serve(t, says("b"))), Options{Sticky: &Sticky{}})
	c := &client{t: t, rt: transportOf(t, p), cookie: &http.Cookie{Name: "upstream", Value: p.o.Sticky.value(member(gone))}}
	require.Equal(t, "b", c.stays(10))
	require.Equal(t, 1, c.moves)
}
