package memnet

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"
)

// Host is one process at one host: a place that dials and listens. It ends
// with [Network.Crash] or [Network.PowerLoss] of its host; all it does later
// fails, so that the remains of a killed process, which still run in the test,
// cannot reach the network in the name of its successor.
type Host struct {
	net  *Network
	name string
	run  uint64
}

// Host returns the process that runs at the named host now. The name may also
// be a "host:port", of which the host counts. Hosts need not be declared.
func (n *Network) Host(name string) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.host(hostOf(name))
	return &Host{net: n, name: h.name, run: h.run}
}

// Name returns the host's name.
func (h *Host) Name() string { return h.name }

// Listen is as [Network.Listen], at this host: the host part of address may be
// empty or a wildcard, as in ":4000", else it must be this host's name.
func (h *Host) Listen(address string) (net.Listener, error) {
	at, err := parseAddr(address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: err}
	}
	if anyHost(at.host) {
		at.host = h.name
	}
	if at.host != h.name {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: at, Err: syscallError("bind", syscall.EADDRNOTAVAIL)}
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if h.net.host(h.name).run != h.run {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: at, Err: errKilled}
	}
	l, err := h.net.listen(at)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: at, Err: err}
	}
	return l, nil
}

// DialContext connects to address, "host:port" with a port from 1 to 65535;
// network is "tcp", "tcp4" or "tcp6". It takes one round trip of the latency
// between the two hosts. The error is a *net.OpError around ECONNREFUSED if
// nobody listens there or [Network.Refuse] says so, around ctx.Err() if ctx
// ends first, which it must for a dial into a black hole to return at all, and
// around ENETDOWN if this host has no power.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	fail := func(to net.Addr, err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: to, Err: err}
	}
	if err := checkNetwork(network); err != nil {
		return fail(nil, err)
	}
	to, err := parseAddr(address)
	if err != nil {
		return fail(nil, err)
	}
	if to.host == "" || to.port == 0 {
		return fail(nil, &net.AddrError{Err: "want a host and a port from 1 to 65535", Addr: address})
	}

	travelled := false // the round trip has been waited for
	for {
		if err := ctx.Err(); err != nil {
			return fail(to, err)
		}
		c, wait, trip, err := h.connect(to, travelled)
		switch {
		case err != nil:
			return fail(to, err)
		case c != nil:
			return c, nil
		case wait != nil:
			select {
			case <-wait:
			case <-ctx.Done():
			}
			travelled = false
		default:
			travelled = sleep(ctx, trip)
		}
	}
}

// connect makes the connection, or says what to wait for: a change of the
// network, or the round trip.
func (h *Host) connect(to Addr, travelled bool) (c *Conn, wait <-chan struct{}, trip time.Duration, err error) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()

	self, peer := n.host(h.name), n.host(to.host)
	if self.run != h.run {
		return nil, nil, 0, errKilled
	}
	if self.dark {
		return nil, nil, 0, syscallError("connect", syscall.ENETDOWN)
	}
	// The SYN or its answer is lost: as one cannot tell which, both hang.
	if self.stalled || !n.open(self, peer) || !n.open(peer, self) {
		return nil, n.nextChange(), 0, nil
	}
	if trip = n.delay(self, peer) + n.delay(peer, self); trip > 0 && !travelled {
		return nil, nil, trip, nil
	}
	l := n.listeners[to]
	if l == nil || n.faults.refuse[to.String()] || n.faults.refuse[to.host] {
		return nil, nil, 0, syscallError("connect", syscall.ECONNREFUSED)
	}
	if len(l.queue) >= Backlog {
		return nil, n.nextChange(), 0, nil
	}
	port := n.freePort(self)
	if port == 0 {
		return nil, nil, 0, fmt.Errorf("%w: all ports of host %q are listened on", syscallError("connect", syscall.EADDRNOTAVAIL), h.name)
	}

	n.serial++
	p := newPipe(n, n.serial, self, Addr{self.name, port}, peer, to)
	p.apply([2]path{n.path(self, peer), n.path(peer, self)}) // nobody else has p yet
	if n.pipes == nil {
		n.pipes = make(map[*pipe]struct{})
	}
	n.pipes[p] = struct{}{}
	l.queue = append(l.queue, &p.end[1])
	l.ready.Signal()
	return &p.end[0], nil, 0, nil
}

// sleep waits for d and tells whether it has passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
