package tribes

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/javastream"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// frame makes the frame of a message to a process, in its layout.
func (n *Node) frame(to netip.AddrPort, options Options, content []byte) ([]byte, error) {
	return n.frameIn(n.book.layout(to, n.layout()), wire.NewMessageID(), options, content)
}

func (n *Node) frameIn(layout wire.Layout, id wire.MessageID, options Options, content []byte) ([]byte, error) {
	return wire.AppendMessage(nil, &wire.Message{
		Options: options, Timestamp: time.Now().UnixMilli(), ID: id, Sender: n.block(layout), Content: content,
	})
}

// frames makes one for each target; those of one layout are the same.
func (n *Node) frames(id wire.MessageID, options Options, content []byte, targets []netip.AddrPort) ([][]byte, error) {
	var made [2][]byte
	out := make([][]byte, len(targets))
	for i, a := range targets {
		layout := n.book.layout(a, n.layout())
		if made[layout] == nil {
			frame, err := n.frameIn(layout, id, options, content)
			if err != nil {
				return nil, err
			}
			made[layout] = frame
		}
		out[i] = made[layout]
	}
	return out, nil
}

// sendFrame sends a frame. Whoever cannot be reached is looked at.
func (n *Node) sendFrame(ctx context.Context, to netip.AddrPort, lane int, options Options, frame []byte) error {
	err := n.ep.Send(ctx, to, lane, options, frame)
	if err != nil && ctx.Err() == nil && !errors.Is(err, wire.ErrFailed) {
		n.lost(to, err)
	}
	return err
}

// sendContent sends a message of the node's own.
func (n *Node) sendContent(ctx context.Context, to netip.AddrPort, lane int, options Options, content []byte) error {
	frame, err := n.frame(to, options, content)
	if err != nil {
		return err
	}
	return n.sendFrame(ctx, to, lane, options, frame)
}

// sendObject sends a Java object of the node's own.
func (n *Node) sendObject(ctx context.Context, to netip.AddrPort, options Options, v javastream.Value) error {
	content, err := javastream.Encode(v)
	if err != nil {
		return err
	}
	return n.sendContent(ctx, to, wire.LaneGroup, options, content)
}

// Bounds of what waits to be sent to one member without its sender waiting.
const (
	boxMost      = 1024
	boxBytesMost = 64 << 20 // as Java's dispatcher has it
)

// A parcel is a message that nobody waits for.
type parcel struct {
	options Options
	frame   []byte
}

// outboxes hold parcels by member. The zero value is ready.
type outboxes struct {
	mu  sync.Mutex
	all map[netip.AddrPort]*outbox // only those that are being emptied
}

type outbox struct {
	list  []parcel
	bytes int
}

// put queues a parcel. It fails when too many wait.
func (b *outboxes) put(n *Node, to netip.AddrPort, p parcel) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	box := b.all[to]
	if box != nil {
		if len(box.list) >= boxMost || box.bytes+len(p.frame) > boxBytesMost {
			return errBusy
		}
		box.list, box.bytes = append(box.list, p), box.bytes+len(p.frame)
		return nil
	}
	if b.all == nil {
		b.all = map[netip.AddrPort]*outbox{}
	}
	b.all[to] = &outbox{list: []parcel{p}, bytes: len(p.frame)}
	err := n.job(func(ctx context.Context) { b.empty(ctx, n, to) })
	if err != nil {
		delete(b.all, to)
	}
	return err
}

// next takes the oldest parcel; without one the box is gone.
func (b *outboxes) next(to netip.AddrPort) (p parcel, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	box := b.all[to]
	if len(box.list) == 0 {
		delete(b.all, to)
		return p, false
	}
	p = box.list[0]
	box.list, box.bytes = box.list[1:], box.bytes-len(p.frame)
	return p, true
}

// empty sends parcels until there are none.
func (b *outboxes) empty(ctx context.Context, n *Node, to netip.AddrPort) {
	for {
		p, ok := b.next(to)
		if !ok {
			return
		}
		if err := n.sendFrame(ctx, to, wire.LaneMessages, p.options, p.frame); err != nil && ctx.Err() == nil {
			n.complain("async "+to.String(), "asynchronous message not delivered", "member", to, "reason", err.Error())
		}
	}
}
