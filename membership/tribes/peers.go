package tribes

import (
	"context"
	"net/netip"
	"strconv"

	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// Block returns what is known of a member as its member block, of this node too;
// ok is false for an ID that is no member.
func (n *Node) Block(id membership.ID) (m wire.Member, ok bool) {
	if id == n.Self().ID {
		return n.block(n.layout()), true
	}
	type found struct {
		m  wire.Member
		ok bool
	}
	answer := make(chan found, 1)
	if !n.post(func() {
		if e := n.state.byID(id); e != nil {
			m := n.known(e)
			m.UID = e.uid
			answer <- found{m, true}
			return
		}
		answer <- found{}
	}) {
		return m, false
	}
	select {
	case f := <-answer:
		return f.m, f.ok
	case <-n.ctx.Done():
		return m, false
	}
}

// AddPeer looks for a further peer from now on, as if it were in Config.Peers.
// One that is there already stays as it is. A name is resolved now; the error is
// about that, or a *membership.ConfigError.
func (n *Node) AddPeer(ctx context.Context, p Peer) error {
	a, err := n.peerAddress(ctx, p.Address)
	if err != nil {
		return err
	}
	n.post(func() {
		if e := n.state.entries[a]; e != nil && e.peer == nil {
			e.peer = &p
		} else if e == nil {
			if e = n.track(a, &p); e != nil {
				e.seen = true // Join does not wait for it
			}
		}
	})
	return nil
}

// RemovePeer ends looking for a peer. If it is a member, it is removed, with
// the cause left. An address that nobody has is ignored.
func (n *Node) RemovePeer(ctx context.Context, address string) error {
	a, err := n.peerAddress(ctx, address)
	if err != nil {
		return err
	}
	n.post(func() {
		if e := n.state.entries[a]; e != nil {
			n.fall(e, membership.CauseLeft)
			n.forget(e)
		}
	})
	return nil
}

func (n *Node) peerAddress(ctx context.Context, address string) (netip.AddrPort, error) {
	if _, _, err := splitAddress(address); err != nil {
		return netip.AddrPort{}, &membership.ConfigError{
			Field: "Peer.Address", Value: strconv.Quote(address), Want: "host:port with a port from 1 to 65535",
		}
	}
	one := Config{Advertise: n.cfg.Advertise, Peers: []Peer{{Address: address}}, Resolve: n.cfg.Resolve}
	found, err := one.resolved(ctx)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for a := range found {
		return a, nil
	}
	return n.address, nil // its own, which is never looked at
}
