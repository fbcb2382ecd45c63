package memnet

import (
	"slices"
	"time"
)

// faults is what is wrong between hosts. What is wrong with one host is in its
// record.
type faults struct {
	cut     map[pair]bool          // what goes from, does not arrive at to
	latency map[pair]time.Duration // one way
	refuse  map[string]bool        // hosts and host:ports
}

// pair is a direction between two hosts.
type pair struct{ from, to string }

// Refuse makes dials fail with ECONNREFUSED though somebody listens, or ends
// that. With a "host:port" it concerns that port, with a host all its ports;
// the two are independent of each other. Existing connections go on.
func (n *Network) Refuse(address string, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a, err := parseAddr(address); err == nil {
		address = a.String()
	}
	if n.faults.refuse == nil {
		n.faults.refuse = make(map[string]bool)
	}
	n.faults.refuse[address] = on
}

// Cut makes a black hole between hosts a and b, both ways, until [Network.Heal]
// or [Network.HealAll]. Dials hang; what is written, or was on its way, is held
// back, up to [Window] bytes a direction, and arrives after the heal. Nobody is
// told: connections stay up. Here and below, where a host is asked for, a
// "host:port" means its host.
func (n *Network) Cut(a, b string) {
	n.change(func() {
		n.setCut(hostOf(a), hostOf(b), true)
		n.setCut(hostOf(b), hostOf(a), true)
	})
}

// CutOneWay makes a black hole for what from sends to to. As in TCP, dials hang
// in both directions, for one needs both to connect; an established connection
// still carries what to sends, until [Window] bytes are on their way or read,
// because their acknowledgements are lost.
func (n *Network) CutOneWay(from, to string) {
	n.change(func() { n.setCut(hostOf(from), hostOf(to), true) })
}

// Heal ends what Cut, CutOneWay and Partition did between hosts a and b.
func (n *Network) Heal(a, b string) {
	n.change(func() {
		n.setCut(hostOf(a), hostOf(b), false)
		n.setCut(hostOf(b), hostOf(a), false)
	})
}

// HealAll ends all that Cut, CutOneWay and Partition did. It neither resumes
// stalled hosts, nor switches on those without power, nor ends refusals or
// latencies.
func (n *Network) HealAll() {
	n.change(func() { clear(n.faults.cut) })
}

// Partition cuts every two hosts that are in different groups and share none,
// in addition to earlier cuts. Hosts in no group keep reaching everybody; a
// host in two groups reaches both.
func (n *Network) Partition(groups ...[]string) {
	member := make(map[string][]int) // host: the groups it is in
	for i, group := range groups {
		for _, name := range group {
			member[hostOf(name)] = append(member[hostOf(name)], i)
		}
	}
	n.change(func() {
		for a, in := range member {
			for b, out := range member {
				shared := slices.ContainsFunc(in, func(g int) bool { return slices.Contains(out, g) })
				if !shared {
					n.setCut(a, b, true)
				}
			}
		}
	})
}

// Reset fails every connection between hosts a and b with ECONNRESET at both
// ends, at once and through any cut, as a firewall that forgets its table does.
// New connections are possible at once.
func (n *Network) Reset(a, b string) {
	a, b = hostOf(a), hostOf(b)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.selectPipes(func(p *pipe) bool { return p.joins(a, b) }) {
		p.mu.Lock()
		p.end[0].fail(errReset)
		p.end[1].fail(errReset)
		if p.over() {
			delete(n.pipes, p)
		}
		p.mu.Unlock()
	}
}

// Latency makes every segment between hosts a and b take d in either direction;
// the order is kept. 0, the default, and less mean: no time at all. A dial
// takes 2·d. It applies to what is sent from now on.
func (n *Network) Latency(a, b string, d time.Duration) {
	a, b = hostOf(a), hostOf(b)
	n.change(func() {
		if n.faults.latency == nil {
			n.faults.latency = make(map[pair]time.Duration)
		}
		n.faults.latency[pair{a, b}] = max(d, 0)
		n.faults.latency[pair{b, a}] = max(d, 0)
	})
}

// Stall stops the process at host as SIGSTOP would, or resumes it. Its kernel
// lives on: dials to it succeed until the [Backlog] is full and bytes to it
// pile up to the [Window], but nothing is accepted, read or answered, and what
// the process itself writes, closes or dials meanwhile happens on resuming.
//
// In truth the process runs on in the test, so that its timers fire and its
// deadlines expire: Stall shows what others see of a stopped process, not what
// it is like to be one. Closing a listener is not held back.
func (n *Network) Stall(host string, on bool) {
	n.change(func() {
		h := n.host(hostOf(host))
		h.stalled = on
		for _, l := range n.listeners {
			if l.host == h {
				l.ready.Broadcast()
			}
		}
	})
}

// Crash kills the process at host: its listeners close, its connections are
// reset at the peers' ends and closed at its own, its [Host] is dead. Dials to
// it are refused until somebody listens there again, which may be at once; the
// successor dials by a new Host. Whatever a cut hides from a peer it learns
// when it writes after the heal, as in TCP. A stall of the host ends.
func (n *Network) Crash(host string) {
	n.change(func() { n.kill(n.host(hostOf(host))) })
}

// PowerLoss ends the process at host like [Network.Crash], but its peers hear
// nothing of it: silence both ways until [Network.PowerOn].
func (n *Network) PowerLoss(host string) {
	n.change(func() {
		h := n.host(hostOf(host))
		h.dark = true
		for p := range n.pipes { // first the silence, then the end
			if p.joins(h.name, "") {
				n.refresh(p)
			}
		}
		n.kill(h)
	})
}

// PowerOn lets a host that lost its power be reached again. Dials are refused
// until somebody listens; peers that still write to the old process are reset.
func (n *Network) PowerOn(host string) {
	n.change(func() { n.host(hostOf(host)).dark = false })
}

// change applies f to the network and lets everybody concerned know.
func (n *Network) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	for _, p := range n.selectPipes(func(*pipe) bool { return true }) {
		n.refresh(p)
	}
	n.announce()
}

// setCut notes whether one direction is cut. Needs mu.
func (n *Network) setCut(from, to string, on bool) {
	if !on {
		delete(n.faults.cut, pair{from, to})
		return
	}
	if n.faults.cut == nil {
		n.faults.cut = make(map[pair]bool)
	}
	n.faults.cut[pair{from, to}] = true
}

// kill ends the process at h. Needs mu.
func (n *Network) kill(h *host) {
	h.run++
	h.stalled = false
	for _, l := range n.listeners {
		if l.host == h {
			l.stop()
		}
	}
	for _, p := range n.selectPipes(func(p *pipe) bool { return p.joins(h.name, "") }) {
		p.mu.Lock()
		for i := range p.end {
			if p.end[i].host == h {
				p.end[i].kill()
			}
		}
		if p.over() {
			delete(n.pipes, p)
		}
		p.mu.Unlock()
	}
}
