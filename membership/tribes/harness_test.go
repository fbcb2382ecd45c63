package tribes

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport/memnet"
	wire "github.com/gotribes/tribes/transport/tribes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A site is a network of nodes in a bubble. The host of process n is 10.0.0.n.
type site struct {
	*testing.T
	net *memnet.Network
}

func inSite(t *testing.T, f func(s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(&site{t, memnet.New()}) })
}

func at(n int) string { return fmt.Sprintf("10.0.0.%d:4000", n) }

func host(n int) string { return fmt.Sprintf("10.0.0.%d", n) }

func peersAt(list ...int) []Peer {
	var out []Peer
	for _, n := range list {
		out = append(out, Peer{Address: at(n)})
	}
	return out
}

// A trace is what a subscriber has seen, event by event.
type trace struct {
	mu    sync.Mutex
	lines []string
}

func (r *trace) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

func (r *trace) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.lines
	r.lines = nil
	return out
}

// join starts process n and follows its own group.
func (s *site) join(n int, cfg Config) (*Node, *trace) {
	s.Helper()
	node := s.start(n, cfg)
	return node, s.follow(node.Own())
}

func (s *site) start(n int, cfg Config) *Node {
	s.Helper()
	listener, err := s.net.Listen(at(n))
	require.NoError(s, err)
	cfg.Advertise, cfg.Listener, cfg.Dial = at(n), listener, s.net.Host(host(n)).DialContext
	node, err := Join(s.Context(), cfg)
	require.NoError(s, err)
	s.Cleanup(func() { node.Close() })
	return node
}

func (s *site) follow(g *Group) *trace {
	r := &trace{}
	go func() {
		for e := range g.Events(context.Background()) {
			r.add(strings.ReplaceAll(e.String(), ":4000", ""))
		}
	}()
	return r
}

// pass lets a virtual time pass.
func (s *site) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wants waits a virtual time and compares what has happened in it.
func (s *site) wants(why string, d time.Duration, r *trace, lines ...string) {
	s.Helper()
	time.Sleep(d)
	synctest.Wait()
	got := r.take()
	for i, l := range lines {
		lines[i] = strings.ReplaceAll(l, "#", "10.0.0.")
	}
	slices.Sort(got)
	slices.Sort(lines)
	require.Equal(s, lines, got, why)
}

// logs collects log lines.
type logs struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logs) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func idAt(n int) membership.ID { return IDOf(netip.MustParseAddrPort(at(n)), wire.UID{}) }
