package memnet

import (
	"cmp"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// Window is how many bytes one direction of a connection holds between
	// the writer and the reader, in bytes. A Write that finds it full waits.
	Window = 64 << 10

	// Backlog is how many connections a listener holds that nobody has
	// accepted yet. Further dials hang until there is room.
	Backlog = 128

	// The ports that are given out for port 0 and for the dialling side.
	firstPort = 32768
	lastPort  = 60999
)

// Network is a set of hosts that can reach each other until told otherwise.
// The zero value is ready to use; it must not be copied after first use.
type Network struct {
	// mu guards all below, and is taken before a pipe's own lock, never after.
	// Nothing waits while it is held, except Accept, by a sync.Cond on it.
	mu        sync.Mutex
	hosts     map[string]*host
	listeners map[Addr]*listener
	pipes     map[*pipe]struct{}
	serial    uint64 // of the last pipe made; gives pipes an order
	faults    faults
	changed   chan struct{} // closed at the next change; made by who waits for it

	tap atomic.Pointer[func(from, to string, b []byte)]
}

// host is what the network keeps of one host.
type host struct {
	name     string
	run      uint64 // grows when the process is killed; a Host of an old run is dead
	stalled  bool
	dark     bool // without power
	lastPort int  // the last port given out
}

// New returns an empty network, the same as new(Network).
func New() *Network { return new(Network) }

// Listen listens at address, "host:port" with any host name and a port from 0
// to 65535; 0 picks a free one. It fails with EADDRINUSE if somebody listens
// there, EADDRNOTAVAIL if the host is empty or a wildcard (use [Host.Listen]
// for ":4000"), and ENETDOWN while the host has no power.
func (n *Network) Listen(address string) (net.Listener, error) {
	at, err := parseAddr(address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: err}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	l, err := n.listen(at)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: at, Err: err}
	}
	return l, nil
}

// Tap has f called for every Write on the network, with the addresses of both
// ends and the bytes, before any of them can be read at the other end. Bytes of
// one direction of one connection come in their order. f runs in the writer's
// goroutine, outside all locks, and must not keep or change b. A Write that
// fails may have been tapped in full. Only one tap is active at a time; nil
// removes it.
func (n *Network) Tap(f func(from, to string, b []byte)) {
	if f == nil {
		n.tap.Store(nil)
		return
	}
	n.tap.Store(&f)
}

// host returns the record of a host, made at its first mention. Needs n.mu.
func (n *Network) host(name string) *host {
	h := n.hosts[name]
	if h == nil {
		if n.hosts == nil {
			n.hosts = make(map[string]*host)
		}
		h = &host{name: name, lastPort: firstPort - 1}
		n.hosts[name] = h
	}
	return h
}

// listen makes the listener. Needs n.mu.
func (n *Network) listen(at Addr) (*listener, error) {
	if anyHost(at.host) {
		return nil, syscallError("bind", syscall.EADDRNOTAVAIL)
	}
	h := n.host(at.host)
	if h.dark {
		return nil, syscallError("bind", syscall.ENETDOWN)
	}
	if at.port == 0 {
		if at.port = n.freePort(h); at.port == 0 {
			return nil, syscallError("bind", syscall.EADDRINUSE)
		}
	}
	if n.listeners[at] != nil {
		return nil, syscallError("bind", syscall.EADDRINUSE)
	}
	l := &listener{net: n, host: h, at: at}
	l.ready.L = &n.mu
	if n.listeners == nil {
		n.listeners = make(map[Addr]*listener)
	}
	n.listeners[at] = l
	n.announce()
	return l, nil
}

// freePort gives the next port of h that nobody listens on, or 0 when all are
// taken. Needs n.mu.
func (n *Network) freePort(h *host) int {
	for range lastPort - firstPort + 1 {
		h.lastPort++
		if h.lastPort > lastPort {
			h.lastPort = firstPort
		}
		if n.listeners[Addr{h.name, h.lastPort}] == nil {
			return h.lastPort
		}
	}
	return 0
}

// announce wakes the dials that wait for a change. Needs n.mu.
func (n *Network) announce() {
	if n.changed != nil {
		close(n.changed)
		n.changed = nil
	}
}

// nextChange gives the channel that the next announce closes. It is made by
// the waiter, so that it belongs to the waiter's bubble. Needs n.mu.
func (n *Network) nextChange() <-chan struct{} {
	if n.changed == nil {
		n.changed = make(chan struct{})
	}
	return n.changed
}

// selectPipes gives the pipes that match, oldest first: the order in which a
// fault reaches connections is not left to a map. Needs n.mu.
func (n *Network) selectPipes(match func(*pipe) bool) []*pipe {
	var found []*pipe
	for p := range n.pipes {
		if match(p) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(p, q *pipe) int { return cmp.Compare(p.serial, q.serial) })
	return found
}

// refresh tells a pipe what the network between its ends is like now. Needs
// n.mu.
func (n *Network) refresh(p *pipe) {
	dialer, acceptor := p.end[0].host, p.end[1].host
	p.mu.Lock()
	defer p.mu.Unlock()
	p.apply([2]path{n.path(dialer, acceptor), n.path(acceptor, dialer)})
}

// path describes one direction. Needs n.mu.
func (n *Network) path(from, to *host) path {
	return path{
		cut:     !n.open(from, to),
		stalled: from.stalled,
		delay:   n.delay(from, to),
	}
}

// open tells whether a segment sent now would arrive. Needs n.mu.
func (n *Network) open(from, to *host) bool {
	return !from.dark && !to.dark && !n.faults.cut[pair{from.name, to.name}]
}

// delay gives the latency of one direction. Needs n.mu.
func (n *Network) delay(from, to *host) time.Duration {
	return n.faults.latency[pair{from.name, to.name}]
}

// forget drops a pipe that no end uses any more.
func (n *Network) forget(p *pipe) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.pipes, p)
}

// syscallError dresses errno as package net does.
func syscallError(call string, errno syscall.Errno) error { return os.NewSyscallError(call, errno) }

// errKilled is what is left to a process that Crash or PowerLoss has ended.
var errKilled = errors.New("memnet: this process was ended by Crash or PowerLoss; take a new Host for its successor")
