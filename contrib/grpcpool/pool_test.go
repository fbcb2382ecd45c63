package grpcpool_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gotribes/tribes/contrib/grpcpool"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
	"github.com/gotribes/tribes/wka"
)

// named is a service with one method, which says who answers.
func named(name string) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "test.Named", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Who", Handler: func(
			_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
		) (any, error) {
			if err := decode(new(emptypb.Empty)); err != nil {
				return nil, err
			}
			if name == "refuses" {
				return nil, status.Error(codes.PermissionDenied, "not you")
			}
			return wrapperspb.String(name), nil
		}}},
	}
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A member is a node with a gRPC server.
type member struct {
	node   *membership.Node
	server *grpc.Server
	at     string
	ended  chan struct{}
}

// start starts a member and waits until the balancer has it.
func start(t *testing.T, name, balancer, at string) *member {
	t.Helper()
	l := listen(t, at)
	m := &member{server: grpc.NewServer(), at: l.Addr().String(), ended: make(chan struct{})}
	m.server.RegisterService(named(name), nil)
	go func() {
		defer close(m.ended)
		_ = m.server.Serve(l) // ends with the server
	}()
	_, port, err := net.SplitHostPort(m.at)
	if err != nil {
		t.Fatal(err)
	}
	m.node, err = membership.Start(membership.Config{
		Name: name, Domain: "d", Listener: listen(t, "127.0.0.1:0"), WellKnown: wka.List{balancer},
		Properties: map[string]string{"grpcPort": port},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.kill)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if _, err := m.node.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *member) kill() {
	m.node.Close()
	m.server.Stop()
	<-m.ended
}

// A site is a balancer with a client that goes by its pool.
type site struct {
	t        *testing.T
	balancer string
	pool     *upstream.Pool
	conn     *grpc.ClientConn
}

func newSite(t *testing.T) *site {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	lb, err := membership.Start(membership.Config{
		Domain: "lb", Manage: []string{"d"}, Listener: l, WellKnown: wka.List{l.Addr().String()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lb.Close() })
	group, _ := lb.Group("d")
	pool, err := upstream.New(group, upstream.Options{Port: "grpcPort"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	options := append(grpcpool.Options(pool), grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient(grpcpool.Target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &site{t, l.Addr().String(), pool, conn}
}

// who calls, and waits for a connection if there is none.
func (s *site) who() (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 15*time.Second)
	defer cancel()
	var out wrapperspb.StringValue
	err := s.conn.Invoke(ctx, "/test.Named/Who", new(emptypb.Empty), &out, grpc.WaitForReady(true))
	return out.Value, err
}

// until calls until so many answer, and no others.
func (s *site) until(names ...string) {
	s.t.Helper()
	end := time.Now().Add(15 * time.Second)
	var seen map[string]int
	for time.Now().Before(end) {
		seen = map[string]int{}
		for range 4 * len(names) {
			name, err := s.who()
			if err == nil {
				seen[name]++
			}
		}
		same := len(seen) == len(names)
		for _, name := range names {
			same = same && seen[name] > 0
		}
		if same {
			return
		}
	}
	s.t.Fatalf("want answers of %v, got %v", names, seen)
}

func TestCallsGoToAllMembers(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"a", "b", "c"} {
		start(t, name, s.balancer, "127.0.0.1:0")
	}
	s.until("a", "b", "c")
	for _, m := range s.pool.Stats().Members {
		if m.InFlight != 0 || m.Waiting != 0 || m.Succeeded == 0 {
			t.Errorf("the calls of %s are not in the counts: %+v", m.Address, m)
		}
	}
}

func TestKilledMemberIsReplacedAtItsAddress(t *testing.T) {
	s := newSite(t)
	a, b := start(t, "a", s.balancer, "127.0.0.1:0"), start(t, "b", s.balancer, "127.0.0.1:0")
	s.until("a", "b")
	a.kill()
	s.until("b")
	began := time.Now()
	start(t, "again", s.balancer, a.at)
	s.until("again", "b")
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("another process at the address was used after %v only", d)
	}
	b.kill()
	s.until("again")
}

func TestNoCallFailsWhileMembersLeave(t *testing.T) {
	s := newSite(t)
	start(t, "stays", s.balancer, "127.0.0.1:0")
	s.until("stays")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex // for calls and errs
	calls := 0
	var errs []error
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, err := s.who()
				mu.Lock()
				calls++
				if err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	for range 5 {
		m := start(t, "goes", s.balancer, "127.0.0.1:0")
		until := time.Now().Add(10 * time.Second)
		for name := ""; name != "goes" && time.Now().Before(until); {
			name, _ = s.who()
		}
		report, err := m.node.Leave(t.Context())
		if err != nil || len(report.Confirmed) != 1 {
			t.Fatal(report, err)
		}
		m.server.GracefulStop()
	}
	cancel()
	wg.Wait()
	if len(errs) > 0 {
		t.Fatalf("%d of %d calls failed, the first with %v", len(errs), calls, errs[0])
	}
	t.Logf("%d calls, none failed", calls)
}

func TestErrorsOfTheApplicationAreAnswers(t *testing.T) {
	s := newSite(t)
	start(t, "refuses", s.balancer, "127.0.0.1:0")
	for range 10 {
		if _, err := s.who(); status.Code(err) != codes.PermissionDenied {
			t.Fatal(err)
		}
	}
	if m := s.pool.Stats().Members[0]; m.Share != 1 || m.Succeeded != 10 {
		t.Errorf("%+v", m)
	}
}

func TestNobodyIsUnavailable(t *testing.T) {
	s := newSite(t)
	var out wrapperspb.StringValue
	err := s.conn.Invoke(t.Context(), "/test.Named/Who", new(emptypb.Empty), &out)
	if status.Code(err) != codes.Unavailable {
		t.Fatal(err)
	}
}
