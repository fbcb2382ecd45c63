package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/inspect"
	"github.com/gotribes/tribes/transport"
)

// A finding is one thing that is wrong, and its exit status.
type finding struct {
	Code                int
	Asked, What, Remedy string
}

// Error tells what and the remedy.
func (f *finding) Error() string { return f.What + "\n  " + f.Remedy }

// doctor examines each address and returns the first finding.
func (s *settings) doctor(ctx context.Context, out io.Writer) error {
	var first error
	for _, address := range s.wellKnown {
		f := s.examine(ctx, address)
		if f == nil {
			f = &finding{Asked: address, What: "all is well"}
		} else if f.Asked = address; first == nil {
			first = f
		}
		if s.json {
			_ = json.NewEncoder(out).Encode(f)
			continue
		}
		fmt.Fprintf(out, "%s: %s\n", address, plain(f.What))
		if f.Remedy != "" {
			fmt.Fprintf(out, "  %s\n", plain(f.Remedy))
		}
	}
	return first
}

func (s *settings) examine(ctx context.Context, address string) *finding {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	host, _, _ := net.SplitHostPort(address)
	if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
		return &finding{Code: 10, What: "the name does not resolve: " + err.Error(),
			Remedy: "correct the name in -wka, or the name server's entry"}
	}
	var connected atomic.Bool
	cfg := s.asking()
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		connected.Store(err == nil)
		return conn, err
	}
	c, err := inspect.Dial(ctx, cfg, address)
	if err != nil {
		return s.failed(ctx, address, err, connected.Load())
	}
	defer c.Close()
	node := c.Node()
	if s.drop < 4*node.HeartbeatInterval || node.DropTime < 4*s.heartbeat {
		return &finding{Code: 17, What: fmt.Sprintf("settings do not agree: heartbeat %v and drop time %v there, %v and %v here",
			node.HeartbeatInterval, node.DropTime, s.heartbeat, s.drop),
			Remedy: "give both sides the same; each drop time must be at least 4 times the other's heartbeat interval"}
	}
	if s.domain != "" {
		if _, err := c.View(ctx, s.domain, 0); err != nil {
			return s.unserved(err)
		}
	}
	if s.advertise != "" {
		return s.dialBack(ctx, c)
	}
	return nil
}

func (s *settings) unserved(err error) *finding {
	if errors.Is(err, inspect.ErrNotServed) {
		return &finding{Code: 18, What: err.Error(),
			Remedy: "ask another address, correct -domain, or have the balancer there manage the domain"}
	}
	return &finding{Code: 1, What: err.Error(), Remedy: "try again"}
}

// failed sorts why there is no connection.
func (s *settings) failed(ctx context.Context, address string, err error, connected bool) *finding {
	if errors.Is(err, inspect.ErrTooOld) {
		return &finding{Code: 16, What: err.Error(), Remedy: "the node can be joined all the same; upgrade it to have it answer"}
	}
	if r, ok := errors.AsType[*transport.RefusedError](err); ok {
		switch r.Code {
		case transport.CodeVersion:
			return &finding{Code: 15, What: err.Error(), Remedy: "upgrade the older side"}
		case transport.CodeCluster:
			return &finding{Code: 13, What: err.Error(), Remedy: "set -cluster to the name there, or correct the address"}
		case transport.CodeKey:
			return s.unlocked(ctx, address, r)
		case transport.CodeBusy:
			return &finding{Code: 20, What: err.Error(), Remedy: "try again in a minute"}
		}
	}
	if connected {
		return &finding{Code: 12, What: "something else answers there: " + err.Error(),
			Remedy: "not a member port of this protocol (an HTTP port, or a Java member's?), or its process is stopped; correct the port"}
	}
	return &finding{Code: 11, What: "the port is not reachable: " + err.Error(),
		Remedy: "start the member there, correct the port, or have the firewall let TCP through to it"}
}

// dialBack listens where a node would, and has the asked node look.
func (s *settings) dialBack(ctx context.Context, c *inspect.Conn) *finding {
	bad := func(what, remedy string) *finding { return &finding{Code: 19, What: what, Remedy: remedy} }
	here := cmp.Or(s.listen, s.advertise)
	ln, err := net.Listen("tcp", here)
	if err != nil {
		return bad(fmt.Sprintf("cannot listen on %s: %v", here, err), "give an address of this machine whose port is free; "+
			"if -advertise leads here from outside (NAT, a mapped port), give -listen where that ends")
	}
	node := c.Node()
	e, err := transport.New(transport.Config{Cluster: node.Cluster, Keys: s.keys, TLS: s.tls, Advertise: s.advertise,
		HeartbeatInterval: node.HeartbeatInterval, DropTime: node.DropTime})
	if err != nil {
		_ = ln.Close()
		return bad(err.Error(), "correct the settings")
	}
	defer e.Close()
	go func() { _ = e.Serve(ln, func(l *transport.Link) { _ = l.Close() }) }()
	d, err := c.DialBack(ctx, s.advertise)
	switch {
	case errors.Is(err, inspect.ErrBusy):
		return &finding{Code: 20, What: err.Error(), Remedy: "try again in a few seconds"}
	case err != nil:
		return bad(err.Error(), "try again")
	case d.Failure == transport.FailureRejected && s.tls != nil && strings.Contains(d.Text, "certificate"):
		return s.rejected(d.Text)
	case d.Failure != transport.FailureNone:
		return bad(fmt.Sprintf("the asked node cannot dial %s back (%s after %v): %s",
			s.advertise, d.Failure, d.Took.Round(time.Millisecond), d.Text),
			"advertise an address that leads here from there, and have firewalls let TCP through both ways")
	case d.ID != membership.ID(e.ID()):
		return bad("another process answers at "+s.advertise+" as seen from there", "advertise an address of this machine alone")
	}
	return nil
}
