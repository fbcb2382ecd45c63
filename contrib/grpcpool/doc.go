// Package grpcpool lets gRPC clients go by a pool of members: a resolver that
// follows the pool, and a balancer that asks it for each call.
//
//	pool, err := upstream.New(group, upstream.Options{Port: "grpcPort", Policy: upstream.TwoChoices})
//	if err != nil {
//		return err
//	}
//	conn, err := grpc.NewClient(grpcpool.Target, append(grpcpool.Options(pool), credentials)...)
//
// Who gets a call is the pool's choice among the members that are connected;
// how calls end is told to the pool, so that failing members are passed over and
// the group looks at them at once. A process that starts again at an address is
// connected to at once, without waiting for the backoff of the one before.
//
// A member that leaves is taken out before Leave returns at its side. Calls under
// way go on: HTTP/2 tells which of them a server that stops has not begun
// (GracefulStop sends GOAWAY), and gRPC repeats only those.
//
// It is a module of its own, so that the library does not require gRPC.
package grpcpool
