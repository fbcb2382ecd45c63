package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/keystore"
	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/examples/internal/route"
	"github.com/gotribes/tribes/examples/internal/sticky"
	"github.com/gotribes/tribes/examples/internal/tenants"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport"
)

// ownCookie is the name of the cookie of our own.
const ownCookie = "TRIBES_MEMBER"

// A balancer is the gateway with what it is told by files, which may change
// while it runs. Its methods but certificate and tokens are for one goroutine.
type balancer struct {
	args   []string // of the program
	now    *settings
	before program.Look // at the files to watch, before they were read
	gw     *gateway.Gateway
	find   members.Find
	manage func(domain string) error // follows one more; nil: none can be
	mu     sync.Mutex                // for changes of pools, and for others who read them
	pools  map[*gateway.Route]*members.Pool
	certs  atomic.Pointer[[]tls.Certificate]
	keys   atomic.Pointer[[]sticky.Key]
	rekey  func([]transport.Key) error // of the cluster; nil: it has no keys
	logger *slog.Logger
}

// newBalancer makes one that answers nothing yet. over is told of requests.
func newBalancer(s *settings, args []string, d *doors, over func(*gateway.Record), logger *slog.Logger) *balancer {
	options := gateway.Options{
		HTTPPort: port(d.plain), HTTPSPort: port(d.secure),
		Members: s.scheme, Trusted: s.trusted, Wait: s.wait,
		MaxBody: s.maxBody, ClientIdle: s.clientIdle, MemberAnswers: s.answers, MemberIdle: s.silence,
		Logger: logger, Over: over,
	}
	if s.sticky == "learn" || s.sticky == "both" {
		options.Learn = sticky.Names
	}
	if s.sticky == "cookie" || s.sticky == "both" {
		options.Cookie = ownCookie
	}
	return &balancer{args: args, gw: gateway.New(options), pools: map[*gateway.Route]*members.Pool{}, logger: logger}
}

// A loaded is what is in the files that settings name, read and checked.
type loaded struct {
	tenants tenants.Map
	certs   []tls.Certificate
	keys    []sticky.Key
	config  *tls.Config // for members
}

// load reads the files that settings name. Nothing has changed if it fails.
func load(s *settings) (*loaded, error) {
	var out loaded
	var err error
	if s.tenants != "" {
		if out.tenants, err = tenants.Read(s.tenants); err != nil {
			return nil, program.FileError("tenants", err)
		}
	}
	if s.https != "" {
		if out.certs, err = loadCerts(s); err != nil {
			return nil, err
		}
	}
	if s.stickyKeys != "" {
		if out.keys, err = sticky.ReadKeys(s.stickyKeys); err != nil {
			return nil, program.FileError("sticky-keys", err)
		}
	}
	var roots *x509.CertPool
	if s.membersCA != "" {
		if roots, err = keystore.Roots(s.membersCA); err != nil {
			return nil, program.FileError("members-ca", err)
		}
	}
	out.config = &tls.Config{RootCAs: roots, ServerName: s.memberName, InsecureSkipVerify: s.membersInsecure}
	return &out, nil
}

// loadCerts reads all certificates for clients.
func loadCerts(s *settings) ([]tls.Certificate, error) {
	password, err := program.Password("cert-password", s.certPassword)
	if err != nil {
		return nil, err
	}
	var out []tls.Certificate
	for _, store := range s.stores {
		if password != "" {
			store.Password = password
		}
		certs, err := keystore.Load(store)
		if err != nil {
			return nil, &program.SettingError{Text: fmt.Sprintf("-cert (%s): %v", s.sources.From("cert"), err), Err: err}
		}
		out = append(out, certs...)
	}
	return out, nil
}

// apply makes settings and the content of their files those that count.
func (b *balancer) apply(s *settings, l *loaded) {
	if b.now == nil || b.now.membersCA != "" || s.membersCA != "" {
		b.gw.SetTLS(l.config)
	}
	b.certs.Store(&l.certs)
	old := b.keys.Swap(&l.keys)
	if old != nil && !slices.Equal(*old, l.keys) {
		for _, p := range b.pools {
			p.Refresh()
		}
	}
	var keep []*gateway.Route
	to := func(domain, subDomain string) *gateway.Route {
		var made *members.Pool
		r := b.gw.Route(domain, subDomain, func() gateway.Pool {
			made = members.New(domain, subDomain, b.find, members.Options{
				SlowStart: s.slowStart, Tokens: b.tokens, Failed: b.gw.MemberFailed,
			})
			return made
		})
		if made != nil {
			b.mu.Lock()
			b.pools[r] = made
			b.mu.Unlock()
		}
		keep = append(keep, r)
		return r
	}
	table := route.New(s.routes, to)
	if s.rest != "" {
		table.Rest(to(s.rest, ""))
	}
	b.gw.SetRules(&gateway.Rules{Table: table, Tenants: l.tenants, SessionTimeout: s.sessionTimeout}, keep)
	b.mu.Lock()
	maps.DeleteFunc(b.pools, func(r *gateway.Route, _ *members.Pool) bool { return !slices.Contains(keep, r) })
	b.mu.Unlock()
	b.now = s
}

// tokens are those of a member, by all keys.
func (b *balancer) tokens(domain string, id membership.ID) []string {
	keys := *b.keys.Load()
	out := make([]string, 0, len(keys))
	for i := range keys {
		out = append(out, keys[i].Token(domain, id))
	}
	return out
}

// certificate chooses one for a client.
func (b *balancer) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return keystore.Choose(*b.certs.Load(), hello)
}

// watched are the files that are read again when they change, without being
// asked.
func (s *settings) watched() []string {
	var out []string
	if s.tenants != "" {
		out = append(out, s.tenants)
	}
	if s.https != "" {
		for _, store := range s.stores {
			out = append(out, store.Files()...)
		}
	}
	return out
}

// refresh reads what has changed in watched files. What cannot be used is
// logged, and the old goes on.
func (b *balancer) refresh() {
	l, err := load(b.now)
	if err != nil {
		b.logger.Error("a file has changed and cannot be used; what was read before goes on", "error", err)
		return
	}
	b.apply(b.now, l)
	b.logger.Info("files were read again")
}

// reload reads all files again, as if the program had been started anew. What
// cannot be used is logged, and the old goes on, as a whole.
func (b *balancer) reload() {
	refuse := func(err error) {
		b.logger.Error("the configuration cannot be used; the old one goes on", "error", err)
	}
	s, err := parse(b.args, nil)
	if err != nil {
		refuse(err)
		return
	}
	more := s.further(b.now)
	fixed := b.now.fixed(s)
	if len(more) > 0 && b.manage == nil {
		fixed = append(fixed, fmt.Sprintf("-manage (%s)", strings.Join(more, ", ")))
	}
	if len(fixed) > 0 {
		refuse(fmt.Errorf("it takes a new start to change %s", strings.Join(fixed, ", ")))
		return
	}
	l, err := load(s)
	if err == nil {
		err = s.keyFile.Read()
	}
	if err != nil {
		refuse(err)
		return
	}
	for _, domain := range more {
		if err := b.manage(domain); err != nil {
			refuse(fmt.Errorf("-manage: domain %q cannot be followed: %w", domain, err))
			return
		}
	}
	b.apply(s, l)
	if keys := s.keyFile.Keys(); keys != nil { // checked: what goes wrong now is that the node has ended
		if err := b.rekey(keys); err != nil {
			b.logger.Error("cluster keys not changed", "error", err)
			return
		}
	}
	b.logger.Info("the configuration was read again", "routes", len(s.routes))
}

// fixed are the flags whose change takes effect only with a new start.
func (s *settings) fixed(o *settings) []string {
	var out []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"domain", s.domain == o.domain},
		{"advertise", s.advertise == o.advertise},
		{"listen", s.listen == o.listen},
		{"wka", slices.Equal(s.wka, o.wka)},
		{"http", s.http == o.http},
		{"https", s.https == o.https},
	} {
		if !f.same {
			out = append(out, "-"+f.name)
		}
	}
	return out
}

// further are the domains that have to be followed for these settings and were
// not for the old ones. Those that nothing leads to any more are followed on.
func (s *settings) further(old *settings) []string {
	if slices.Contains(old.manage, anyDomain) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.manage), func(d string) bool { return slices.Contains(old.manage, d) })
}
