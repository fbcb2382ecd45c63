package members_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/examples/internal/sticky"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
)

// group is a domain of the test's making.
type group struct {
	mu      sync.Mutex
	view    membership.View
	failed  []membership.ID
	more    chan struct{}   // closed when there is another view
	applied map[*int]uint64 // of each reader: the view that it has taken in
	step    *sync.Cond      // a reader has taken in a view, or has ended
}

func newGroup() *group {
	g := &group{more: make(chan struct{}), applied: map[*int]uint64{}}
	g.step = sync.NewCond(&g.mu)
	return g
}

// Changes yields the views.
func (g *group) Changes(ctx context.Context) iter.Seq[membership.Change] {
	return func(yield func(membership.Change) bool) {
		reader := new(int)
		defer g.apply(reader, 0)
		for {
			v, more := g.now()
			if !yield(membership.Change{View: v}) {
				return
			}
			g.apply(reader, v.Number())
			select {
			case <-more:
			case <-ctx.Done():
				return
			}
		}
	}
}

// apply notes what a reader has taken in; 0: it has ended.
func (g *group) apply(reader *int, number uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.applied[reader] = number; number == 0 {
		delete(g.applied, reader)
	}
	g.step.Broadcast()
}

func (g *group) ReportFailure(id membership.ID, _ error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failed = append(g.failed, id)
}

// taken tells whether all readers have taken in a view.
func (g *group) taken(number uint64) bool {
	for _, n := range g.applied {
		if n != number {
			return false
		}
	}
	return true
}

func (g *group) View() membership.View {
	v, _ := g.now()
	return v
}

// now is the view, and what is closed when there is another one.
func (g *group) now() (membership.View, chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.view, g.more
}

// set makes the view from "name state key=value …"; the name's first letter is
// the ID, its address 10.0.0.<name>:4000.
func (g *group) set(lines ...string) *group {
	var list []membership.Member
	for _, l := range lines {
		f := strings.Fields(l)
		m := membership.Member{ID: id(f[0]), Address: "10.0.0." + f[0] + ":4000"}
		for s := membership.Alive; s <= membership.Failed; s++ {
			if s.String() == f[1] {
				m.State = s
			}
		}
		properties := map[string]string{}
		for _, p := range f[2:] {
			key, value, _ := strings.Cut(p, "=")
			if key == "sub" {
				m.SubDomain = value
				continue
			}
			properties[key] = value
		}
		list = append(list, m.WithProperties(properties))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	number := uint64(1)
	if g.view != (membership.View{}) {
		number = g.view.Number() + 1
	}
	g.view = membership.MakeView("d", number, list)
	close(g.more)
	g.more = make(chan struct{})
	for !g.taken(number) {
		g.step.Wait()
	}
	return g
}

func id(name string) membership.ID { return membership.ID{name[0]} }

func pool(t testing.TB, g *group, sub string, options members.Options) *members.Pool {
	t.Helper()
	p := members.New("d", sub, func(string) members.Group { return g }, options)
	t.Cleanup(p.Close)
	return p
}

var (
	plain = gateway.Want{Client: "80", Listen: "8290"}
	tls   = gateway.Want{HTTPS: true, Client: "443", Listen: "8243"}
)

// wants returns plain with a member that goes first.
func wants(prefer string) gateway.Want {
	w := plain
	w.Prefer = id(prefer)
	return w
}

// refusing is a transport that reaches all addresses but these, with blanks
// between.
type refusing string

func (r refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	if slices.Contains(strings.Fields(string(r)), req.URL.Host) {
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// send sends a request and returns the want as it is then.
func send(p *members.Pool, want gateway.Want, base http.RoundTripper) (gateway.Want, error) {
	req := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: "d"}, Header: http.Header{}}
	_, err := p.Send(base, req.WithContext(gateway.WithWant(context.Background(), &want)))
	return want, err
}

// picks are the addresses that requests go to, one after the other.
func picks(p *members.Pool, want gateway.Want, times int) []string {
	var out []string
	for range times {
		done, err := send(p, want, refusing(""))
		if err != nil {
			done.Address = "nobody"
		}
		out = append(out, done.Address)
	}
	return out
}

func TestMembersTakeTurns(t *testing.T) {
	g := newGroup().set("1 alive httpPort=80 httpsPort=443", "2 alive httpPort=81 httpsPort=444", "3 suspect httpPort=82",
		"4 draining httpPort=83", "5 leaving httpPort=84", "6 alive", "7 alive httpPort=70000")
	p := pool(t, g, "", members.Options{})
	got := picks(p, plain, 20)
	require.Subset(t, []string{"10.0.0.1:80", "10.0.0.2:81"}, got)
	require.Contains(t, got, "10.0.0.1:80")
	require.Contains(t, got, "10.0.0.2:81")
	require.Subset(t, []string{"10.0.0.1:443", "10.0.0.2:444"}, picks(p, tls, 20), "the scheme says which port")
	down := refusing("10.0.0.1:80 10.0.0.2:81")
	done, err := send(p, plain, down)
	require.NoError(t, err)
	require.Equal(t, "10.0.0.3:82", done.Address, "who is under suspicion is the last resort")
	require.Equal(t, id("3"), done.Member.ID)
	require.Equal(t, 3, done.Tries)
	done, err = send(p, plain, down+" 10.0.0.3:82")
	_, empty := errors.AsType[*upstream.EmptyError](err)
	require.True(t, empty, "who drains or leaves gets nothing new")
	require.Equal(t, 3, done.Tries)
}

func TestTurnsAreEven(t *testing.T) {
	p := pool(t, newGroup().set("1 alive httpPort=80", "2 alive httpPort=80", "3 alive httpPort=80"), "", members.Options{})
	count := map[string]int{}
	for _, a := range picks(p, plain, 300) {
		count[a]++
	}
	require.Equal(t, map[string]int{"10.0.0.1:80": 100, "10.0.0.2:80": 100, "10.0.0.3:80": 100}, count)
}

func TestPreferredMemberKeepsItsClients(t *testing.T) {
	g := newGroup().set("1 alive httpPort=80", "2 alive httpPort=80")
	p := pool(t, g, "", members.Options{})
	for _, c := range []struct {
		state  string
		sticks bool
	}{{"alive", true}, {"suspect", true}, {"draining", true}, {"leaving", false}} {
		g.set("1 alive httpPort=80", "2 "+c.state+" httpPort=80")
		for range 4 {
			done, err := send(p, wants("2"), refusing(""))
			require.NoError(t, err)
			if c.sticks {
				require.Equal(t, id("2"), done.Member.ID, c.state)
			} else {
				require.Equal(t, id("1"), done.Member.ID, c.state)
			}
		}
	}
	g.set("1 alive httpPort=80", "2 alive httpPort=81")
	done, err := send(p, wants("2"), refusing("10.0.0.2:81"))
	require.NoError(t, err)
	require.Equal(t, id("1"), done.Member.ID, "not a second time when it was tried")
}

func TestSubDomainTakesItsMembersAndNoneTakesAll(t *testing.T) {
	g := newGroup().set("1 alive httpPort=80 sub=mgt", "2 alive httpPort=80 sub=worker", "3 alive httpPort=80")
	require.Subset(t, []string{"10.0.0.2:80"}, picks(pool(t, g, "worker", members.Options{}), plain, 5))
	require.Len(t, unique(picks(pool(t, g, "", members.Options{}), plain, 9)), 3, "a block without sub_domain takes every member")
	p := pool(t, g, "other", members.Options{})
	require.Equal(t, []string{"nobody"}, picks(p, plain, 1))
	require.Equal(t, "none of the 3 members of the domain is of this sub-domain", p.Why(&plain))
}

func unique(list []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range list {
		out[s] = true
	}
	return out
}

func TestPortsAreMapped(t *testing.T) {
	g := newGroup().set("1 alive httpPort=9763 port.mapping.8290=9000 port.mapping.80=9001 port.mapping.81=x remoteHost=node.test",
		"2 suspect httpPort=9764")
	p := pool(t, g, "", members.Options{})
	for client, want := range map[string]string{
		"80": "node.test:9001", "8290": "node.test:9000", "81": "node.test:9000", "443": "node.test:9000",
	} {
		require.Equal(t, []string{want}, picks(p, gateway.Want{Client: client, Listen: "8290"}, 1), client)
	}
	require.Equal(t, []string{"node.test:9763"}, picks(p, gateway.Want{Client: "82", Listen: "1"}, 1))
	require.Equal(t, []string{"node.test:9001"}, picks(p, gateway.Want{HTTPS: true, Client: "80", Listen: "1"}, 1),
		"a mapping goes before the scheme")
}

func TestNobodyHasAReason(t *testing.T) {
	g := newGroup()
	for _, c := range []struct {
		members []string
		want    gateway.Want
		why     string
	}{
		{nil, plain, "it has no members"},
		{[]string{"1 alive"}, plain, "none of its 1 members publishes the property httpPort"},
		{[]string{"1 alive httpPort=1"}, tls, "none of its 1 members publishes the property httpsPort"},
		{[]string{"1 leaving httpPort=1", "2 alive"}, plain, "of its 2 members 1 are draining or leaving and 1 publish no httpPort"},
	} {
		p := pool(t, g.set(c.members...), "", members.Options{})
		require.Equal(t, []string{"nobody"}, picks(p, c.want, 1))
		require.Equal(t, c.why, p.Why(&c.want))
	}
	unheard := members.New("d", "", func(string) members.Group { return nil }, members.Options{})
	require.Equal(t, []string{"nobody"}, picks(unheard, plain, 1))
	require.Equal(t, "no member of it has been heard of", unheard.Why(&plain))
	require.Nil(t, unheard.Changed())
	require.False(t, unheard.Has(&plain))
	_, ok := unheard.Named("x")
	require.False(t, ok)
}

func TestTokensNameMembersOfAllKeys(t *testing.T) {
	old, now := sticky.Key{1}, sticky.Key{2}
	g := newGroup().set("1 alive httpPort=80", "2 alive httpPort=80")
	p := pool(t, g, "", members.Options{Tokens: func(domain string, id membership.ID) []string {
		return []string{now.Token(domain, id), old.Token(domain, id)}
	}})
	done, err := send(p, wants("2"), refusing(""))
	require.NoError(t, err)
	require.Equal(t, now.Token("d", id("2")), done.Member.Token, "the first key makes tokens")
	for _, key := range []sticky.Key{now, old} {
		got, ok := p.Named(key.Token("d", id("2")))
		require.True(t, ok)
		require.Equal(t, id("2"), got)
	}
	_, ok := p.Named("forged")
	require.False(t, ok)
	g.set("1 alive httpPort=80")
	_, ok = p.Named(now.Token("d", id("2")))
	require.False(t, ok, "who is gone is not named any more")
}

func TestNewcomersStartSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup().set("1 alive httpPort=80")
		p := pool(t, g, "", members.Options{SlowStart: 10 * time.Second})
		require.Equal(t, []string{"10.0.0.1:80"}, picks(p, plain, 1))
		g.set("1 alive httpPort=80", "2 alive httpPort=80")
		share := func() int {
			n := 0
			for _, a := range picks(p, plain, 10_000) {
				if a == "10.0.0.2:80" {
					n++
				}
			}
			return n
		}
		require.Less(t, share(), 1000, "a part of its half")
		time.Sleep(5 * time.Second)
		half := share()
		require.Greater(t, half, 2500)
		require.Less(t, half, 4000)
		time.Sleep(6 * time.Second)
		require.Equal(t, 5000, share())
		g.set("3 alive httpPort=80")
		require.Equal(t, []string{"10.0.0.3:80"}, slices.Collect(maps.Keys(unique(picks(p, plain, 100)))), "alone it takes everything")
	})
}

func TestFailuresReachTheGroup(t *testing.T) {
	g := newGroup().set("1 alive httpPort=80")
	var told []string
	p := pool(t, g, "", members.Options{Failed: func(domain string, m *gateway.Member, err error) {
		told = append(told, domain+" "+m.Address+" "+err.Error())
	}})
	_, err := send(p, plain, refusing("10.0.0.1:80"))
	require.Error(t, err)
	require.Equal(t, []membership.ID{id("1")}, g.failed)
	require.Equal(t, []string{"d 10.0.0.1:4000 dial: refused"}, told)
}

// A domain that was forgotten and comes back is another group: it is followed
// from then on, and the old one is not.
func TestAnotherGroupOfTheDomain(t *testing.T) {
	old, fresh := newGroup().set("1 alive httpPort=80"), newGroup().set("2 alive httpPort=80")
	now := old
	p := members.New("d", "", func(string) members.Group { return now }, members.Options{})
	require.Equal(t, []string{"10.0.0.1:80"}, picks(p, plain, 1))
	now = fresh
	require.Equal(t, []string{"10.0.0.2:80"}, picks(p, plain, 1))
	require.Empty(t, old.applied)
	p.Close()
	require.Empty(t, fresh.applied)
	require.Equal(t, []string{"nobody"}, picks(p, plain, 1))
}

// What is added to a pool of upstream allocates nothing.
func TestPickingAllocatesNothing(t *testing.T) {
	g := newGroup().set("1 alive httpPort=80", "2 alive httpPort=80 httpsPort=443", "3 alive httpPort=80")
	p := pool(t, g, "", members.Options{SlowStart: time.Second})
	bare, err := upstream.New(g, upstream.Options{})
	require.NoError(t, err)
	defer bare.Close()
	transport := bare.Transport(refusing(""))
	want := wants("3")
	req := (&http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: "d"}, Header: http.Header{}}).
		WithContext(gateway.WithWant(t.Context(), &want))
	base := http.RoundTripper(refusing(""))
	least := testing.AllocsPerRun(1000, func() { _, _ = transport.RoundTrip(req) })
	require.Equal(t, least, testing.AllocsPerRun(1000, func() { _, _ = p.Send(base, req) }))
	require.Zero(t, testing.AllocsPerRun(1000, func() { p.Named("forged") }))
}

func BenchmarkSend(b *testing.B) {
	var lines []string
	for c := range 100 {
		lines = append(lines, string(rune('!'+c))+" alive httpPort=80")
	}
	g := newGroup().set(lines...)
	for _, bare := range []bool{true, false} {
		b.Run(map[bool]string{true: "upstream", false: "members"}[bare], func(b *testing.B) {
			p := pool(b, g, "", members.Options{})
			alone, err := upstream.New(g, upstream.Options{})
			require.NoError(b, err)
			defer alone.Close()
			base := http.RoundTripper(refusing(""))
			transport := alone.Transport(base)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				want := plain
				req := (&http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: "d"}, Header: http.Header{}}).
					WithContext(gateway.WithWant(b.Context(), &want))
				for pb.Next() {
					if bare {
						_, _ = transport.RoundTrip(req) // it cannot fail
						continue
					}
					_, _ = p.Send(base, req)
				}
			})
		})
	}
}
