package world

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// A Host is a place in the network: one address, at which at most one process
// runs.
type Host struct {
	w       *World
	address string
	index   int    // in the order in which hosts were made
	sum     uint64 // stands for the host in sums of views
	powered bool
	refuses bool
	loss    float64       // of segments that arrive here
	island  int           // of a partition; 0: none
	busy    time.Duration // until when it is busy with handshakes
	downAt  time.Duration // when its process stopped answering; -1: it does answer
	proc    *Proc
	conns   []*conn

	Served int           // handshakes, those of looks included
	Waited time.Duration // the longest that one of them took
}

// Address returns the host's address.
func (h *Host) Address() string { return h.address }

// Proc returns the running process, or nil.
func (h *Host) Proc() *Proc { return h.proc }

func (h *Host) forget(c *conn) {
	h.conns = slices.DeleteFunc(h.conns, func(o *conn) bool { return o == c })
}

// keySigner stands for a key: IDs are random, signatures empty.
type keySigner struct{ key wire.PublicKey }

func (s keySigner) PublicKey() wire.PublicKey  { return s.key }
func (s keySigner) Sign([]byte) wire.Signature { return wire.Signature{} }

// trust accepts every signature: signing is tested elsewhere, and would cost
// most of a simulation's time.
func trust(wire.PublicKey, string, []byte, wire.Signature) bool { return true }

// Start runs a process at the host. The address is filled in, and what is
// unset gets the protocol's defaults.
func (h *Host) Start(cfg machine.Config) *Proc {
	if h.proc != nil {
		panic("world: a process already runs at " + h.address)
	}
	w := h.w
	var key wire.PublicKey
	for i := range key {
		key[i] = byte(w.rng.Uint32())
	}
	cfg.Signer, cfg.Verify = keySigner{key}, trust
	cfg.Rand = rand.New(rand.NewPCG(w.rng.Uint64(), w.rng.Uint64()))
	cfg.Address = h.address
	if cfg.Name == "" {
		cfg.Name = h.address
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 500 * time.Millisecond
	}
	if cfg.DropTime == 0 {
		cfg.DropTime = 3 * time.Second
	}
	if cfg.MaxDomains == 0 {
		cfg.MaxDomains = 64
	}
	if cfg.MaxMembers == 0 {
		cfg.MaxMembers = 10000
	}
	h.powered, h.refuses = true, false
	p := &Proc{host: h, m: machine.New(cfg), born: w.now, tickAt: -1}
	h.proc, h.downAt = p, -1
	w.trace("start %s as %s", h.address, p.m.Self().Short())
	p.m.Start(0)
	p.perform()
	return p
}

// Kill ends the process at once: its links are reset, its port refuses.
func (h *Host) Kill() {
	p := h.proc
	if p == nil {
		return
	}
	h.w.trace("kill %s", h.address)
	p.dead = true
	h.proc, h.downAt = nil, h.w.now
	for _, c := range slices.Clone(h.conns) {
		for i := range c.ends {
			if c.ends[i] == p && !c.closed[i] {
				c.closed[i] = true
				c.send(i, segment{reset: true})
			}
		}
	}
}

// PowerLoss ends the process and the host: nobody hears anything.
func (h *Host) PowerLoss() {
	h.w.trace("power loss %s", h.address)
	if h.proc != nil {
		h.proc.dead = true
		h.proc, h.downAt = nil, h.w.now
	}
	h.powered = false
}

// Pause stops the process; what arrives waits.
func (h *Host) Pause() {
	if h.proc != nil {
		h.w.trace("pause %s", h.address)
		h.proc.paused = true
		h.downAt = h.w.now
	}
}

// Resume lets it go on.
func (h *Host) Resume() {
	p := h.proc
	if p == nil || !p.paused {
		return
	}
	h.w.trace("resume %s", h.address)
	p.paused = false
	h.downAt = -1
	waiting := p.waiting
	p.waiting = nil
	if h.w.rng.IntN(2) == 0 {
		p.tick()
	}
	for _, f := range waiting {
		f()
	}
	p.tickAt = -1
	p.perform()
}

// Jump sets the process's monotonic clock ahead, as happens to a virtual
// machine that is moved.
func (h *Host) Jump(d time.Duration) {
	p := h.proc
	if p == nil {
		return
	}
	h.w.trace("clock of %s jumps by %s", h.address, d)
	p.born -= d
	p.tickAt = -1
	p.input(p.perform)
}

// Refuse makes the port refuse connections while the process runs on.
func (h *Host) Refuse(on bool) { h.refuses = on }

// ResetLinks resets all connections of the host, as a firewall does that
// forgets them.
func (h *Host) ResetLinks() {
	h.w.trace("reset links of %s", h.address)
	for _, c := range slices.Clone(h.conns) {
		for i := range c.ends {
			if !c.closed[i] && !c.ends[i].dead {
				c.ends[i].input(func() { c.take(i, segment{reset: true}) })
			}
		}
	}
}

// String names the host.
func (h *Host) String() string { return fmt.Sprintf("host %s", h.address) }
