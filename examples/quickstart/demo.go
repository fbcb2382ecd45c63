package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/gotribes/tribes/examples/internal/balance"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
	"github.com/gotribes/tribes/transport"
	"github.com/gotribes/tribes/wka"
)

// The domains of the original set-up.
const (
	lbDomain = "wso2.carbon.lb.domain"
	isDomain = "wso2.is.domain"
)

// A process stands for what would be a program of its own: a node, and what it
// serves over HTTP.
type process struct {
	name string
	node *membership.Node
	web  *program.HTTPServer
}

// kill ends it as kill -9 would: nobody is told.
func (p *process) kill() {
	p.node.Close()
	p.web.Close()
}

// A demo is a balancer with two nodes behind it.
type demo struct {
	balancer *process
	nodes    []*process
	group    *membership.Group // of the nodes, as the balancer sees it
	pools    *balance.Pools
	proxy    *balance.Proxy
	show     *screen
	watching sync.WaitGroup // goroutines that show events; they end with their node
}

// start starts everything and waits for nothing. What was started before an
// error is ended.
func start(where places, show *screen, logger *slog.Logger) (_ *demo, err error) {
	d := &demo{show: show}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	keys := []transport.Key{transport.NewKey()} // of this demonstration alone
	cfg := membership.Config{Name: "balancer", Domain: lbDomain, Manage: []string{isDomain}, Keys: keys}
	d.balancer, err = d.run(cfg, where.member, where.http, "", logger)
	if err != nil {
		return nil, err
	}
	d.group, _ = d.balancer.node.Group(isDomain) // it manages that domain
	everyHost := func(string) (string, bool) { return isDomain, true }
	d.pools = balance.NewPools(d.balancer.node, upstream.Options{})
	d.watching.Go(d.pools.Run)
	d.proxy = balance.New(everyHost, d.pools.Find, logger)
	d.balancer.web.Serve(d.proxy)
	d.watch("balancer", d.group)

	wellKnown := d.balancer.node.Self().Address
	for i, p := range where.nodes {
		cfg := membership.Config{Name: fmt.Sprintf("node-%d", i+1), Domain: isDomain, Keys: keys}
		n, err := d.run(cfg, p.member, p.http, wellKnown, logger)
		if err != nil {
			return nil, err
		}
		d.nodes = append(d.nodes, n)
		n.web.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, cfg.Name+"\n") }))
		d.watch(cfg.Name, n.node.Own())
	}
	return d, nil
}

// run starts one process. Without a well-known address it is that itself.
func (d *demo) run(cfg membership.Config, member, web, wellKnown string, logger *slog.Logger) (*process, error) {
	listener, err := net.Listen("tcp", member)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Name, err)
	}
	server, err := program.Listen("http", web)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("%s: %w", cfg.Name, err)
	}
	if wellKnown == "" {
		wellKnown = listener.Addr().String()
	}
	cfg.Listener = listener // the node's from here on, whatever comes
	cfg.WellKnown = wka.List{wellKnown}
	cfg.Properties = map[string]string{balance.PortProperty: server.Port()}
	cfg.Logger = logger.With("node", cfg.Name)
	node, err := membership.Start(cfg)
	if err != nil {
		server.Close()
		return nil, fmt.Errorf("%s: %w", cfg.Name, err)
	}
	return &process{name: cfg.Name, node: node, web: server}, nil
}

// watch shows the events of a group until its node has ended.
func (d *demo) watch(who string, g *membership.Group) {
	d.watching.Go(func() {
		for c := range g.Changes(context.Background()) {
			d.show.change(who, c)
		}
	})
}

// ready waits until every node has joined and the balancer sends it requests.
func (d *demo) ready(ctx context.Context) error {
	for _, n := range d.nodes {
		if err := n.node.Joined(ctx); err != nil {
			return err
		}
		if _, err := n.node.Ready(ctx); err != nil {
			return err
		}
	}
	// The pool is made of the view, if it was not there yet to confirm.
	for v := d.group.View(); v.Len() < len(d.nodes); v = d.group.View() {
		select {
		case <-v.Stale():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// leave ends everything in good order: the nodes first, as nobody sends them
// anything afterwards, then the balancer.
func (d *demo) leave(logger *slog.Logger) {
	for _, n := range append(d.nodes, d.balancer) {
		program.Leave(n.node, logger)
		n.web.Shutdown()
	}
}

// close ends everything at once. It may follow leave.
func (d *demo) close() {
	for _, n := range append(d.nodes, d.balancer) {
		if n != nil {
			n.kill()
		}
	}
	if d.proxy != nil {
		d.proxy.Close()
		d.pools.Close()
	}
	d.watching.Wait()
}
