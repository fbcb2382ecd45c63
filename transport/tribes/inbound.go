package tribes

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// waitingMost is how many messages of one connection wait while the application
// is busy with one; then the connection is read no further.
const waitingMost = 64

// inbound is a connection that a peer has opened. One goroutine reads it and
// answers what needs no application; a second one, once it is needed, delivers.
// So a probe is answered whatever the application does.
type inbound struct {
	e      *Endpoint
	conn   net.Conn
	from   netip.AddrPort
	serial uint64
	heard  atomic.Bool // a whole message has come

	held    int64 // bytes of e.bodies taken for it; the reader's
	writing sync.Mutex
	waiting chan delivery // nil until the first message that needs the application
	done    chan struct{} // closed when the deliverer has ended
}

// A delivery is a message on its way to the application.
type delivery struct {
	a    *Arrival
	turn *turn // of the window; nil for messages that are never sent twice
	held int64 // bytes of e.bodies to give back
}

// read takes in frames until the connection ends, or is not to be trusted.
func (c *inbound) read() {
	defer c.close()
	r := NewReader(c.conn, c.e.cfg.MaxBody)
	r.begun = func() { _ = c.conn.SetReadDeadline(time.Now().Add(c.e.cfg.FrameTimeout)) }
	r.admit = c.admitBody
	for {
		f, err := r.Next()
		if err == nil && f.Message == nil {
			err = malformed("an answer where nothing was asked")
		}
		if err != nil {
			c.give(c.held)
			c.report(err)
			if !errors.Is(err, io.EOF) {
				c.conn.Close() // an orderly end may still want its answers
			}
			return
		}
		_ = c.conn.SetReadDeadline(time.Time{})
		c.heard.Store(true)
		if !c.take(f.Message) {
			return
		}
	}
}

// admitBody waits until there is room for a long body.
func (c *inbound) admitBody(n int) error {
	ctx, cancel := context.WithTimeout(c.e.ctx, c.e.cfg.FrameTimeout)
	defer cancel()
	if err := c.e.bodies.Acquire(ctx, int64(n)); err != nil {
		return err
	}
	c.held = int64(n)
	return nil
}

func (c *inbound) give(n int64) {
	if n > 0 {
		c.e.bodies.Release(n)
	}
	c.held = 0
}

// report writes a line about an end that was not orderly.
func (c *inbound) report(err error) {
	if c.e.ctx.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return
	}
	var format *FormatError
	switch {
	case errors.As(err, &format):
		c.e.complain(c.from.Addr().String(), "bad input, connection closed", "from", c.from, "reason", err.Error())
	case c.held > 0 || errors.Is(err, io.ErrUnexpectedEOF):
		c.e.cfg.Logger.Debug("connection ended within a message", "from", c.from, "reason", err.Error())
	}
}

// take deals with one message. It returns false when the connection is over.
func (c *inbound) take(m *Message) bool {
	held := c.held
	c.held = 0
	a := &Arrival{Message: m, Control: ControlOf(m.Content), From: c.from}
	if a.Control != NoControl {
		// Answered before anybody else has a say.
		ok := m.Options&Ack == 0 || c.answer(Accepted)
		c.e.cfg.Arrived(a)
		c.give(held)
		return ok
	}
	var t *turn
	if m.Options&Ack != 0 {
		var first bool
		if t, first = c.e.known.enter(m.Sender.Identity(), m.ID); !first {
			c.give(held)
			return c.again(m, t)
		}
	}
	if c.e.cfg.Arrived(a) {
		t.leave(true)
		c.give(held)
		return m.Options&Ack == 0 || c.answer(Accepted)
	}
	return c.deliver(delivery{a, t, held})
}

// again answers a message that has been here before: as it was answered then,
// or will be.
func (c *inbound) again(m *Message, t *turn) bool {
	if m.Options&SyncAck == 0 {
		return c.answer(Accepted)
	}
	// Its answer must come after those of the messages before it.
	return c.deliver(delivery{&Arrival{Message: m, From: c.from}, &turn{again: t}, 0})
}

// deliver queues a message for the application. One that asks for no more than
// to have arrived is acknowledged as soon as there is room for it.
func (c *inbound) deliver(d delivery) bool {
	if c.waiting == nil {
		c.waiting, c.done = make(chan delivery, waitingMost), make(chan struct{})
		c.e.wg.Go(c.run)
	}
	select {
	case c.waiting <- d:
	case <-c.e.ctx.Done():
		c.give(d.held)
		return false
	}
	o := d.a.Message.Options
	return o&Ack == 0 || o&SyncAck != 0 || c.answer(Accepted)
}

// run hands messages to the application, in order.
func (c *inbound) run() {
	defer close(c.done)
	for d := range c.waiting {
		err := c.hand(d)
		if d.held > 0 {
			c.e.bodies.Release(d.held)
		}
		o := d.a.Message.Options
		if o&Ack == 0 || o&SyncAck == 0 {
			continue
		}
		answer := Accepted
		if err != nil {
			answer = Failed
		}
		c.answer(answer)
	}
}

func (c *inbound) hand(d delivery) error {
	if d.turn != nil && d.turn.again != nil {
		return d.turn.again.wait(c.e.ctx)
	}
	if c.e.ctx.Err() != nil {
		d.turn.leave(false)
		return ErrClosed
	}
	err := c.e.cfg.Deliver(c.e.ctx, d.a)
	d.turn.leave(err == nil)
	return err
}

// answer writes an answer and says whether that worked.
func (c *inbound) answer(a Answer) bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(c.e.cfg.FrameTimeout))
	_, err := c.conn.Write(AppendAnswer(make([]byte, 0, 32), a))
	return err == nil
}

// close ends the connection after what waits has been delivered.
func (c *inbound) close() {
	if c.waiting != nil {
		close(c.waiting)
		<-c.done
	}
	c.conn.Close()
	c.e.mu.Lock()
	delete(c.e.inbound, c)
	c.e.mu.Unlock()
}
