package members_test

import (
	"errors"
	"maps"
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
)

// group is a domain of the test's making.
type group struct {
	mu     sync.Mutex
	view   membership.View
	failed []membership.ID
}

func (g *group) View() membership.View {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.view
}

func (g *group) ReportFailure(id membership.ID, _ error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failed = append(g.failed, id)
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
	g.view = membership.MakeView("d", g.view.Number()+1, list)
	return g
}

func id(name string) membership.ID { return membership.ID{name[0]} }

func pool(g *group, sub string, options members.Options) *members.Pool {
	return members.New("d", sub, func(string) members.Group { return g }, options)
}

var (
	plain = &gateway.Want{Client: "80", Listen: "8290"}
	tls   = &gateway.Want{HTTPS: true, Client: "443", Listen: "8243"}
)

// picks are the addresses that requests go to, one after the other.
func picks(p *members.Pool, want *gateway.Want, times int) []string {
	var out []string
	for range times {
		_, address, ok := p.Pick(want, membership.ID{}, nil)
		if !ok {
			address = "nobody"
		}
		out = append(out, address)
	}
	return out
}

func TestMembersTakeTurns(t *testing.T) {
	g := new(group).set("1 alive httpPort=80 httpsPort=443", "2 alive httpPort=81 httpsPort=444", "3 suspect httpPort=82",
		"4 draining httpPort=83", "5 leaving httpPort=84", "6 alive", "7 alive httpPort=70000")
	p := pool(g, "", members.Options{})
	got := picks(p, plain, 20)
	require.Subset(t, []string{"10.0.0.1:80", "10.0.0.2:81"}, got)
	require.Contains(t, got, "10.0.0.1:80")
	require.Contains(t, got, "10.0.0.2:81")
	require.Subset(t, []string{"10.0.0.1:443", "10.0.0.2:444"}, picks(p, tls, 20), "the scheme says which port")
	m, address, ok := p.Pick(plain, membership.ID{}, []membership.ID{id("1"), id("2")})
	require.True(t, ok)
	require.Equal(t, "10.0.0.3:82", address, "who is under suspicion is the last resort")
	require.Equal(t, id("3"), m.ID)
	_, _, ok = p.Pick(plain, membership.ID{}, []membership.ID{id("1"), id("2"), id("3")})
	require.False(t, ok, "who drains or leaves gets nothing new")
}

func TestTurnsAreEven(t *testing.T) {
	p := pool(new(group).set("1 alive httpPort=80", "2 alive httpPort=80", "3 alive httpPort=80"), "", members.Options{})
	count := map[string]int{}
	for _, a := range picks(p, plain, 300) {
		count[a]++
	}
	require.Equal(t, map[string]int{"10.0.0.1:80": 100, "10.0.0.2:80": 100, "10.0.0.3:80": 100}, count)
}

func TestPreferredMemberKeepsItsClients(t *testing.T) {
	g := new(group).set("1 alive httpPort=80", "2 alive httpPort=80")
	p := pool(g, "", members.Options{})
	for _, c := range []struct {
		state  string
		sticks bool
	}{{"alive", true}, {"suspect", true}, {"draining", true}, {"leaving", false}} {
		g.set("1 alive httpPort=80", "2 "+c.state+" httpPort=80")
		for range 4 {
			m, _, ok := p.Pick(plain, id("2"), nil)
			require.True(t, ok)
			if c.sticks {
				require.Equal(t, id("2"), m.ID, c.state)
			} else {
				require.Equal(t, id("1"), m.ID, c.state)
			}
		}
		m, _, _ := p.Pick(plain, id("2"), []membership.ID{id("2")})
		require.Equal(t, id("1"), m.ID, "not a second time when it was tried")
	}
}

func TestSubDomainTakesItsMembersAndNoneTakesAll(t *testing.T) {
	g := new(group).set("1 alive httpPort=80 sub=mgt", "2 alive httpPort=80 sub=worker", "3 alive httpPort=80")
	require.Subset(t, []string{"10.0.0.2:80"}, picks(pool(g, "worker", members.Options{}), plain, 5))
	require.Len(t, unique(picks(pool(g, "", members.Options{}), plain, 9)), 3, "a block without sub_domain takes every member")
	p := pool(g, "other", members.Options{})
	require.Equal(t, []string{"nobody"}, picks(p, plain, 1))
	require.Equal(t, "none of the 3 members of the domain is of this sub-domain", p.Why(plain))
}

func unique(list []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range list {
		out[s] = true
	}
	return out
}

func TestPortsAreMapped(t *testing.T) {
	g := new(group).set("1 alive httpPort=9763 port.mapping.8290=9000 port.mapping.80=9001 port.mapping.81=x remoteHost=node.test",
		"2 suspect httpPort=9764")
	p := pool(g, "", members.Options{})
	for client, want := range map[string]string{
		"80": "node.test:9001", "8290": "node.test:9000", "81": "node.test:9000", "443": "node.test:9000",
	} {
		require.Equal(t, []string{want}, picks(p, &gateway.Want{Client: client, Listen: "8290"}, 1), client)
	}
	require.Equal(t, []string{"node.test:9763"}, picks(p, &gateway.Want{Client: "82", Listen: "1"}, 1))
	require.Equal(t, []string{"node.test:9001"}, picks(p, &gateway.Want{HTTPS: true, Client: "80", Listen: "1"}, 1),
		"a mapping goes before the scheme")
}

func TestNobodyHasAReason(t *testing.T) {
	g := new(group)
	for _, c := range []struct {
		members []string
		want    *gateway.Want
		why     string
	}{
		{nil, plain, "it has no members"},
		{[]string{"1 alive"}, plain, "none of its 1 members publishes the property httpPort"},
		{[]string{"1 alive httpPort=1"}, tls, "none of its 1 members publishes the property httpsPort"},
		{[]string{"1 leaving httpPort=1", "2 alive"}, plain, "of its 2 members 1 are draining or leaving and 1 publish no httpPort"},
	} {
		p := pool(g.set(c.members...), "", members.Options{})
		require.Equal(t, []string{"nobody"}, picks(p, c.want, 1))
		require.Equal(t, c.why, p.Why(c.want))
	}
	unheard := members.New("d", "", func(string) members.Group { return nil }, members.Options{})
	require.Equal(t, []string{"nobody"}, picks(unheard, plain, 1))
	require.Equal(t, "no member of it has been heard of", unheard.Why(plain))
	require.Nil(t, unheard.Changed())
	unheard.Failed(id("1"), errors.New("x")) // nobody to tell
	_, ok := unheard.Named("x")
	require.False(t, ok)
}

func TestTokensNameMembersOfAllKeys(t *testing.T) {
	old, now := sticky.Key{1}, sticky.Key{2}
	g := new(group).set("1 alive httpPort=80", "2 alive httpPort=80")
	p := pool(g, "", members.Options{Tokens: func(domain string, id membership.ID) []string {
		return []string{now.Token(domain, id), old.Token(domain, id)}
	}})
	m, _, _ := p.Pick(plain, id("2"), nil)
	require.Equal(t, now.Token("d", id("2")), m.Token, "the first key makes tokens")
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
		g := new(group).set("1 alive httpPort=80")
		p := pool(g, "", members.Options{SlowStart: 10 * time.Second})
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
		require.Less(t, share(), 1000, "a tenth of its half")
		time.Sleep(5 * time.Second)
		half := share()
		require.Greater(t, half, 2000)
		require.Less(t, half, 3000)
		time.Sleep(5 * time.Second)
		require.Equal(t, 5000, share())
		g.set("3 alive httpPort=80")
		require.Equal(t, []string{"10.0.0.3:80"}, slices.Collect(maps.Keys(unique(picks(p, plain, 100)))), "alone it takes everything")
	})
}

func TestFailuresReachTheGroup(t *testing.T) {
	g := new(group).set("1 alive httpPort=80")
	pool(g, "", members.Options{}).Failed(id("1"), errors.New("refused"))
	require.Equal(t, []membership.ID{id("1")}, g.failed)
}

func TestPickingAllocatesNothing(t *testing.T) {
	g := &fixed{view: new(group).set("1 alive httpPort=80", "2 alive httpPort=80 port.mapping.8290=9", "3 alive httpPort=80").view}
	p := members.New("d", "", func(string) members.Group { return g }, members.Options{SlowStart: time.Second})
	tried := []membership.ID{id("1")}
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		p.Pick(plain, membership.ID{}, nil)
		p.Pick(plain, id("3"), nil)
		p.Pick(plain, membership.ID{}, tried)
		p.Named("forged")
	}))
}

// fixed never changes.
type fixed struct{ view membership.View }

func (f *fixed) View() membership.View              { return f.view }
func (f *fixed) ReportFailure(membership.ID, error) {}

func BenchmarkPick(b *testing.B) {
	var lines []string
	for c := range 100 {
		lines = append(lines, string(rune('!'+c))+" alive httpPort=80")
	}
	g := &fixed{view: new(group).set(lines...).view}
	p := members.New("d", "", func(string) members.Group { return g }, members.Options{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p.Pick(plain, membership.ID{}, nil)
		}
	})
}
