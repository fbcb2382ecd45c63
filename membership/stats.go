package membership

import "sync/atomic"

// Stats are counts of a node since its start, and figures as they are now.
// Bytes are those of messages and heartbeats, without handshakes and without
// the four bytes before each.
type Stats struct {
	Domains int // groups that the node takes part in
	Members int // in the node's own group
	Links   int // to other nodes
	Waiting int // inputs that wait for the node's goroutine, up to 256

	BeatsSent, BeatsReceived       uint64 // heartbeats
	MessagesSent, MessagesReceived uint64 // other than heartbeats
	BytesSent, BytesReceived       uint64 // of both
	Dials, Looks                   uint64 // connections made or tried for a link, and to see who answers
	TurnedAway                     uint64 // connections of others that were refused or broken off in the handshake
}

// counts are what the loop and the links count.
type counts struct {
	beatsIn, beatsOut, messagesIn, messagesOut, bytesIn, bytesOut, dials, looks atomic.Uint64
}

// Stats returns the node's counts. It is cheap, and may be called after the
// node's end.
func (n *Node) Stats() Stats {
	c := &n.loop.counts
	groups, _ := n.groups.all()
	e := n.endpoint.Stats()
	return Stats{
		Domains: len(groups), Members: n.own.View().Len(), Links: e.Links, Waiting: len(n.loop.in),
		BeatsSent: c.beatsOut.Load(), BeatsReceived: c.beatsIn.Load(),
		MessagesSent: c.messagesOut.Load(), MessagesReceived: c.messagesIn.Load(),
		BytesSent: c.bytesOut.Load(), BytesReceived: c.bytesIn.Load(),
		Dials: c.dials.Load(), Looks: c.looks.Load(),
		TurnedAway: e.TurnedAway + e.Crowded,
	}
}
