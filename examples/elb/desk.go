package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/gotribes/tribes/examples/internal/admin"
	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/traffic"
	"github.com/gotribes/tribes/membership"
)

// A desk is what an operator sees: pages, metrics, readiness, logs.
type desk struct {
	s      *settings
	node   *cluster
	logger *slog.Logger

	joined, ending atomic.Bool
	site           *admin.Site   // nil without -admin
	traffic        *traffic.Book // the same
	metrics        *metrics      // the same
	members        atomic.Pointer[directory]
}

// newDesk makes one. open has it answer.
func newDesk(s *settings, node *cluster, logger *slog.Logger) *desk {
	d := &desk{s: s, node: node, logger: logger}
	if s.admin == "" {
		return d
	}
	d.traffic = &traffic.Book{}
	d.metrics = newMetrics(s, node)
	d.site = admin.New(admin.Options{
		Self:     node.self,
		Cluster:  s.cluster,
		Traffic:  d.traffic,
		Ready:    d.ready,
		Alive:    d.alive,
		Local:    isLoopback(s.admin),
		Profiles: s.profiles,
		Metrics:  d.metrics.handler(logger),
		Members: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d.members.Load().ServeHTTP(w, r) // there before anything is answered
		}),
	})
	d.metrics.viewers(d.site.Streams)
	return d
}

// isLoopback tells whether only this machine can reach an address.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// over is what is done with each request that is over; nil is nothing.
func (d *desk) over(stderr io.Writer) func(*gateway.Record) {
	log := accessLog(d.s.accessLog, stderr)
	switch {
	case d.site == nil:
		return log
	case log == nil:
		log = func(*gateway.Record) {}
	}
	return func(r *gateway.Record) {
		d.metrics.over(r)
		if r.Domain != "" {
			d.traffic.Count(r.Domain, r.Member, isError(r), r.FirstByte)
		}
		log(r)
	}
}

// isError tells what is shown as an error: an answer from 500 on, whoever gave it,
// and one that broke off.
func isError(r *gateway.Record) bool { return r.Fault || r.Status >= 500 }

// follower is what is done with each group; nil is nothing.
func (d *desk) follower(events *eventlog.Writer) func(group) {
	if d.site == nil && events == nil {
		return nil
	}
	return func(g group) {
		// Ends with the node and not with the program's context, so that what
		// happens while it leaves is shown too.
		ctx := context.Background()
		tell := func(c membership.Change) {
			events.Change(c, d.node.self().ID)
			if d.metrics != nil {
				d.metrics.tribes.Count(c)
			}
		}
		if d.site != nil {
			d.site.Follow(ctx, g, tell)
			return
		}
		for c := range g.Changes(ctx) {
			tell(c)
		}
	}
}

// open begins to answer.
func (d *desk) open(b *balancer, dir *directory, doors *doors) {
	if d.site == nil {
		return
	}
	d.members.Store(dir)
	d.metrics.watch(b, dir)
	if !isLoopback(d.s.admin) {
		d.logger.Warn("the admin address is not on loopback: whoever reaches it can read there, though change nothing",
			"address", doors.admin.Addr())
	}
	doors.admin.Serve(d.site.Handler())
}

// close ends what would go on for as long as somebody looks.
func (d *desk) close() {
	if d.site != nil {
		d.site.Close()
	}
}

// alive says why the node has ended.
func (d *desk) alive() error {
	select {
	case <-d.node.done:
		return d.node.err()
	default:
		return nil
	}
}

// ready says why no requests should come yet, or any more.
func (d *desk) ready() error {
	if err := d.alive(); err != nil {
		return fmt.Errorf("the node has ended: %w", err)
	}
	switch {
	case d.ending.Load():
		return errors.New("the balancer is ending")
	case !d.joined.Load():
		return errors.New("the balancer has not met its group yet")
	case d.s.readyMembers && !d.somebody():
		return errors.New("no domain has a member that takes requests")
	}
	return nil
}

// somebody tells whether a domain to balance has a member that takes requests.
func (d *desk) somebody() bool {
	dir := d.members.Load()
	if dir == nil {
		return false
	}
	own := d.node.self().Domain
	for _, g := range dir.groups() {
		if g.Domain() == own && d.s.tribes == "" { // among Java members the domain is the balancer's own
			continue
		}
		for m := range g.View().All() {
			if m.State <= membership.Suspect && m.ID != d.node.self().ID {
				return true
			}
		}
	}
	return false
}
