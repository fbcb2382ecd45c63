package upstream

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gotribes/tribes/membership"
)

// A CookieForm says what a sticky cookie shows of a member.
type CookieForm uint8

// The forms. Whatever the form, a cookie that no member of the pool has is
// ignored, and replaced by a good one.
const (
	Opaque CookieForm = iota // nothing, and nobody can make one without the key
	Signed                   // the member's ID, and nobody can make one without the key
	Plain                    // the member's ID; clients can choose their member
)

// A Sticky keeps a client at the member that first answered it, by a cookie
// that names the member: this run of its process. It stays while the member
// drains, and moves once, to whoever the policy picks, when the member leaves,
// is gone or cannot be reached.
type Sticky struct {
	Name string     // of the cookie; "" is "upstream"
	Form CookieForm // Opaque
	// Key makes and checks cookies, unless they are plain. At least 16 bytes. Nil
	// is a random one: then another balancer, or this one after a restart, does
	// not know the cookies, and clients move.
	Key      []byte
	Path     string        // "" is "/"
	MaxAge   time.Duration // 0: until the client ends; at least a second
	Secure   bool          // only over HTTPS
	SameSite http.SameSite // 0 is Lax
}

const stickyKeyLeast = 16

func (s Sticky) filled() (*Sticky, error) {
	s.Name, s.Path, s.SameSite = or(s.Name, "upstream"), or(s.Path, "/"), or(s.SameSite, http.SameSiteLaxMode)
	s.Key = slices.Clone(s.Key)
	if s.Key == nil {
		s.Key = make([]byte, 32)
		if _, err := rand.Read(s.Key); err != nil {
			return nil, fmt.Errorf("no random key for sticky cookies: %w", err)
		}
	}
	probe := http.Cookie{Name: s.Name, Value: "x", Path: s.Path}
	switch {
	case s.Form > Plain:
		return nil, &OptionError{"Options.Sticky.Form", fmt.Sprint(uint8(s.Form)), "Opaque, Signed or Plain"}
	case len(s.Key) < stickyKeyLeast:
		long := fmt.Sprintf("%d bytes long", len(s.Key))
		return nil, &OptionError{"Options.Sticky.Key", long, fmt.Sprintf("at least %d bytes", stickyKeyLeast)}
	case s.MaxAge != 0 && s.MaxAge < time.Second:
		return nil, &OptionError{"Options.Sticky.MaxAge", s.MaxAge.String(), "at least a second, or 0"}
	case probe.Valid() != nil:
		return nil, &OptionError{"Options.Sticky.Name", fmt.Sprintf("%q with path %q", s.Name, s.Path), "a cookie's name and path"}
	}
	return &s, nil
}

// value returns what stands for a member in the cookie.
func (s *Sticky) value(m membership.Member) string {
	if s.Form == Plain {
		return m.ID.String()
	}
	mac := hmac.New(sha256.New, s.Key)
	mac.Write([]byte{byte(s.Form)})
	mac.Write([]byte(m.Domain))
	mac.Write(m.ID[:])
	sum := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
	if s.Form == Signed {
		return m.ID.String() + "." + sum
	}
	return sum
}

// cookie makes the header that binds a client to a member.
func (s *Sticky) cookie(value string) string {
	c := http.Cookie{
		Name: s.Name, Value: value, Path: s.Path, MaxAge: int(s.MaxAge / time.Second),
		Secure: s.Secure, HttpOnly: true, SameSite: s.SameSite,
	}
	return c.String()
}

// boundTo returns the target that a request's cookie names, if it is there.
func (p *Pool) boundTo(r *http.Request) *target {
	s := p.o.Sticky
	if s == nil {
		return nil
	}
	byCookie := p.table.Load().byCookie
	for _, c := range r.CookiesNamed(s.Name) {
		if t := byCookie[c.Value]; t != nil {
			return t
		}
	}
	return nil
}

// bind sets the cookie on an answer unless the client has it.
func (p *Pool) bind(bound *target, k *Pick, resp *http.Response) {
	if p.o.Sticky != nil && bound != k.target {
		resp.Header.Add("Set-Cookie", p.o.Sticky.cookie(k.target.cookie))
	}
}
