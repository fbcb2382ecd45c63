package grpcpool

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"

	"github.com/gotribes/tribes/membership/upstream"
)

const (
	scheme = "tribes"
	// Target is what to give to grpc.NewClient along with Options.
	Target = scheme + ":///members"
)

// Options returns what makes a client go by a pool. The pool is the caller's to
// close, after the client.
func Options(pool *upstream.Pool) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithResolvers(builder{pool}),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"` + balancerName + `": {}}]}`),
	}
}

type builder struct{ pool *upstream.Pool }

// Scheme is that of Target.
func (builder) Scheme() string { return scheme }

// Build starts a resolver.
func (b builder) Build(_ resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	r := &follower{pool: b.pool, cc: cc, end: make(chan struct{}), ended: make(chan struct{})}
	go r.run()
	return r, nil
}

// A follower hands the pool's servers to gRPC, each time that they change.
type follower struct {
	pool       *upstream.Pool
	cc         resolver.ClientConn
	end, ended chan struct{}
}

func (r *follower) run() {
	defer close(r.ended)
	for {
		servers, stale := r.pool.Servers()
		state := resolver.State{}
		for _, s := range servers {
			state.Addresses = append(state.Addresses, resolver.Address{
				Addr: s.Address,
				// Another run of a process is another connection.
				Attributes: attributes.New(runKey{}, s.Member.ID).WithValue(poolKey{}, r.pool),
			})
		}
		// An error means that the balancer has no use for the state, as for one without
		// servers; calls then fail with what it says, until the next.
		_ = r.cc.UpdateState(state)
		select {
		case <-stale:
		case <-r.end:
			return
		}
	}
}

// ResolveNow does nothing: the pool knows of changes by itself.
func (r *follower) ResolveNow(resolver.ResolveNowOptions) {}

// Close ends the resolver.
func (r *follower) Close() {
	close(r.end)
	<-r.ended
}

type (
	runKey  struct{}
	poolKey struct{}
)
