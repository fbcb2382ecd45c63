package transport

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gotribes/tribes/transport/memnet"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logbook collects log lines.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.FieldsFunc(l.buf.String(), func(r rune) bool { return r == '\n' })
}

// node is an endpoint that serves at host:4000 of an in-memory network.
type node struct {
	*Endpoint
	address string
	links   chan *Link
	log     *logbook
	served  chan error
}

// bubble runs f in a synctest bubble with an in-memory network.
func bubble(t *testing.T, f func(t *testing.T, n *memnet.Network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, memnet.New()) })
}

func startNode(t *testing.T, n *memnet.Network, host string, change func(*Config)) *node {
	t.Helper()
	nd := &node{address: host + ":4000", links: make(chan *Link, 100), log: new(logbook), served: make(chan error, 1)}
	cfg := Config{
		Cluster: "test", Advertise: nd.address, Dial: n.Host(host).DialContext, Birth: birthOf(host),
		Logger:  slog.New(slog.NewTextHandler(nd.log, nil)),
		Domains: func() []Domain { return []Domain{{"shop", RoleMember}, {"mail", RoleManager}} },
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	nd.Endpoint, err = New(cfg)
	require.NoError(t, err)
	ln, err := n.Listen(nd.address)
	require.NoError(t, err)
	go func() { nd.served <- nd.Serve(ln, func(l *Link) { nd.links <- l }) }()
	t.Cleanup(func() { require.NoError(t, nd.Close()) })
	synctest.Wait()
	return nd
}

// birthOf stands for the hash of what a host says first.
func birthOf(host string) Birth { return sha256.Sum256([]byte(host)) }

// end is one end of a started link.
type end struct {
	*Link
	got  chan string
	down chan error
}

func start(l *Link) *end {
	e := &end{Link: l, got: make(chan string, 10000), down: make(chan error, 1)}
	l.Start(func(p []byte) error { e.got <- string(p); return nil }, func(err error) { e.down <- err })
	return e
}

// linked returns the two ends of a link from a to b.
func linked(t *testing.T, a, b *node) (*end, *end) {
	t.Helper()
	l, err := a.Dial(t.Context(), b.address, ID{})
	require.NoError(t, err)
	return start(l), start(<-b.links)
}

// loopback returns two endpoints linked over real TCP.
func loopback(t testing.TB, change func(*Config)) (a, b *Link) {
	t.Helper()
	links := make(chan *Link, 1)
	eps := make([]*Endpoint, 2)
	for i := range eps {
		cfg := Config{}
		if change != nil {
			change(&cfg)
		}
		var err error
		eps[i], err = New(cfg)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, eps[i].Close()) })
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = eps[1].Serve(ln, func(l *Link) { links <- l }) }()
	a, err = eps[0].Dial(context.Background(), ln.Addr().String(), ID{})
	require.NoError(t, err)
	return a, <-links
}

// within fails the test unless c yields in time; for tests with real sockets.
func within[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came within 20 s")
		panic("not reached")
	}
}

// listenLoopback listens on a free port.
func listenLoopback(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return ln
}
