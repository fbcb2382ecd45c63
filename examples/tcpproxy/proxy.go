package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/gotribes/tribes/membership/upstream"
)

// connectionsMost bounds the connections at a time; further ones wait.
const connectionsMost = 4096

// A proxy joins connections of clients to connections to members.
type proxy struct {
	pool   *upstream.Pool
	logger *slog.Logger
	ctx    context.Context // ends when connections are cut off
	cancel context.CancelFunc
	seats  chan struct{}
	all    sync.WaitGroup
}

func newProxy(pool *upstream.Pool, logger *slog.Logger) *proxy {
	p := &proxy{pool: pool, logger: logger, seats: make(chan struct{}, connectionsMost)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// serve takes connections until the listener is closed, which is no error.
func (p *proxy) serve(l net.Listener) error {
	for {
		select {
		case p.seats <- struct{}{}:
		case <-p.ctx.Done():
			return nil
		}
		client, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		p.all.Go(func() {
			defer func() { <-p.seats }()
			defer client.Close()
			p.join(client)
		})
	}
}

// join dials a member and copies in both directions until both have ended. The
// end of one direction is passed on by itself, since many protocols go on in the
// other one.
func (p *proxy) join(client net.Conn) {
	server, member, err := p.pool.Dial(p.ctx, upstream.Want{})
	if err != nil {
		p.logger.Warn("connection not served", "client", client.RemoteAddr(), "error", err)
		return
	}
	defer server.Close()
	stop := context.AfterFunc(p.ctx, func() {
		client.Close()
		server.Close()
	})
	defer stop()
	p.logger.Debug("connection", "client", client.RemoteAddr(), "member", member.Address)
	var both sync.WaitGroup
	both.Go(func() { oneWay(server, client) })
	both.Go(func() { oneWay(client, server) })
	both.Wait()
}

// oneWay copies until the source ends, and ends the direction at the target. If
// the target takes no more, the source is told by the end of the whole.
func oneWay(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		to.Close()
		from.Close()
	}
}

// end lets connections end for a while, and cuts off what is left.
func (p *proxy) end(patience time.Duration) {
	timer := time.AfterFunc(patience, p.cancel)
	defer timer.Stop()
	p.all.Wait()
	p.cancel()
}
