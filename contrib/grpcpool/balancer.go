package grpcpool

import (
	"errors"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/gotribes/tribes/membership/upstream"
)

const balancerName = "tribes_pool"

func init() {
	balancer.Register(hook{base.NewBalancerBuilder(balancerName, pickers{}, base.Config{HealthCheck: true})})
}

// A hook makes gRPC's own balancer for connections, and listens to what becomes
// of them.
type hook struct{ balancer.Builder }

// Build makes a balancer.
func (h hook) Build(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
	return h.Builder.Build(&listening{cc}, o)
}

// listening tells the pool of connects that fail.
type listening struct{ balancer.ClientConn }

// NewSubConn makes a connection.
func (l *listening) NewSubConn(addresses []resolver.Address, o balancer.NewSubConnOptions) (balancer.SubConn, error) {
	next := o.StateListener
	o.StateListener = func(s balancer.SubConnState) {
		if s.ConnectivityState == connectivity.TransientFailure && len(addresses) == 1 {
			unreachable(addresses[0], s.ConnectionError)
		}
		next(s)
	}
	//lint:ignore SA1019 there is no other way yet; what is deprecated is more than one address for each
	return l.ClientConn.NewSubConn(addresses, o)
}

func poolOf(a resolver.Address) *upstream.Pool {
	pool, _ := a.Attributes.Value(poolKey{}).(*upstream.Pool)
	return pool
}

// unreachable has the pool pass over a server for a while.
func unreachable(a resolver.Address, err error) {
	pool := poolOf(a)
	if pool == nil {
		return
	}
	k, none := pool.Pick(upstream.Want{Only: func(address string) bool { return address == a.Addr }})
	if none == nil {
		k.Done(upstream.Unreachable, err)
	}
}

// pickers makes a picker each time that connections change.
type pickers struct{}

// Build makes a picker of the connections that are ready.
func (pickers) Build(info base.PickerBuildInfo) balancer.Picker {
	p := &picker{ready: make(map[string]balancer.SubConn, len(info.ReadySCs))}
	for conn, i := range info.ReadySCs {
		p.ready[i.Address.Addr], p.pool = conn, poolOf(i.Address)
	}
	if p.pool == nil {
		return base.NewErrPicker(balancer.ErrNoSubConnAvailable)
	}
	p.want.Only = func(address string) bool { return p.ready[address] != nil }
	return p
}

// A picker asks the pool for each call.
type picker struct {
	pool  *upstream.Pool
	ready map[string]balancer.SubConn
	want  upstream.Want
}

// Pick picks a connection. If the pool has nobody who is connected, the call
// waits for the next picker.
func (p *picker) Pick(i balancer.PickInfo) (balancer.PickResult, error) {
	want := p.want
	want.Key = i.FullMethodName
	k, err := p.pool.Pick(want)
	if err != nil {
		if errors.Is(err, upstream.ErrClosed) {
			return balancer.PickResult{}, status.Error(codes.Unavailable, err.Error())
		}
		return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
	}
	k.Answered() // a server that stops says itself what it has not begun; see the package comment
	return balancer.PickResult{
		SubConn: p.ready[k.Address()],
		Done:    func(d balancer.DoneInfo) { k.Done(outcome(d.Err), d.Err) },
	}, nil
}

// outcome says what a call's end tells of its server. Errors of the application
// are answers like any other.
func outcome(err error) upstream.Outcome {
	switch status.Code(err) {
	case codes.Unavailable:
		return upstream.Broken
	case codes.Canceled, codes.DeadlineExceeded:
		return upstream.Abandoned
	}
	return upstream.Succeeded
}
