package membership

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
	"github.com/gotribes/tribes/wka"
)

// A bubble is a network in memory, in virtual time.
type bubble struct {
	*testing.T
	net *memnet.Network
	log *lines
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, f func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(&bubble{T: t, net: memnet.New(), log: &lines{}})
	})
}

// ip names the hosts of a bubble, addr their addresses.
func ip(host int) string   { return fmt.Sprintf("10.0.0.%d", host) }
func addr(host int) string { return ip(host) + ":4000" }

// config is that of a node of domain "d" at a host, which looks for others at
// host 1.
func (b *bubble) config(host int, changes ...func(c *Config)) Config {
	b.Helper()
	ln, err := b.net.Listen(addr(host))
	require.NoError(b, err)
	c := Config{
		Domain: "d", WellKnown: wka.List{addr(1)},
		Listener: ln, Dial: b.net.Host(ip(host)).DialContext,
		Logger: b.log.logger(),
	}
	for _, change := range changes {
		change(&c)
	}
	return c
}

// start starts a node that is closed when the test ends.
func (b *bubble) start(host int, changes ...func(c *Config)) *Node {
	b.Helper()
	n, err := Start(b.config(host, changes...))
	require.NoError(b, err)
	b.Cleanup(func() { _ = n.Close() })
	return n
}

// join starts a node and waits until it is part of its group.
func (b *bubble) join(host int, changes ...func(c *Config)) *Node {
	b.Helper()
	n := b.start(host, changes...)
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
	defer cancel()
	require.NoError(b, n.Joined(ctx))
	return n
}

// group starts nodes at hosts 1 to n and lets them find each other.
func (b *bubble) group(n int) []*Node {
	b.Helper()
	var all []*Node
	for i := range n {
		all = append(all, b.start(i+1))
	}
	b.pass(3 * time.Second)
	for _, x := range all {
		require.Equal(b, n, x.Own().View().Len())
	}
	return all
}

// pass lets time pass and everybody finish what is to be done until then.
func (b *bubble) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// crash ends a node as kill -9 would, as seen from the others.
func (b *bubble) crash(n *Node) {
	b.net.Crash(n.Self().Address)
	_ = n.Close()
}

// A lines is a log to be searched.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// logger writes to l.
func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// having returns the lines that hold all of parts.
func (l *lines) having(parts ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for line := range strings.Lines(l.buf.String()) {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
			out = append(out, line)
		}
	}
	return out
}

// addresses lists who is in a view.
func addresses(v View) []string {
	var out []string
	for m := range v.All() {
		out = append(out, m.Address)
	}
	return out
}

// A follower keeps what a subscription has said.
type follower struct {
	mu      sync.Mutex
	changes []Change
	folded  map[ID]Member
	wrong   string // the first thing that did not add up
	ended   chan struct{}
}

// follow subscribes until the test or the node ends. body runs in the loop.
func (b *bubble) follow(g *Group, body func(c Change)) *follower {
	f := &follower{folded: map[ID]Member{}, ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		for c := range g.Changes(b.Context()) {
			f.take(c)
			if body != nil {
				body(c)
			}
		}
	}()
	synctest.Wait()
	return f
}

func (f *follower) take(c Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.changes) > 0 && c.View.Number() <= f.changes[len(f.changes)-1].View.Number() {
		f.complain("view %d after view %d", c.View.Number(), f.changes[len(f.changes)-1].View.Number())
	}
	f.changes = append(f.changes, c)
	for _, e := range c.Events {
		_, there := f.folded[e.Member.ID]
		switch e.Kind {
		case MemberAdded:
			if there {
				f.complain("added twice: %v", e)
			}
			f.folded[e.Member.ID] = e.Member
		case MemberRemoved:
			if !there {
				f.complain("removed but not there: %v", e)
			}
			delete(f.folded, e.Member.ID)
		case Isolated, Rejoined:
		default:
			if !there {
				f.complain("not there: %v", e)
			}
			f.folded[e.Member.ID] = e.Member
		}
	}
	at := map[string]bool{}
	for m := range c.View.All() {
		g, ok := f.folded[m.ID]
		if !ok || !g.same(&m) {
			f.complain("view %d shows %v, the events add up to %v", c.View.Number(), m, g)
		}
		if at[m.Address] {
			f.complain("view %d has %s twice", c.View.Number(), m.Address)
		}
		at[m.Address] = true
	}
	if len(f.folded) != c.View.Len() {
		f.complain("view %d has %d members, the events add up to %d", c.View.Number(), c.View.Len(), len(f.folded))
	}
}

func (f *follower) complain(format string, args ...any) {
	if f.wrong == "" {
		f.wrong = fmt.Sprintf(format, args...)
	}
}

// events lists what was said since the last call, in words.
func (f *follower) events() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, c := range f.changes {
		for _, e := range c.Events {
			out = append(out, e.String())
		}
	}
	return out
}

// news forgets what was said so far and lets f begin anew.
func (f *follower) news() []Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := slices.Clone(f.changes)
	f.changes = f.changes[max(0, len(f.changes)-1):]
	return out
}

// sound fails the test if the events did not add up to the views.
func (f *follower) sound(t testing.TB) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Empty(t, f.wrong)
}

// listenLoopback listens on a free port.
func listenLoopback(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return ln
}
