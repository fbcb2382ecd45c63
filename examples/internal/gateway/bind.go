package gateway

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gotribes/tribes/examples/internal/sticky"
	"github.com/gotribes/tribes/membership"
)

// prefers gives the member that a client is bound to: by the gateway's own
// cookie, or by a session cookie that was learned. bound tells whether it was
// the latter.
func (g *Gateway) prefers(x *exchange) (id membership.ID, bound bool) {
	if len(x.in.Header["Cookie"]) == 0 {
		return id, false
	}
	if g.options.Cookie != "" {
		for token := range sticky.Values(x.in.Header, g.options.Cookie) {
			if id, ok := x.route.Pool.Named(token); ok {
				return id, false
			}
		}
	}
	if len(g.options.Learn) > 0 {
		now := time.Now()
		for _, name := range g.options.Learn {
			for value := range sticky.Values(x.in.Header, name) {
				if id, ok := x.route.sessions.Get(value, now); ok {
					return id, true
				}
			}
		}
	}
	return id, false
}

// answered does what is to be done with the answer of a member before the client
// gets it.
func (g *Gateway) answered(x *exchange, resp *http.Response, bound bool) {
	if x.body != nil {
		x.body.settled.Store(true)
	}
	m := x.want.Member
	g.learn(x, resp.Header, m, bound)
	g.relocate(x, resp.Header, m, x.want.Address)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return // its body is the connection itself
	}
	if name := g.options.Cookie; name != "" && m.Token != "" && g.mustName(x, m) {
		resp.Header.Add("Set-Cookie", ownCookie(name, m.Token, x.at.https, x.timeout))
	}
	if g.options.MemberIdle > 0 && resp.Body != http.NoBody {
		resp.Body = newMemberBody(resp.Body, g.options.MemberIdle)
	}
}

// learn takes note of the sessions that an answer begins and ends. A session
// whose member is gone moves to the one that has answered.
func (g *Gateway) learn(x *exchange, h http.Header, m *Member, bound bool) {
	if len(g.options.Learn) == 0 || !bound && len(h["Set-Cookie"]) == 0 {
		return
	}
	now := time.Now()
	if bound {
		for _, name := range g.options.Learn {
			for value := range sticky.Values(x.in.Header, name) {
				if id, ok := x.route.sessions.Get(value, now); ok && id != m.ID {
					x.route.sessions.Set(value, m.ID, now)
				}
			}
		}
	}
	set, ended := sticky.Changes(h, g.options.Learn)
	for _, value := range ended {
		x.route.sessions.Forget(value)
	}
	for _, value := range set {
		x.route.sessions.Set(value, m.ID, now)
	}
}

// mustName tells whether a client needs the cookie that names its member: it has
// another one or none, or its cookie runs out some time.
func (g *Gateway) mustName(x *exchange, m *Member) bool {
	if x.timeout > 0 {
		return true
	}
	for token := range sticky.Values(x.in.Header, g.options.Cookie) {
		return token != m.Token // the first is what counts
	}
	return true
}

// ownCookie is the gateway's own cookie.
func ownCookie(name, token string, https bool, timeout time.Duration) string {
	cookie := name + "=" + token + "; Path=/; HttpOnly; SameSite=Lax"
	if https {
		cookie += "; Secure"
	}
	if timeout > 0 {
		cookie += "; Max-Age=" + strconv.Itoa(max(1, int(timeout/time.Second)))
	}
	return cookie
}
