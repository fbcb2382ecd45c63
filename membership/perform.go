package membership

import (
	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

// helloMost bounds the domains that a handshake names.
const helloMost = 256

// perform carries out the machine's effects, in order. None of them waits.
func (l *loop) perform() {
	effects := l.m.Effects()
	for i := range effects {
		l.effect(&effects[i])
	}
	clear(effects) // do not keep what was sent
	l.flush()
}

// flush sets off what the step has sent, one write a link.
func (l *loop) flush() {
	for _, c := range l.sending {
		c.sending = false
		_ = c.link.Flush() // if the link is going down, its end says so
	}
	clear(l.sending)
	l.sending = l.sending[:0]
}

func (l *loop) effect(e *machine.Effect) {
	switch e.Kind {
	case machine.DoBeat:
		l.sendBeat(e.Link, e.Beat)
	case machine.DoSend:
		l.send(e.Link, e.Message)
	case machine.DoClose:
		if c := l.links[e.Link]; c != nil {
			c.link.CloseAfterFlush(nil)
		}
	case machine.DoDial:
		l.counts.dials.Add(1)
		l.dial(e)
	case machine.DoLook:
		l.counts.looks.Add(1)
		l.look(e)
	case machine.DoCancel:
		if cancel := l.cancels[e.Attempt]; cancel != nil {
			cancel()
		}
	case machine.DoResolve:
		l.resolve(e.Index)
	case machine.DoPublish:
		l.publish(e.Change)
	case machine.DoReport:
		l.report(e.Report)
	}
}

func (l *loop) sendBeat(id machine.LinkID, b wire.Beat) {
	c := l.links[id]
	if c == nil {
		return
	}
	l.encoder.Reset()
	l.encoded = nil
	b.Encode(&l.encoder)
	l.counts.beatsOut.Add(1)
	l.sendEncoded(c)
}

// send encodes a message once, however many links it goes to in a row.
func (l *loop) send(id machine.LinkID, msg wire.Message) {
	c := l.links[id]
	if c == nil {
		return
	}
	if l.encoded != msg {
		l.encoder.Reset()
		wire.Encode(&l.encoder, msg)
		l.encoded = msg
	}
	l.counts.messagesOut.Add(1)
	l.sendEncoded(c)
}

// sendEncoded gives the encoder's bytes to a link, which sends them at the end
// of the step. If the link is going down that is told by its end; a message
// that is too large is a fault of this node's, which costs the message.
func (l *loop) sendEncoded(c *conn) {
	payload := l.encoder.Bytes()
	l.counts.bytesOut.Add(uint64(len(payload)))
	if len(payload) > transport.MaxFrame {
		l.limit.warn("message too large to be sent", "size", "bytes", len(payload), "most", transport.MaxFrame)
		return
	}
	if c.link.SendLater(payload) == nil && !c.sending {
		c.sending = true
		l.sending = append(l.sending, c)
	}
}

// publish shows a change to the application.
func (l *loop) publish(c *machine.Change) {
	g, ok := l.node.groups.get(c.Domain)
	if !ok {
		g = newGroup(l.node, c.Domain)
		l.node.groups.add(g)
	}
	s := g.publish(c)
	l.taken = append(l.taken, g)
	for i := range s.events {
		l.logEvent(g, s, &s.events[i])
	}
	if !g.manages {
		l.node.confirms.keep(s)
	}
}

// serve tells handshakes which domains this node takes part in: its own first,
// then as many as fit into a hello.
func (l *loop) serve() {
	list := make([]transport.Domain, 0, 4)
	bytes := 0
	add := func(d wire.DomainRole) {
		if bytes += len(d.Name) + 4; bytes <= helloDomains && len(list) < helloMost {
			list = append(list, transport.Domain{Name: d.Name, Role: transport.Role(d.Role)})
		}
	}
	all := l.m.Domains()
	for _, d := range all {
		if d.Name == l.node.cfg.Domain {
			add(d)
		}
	}
	for _, d := range all {
		if d.Name != l.node.cfg.Domain {
			add(d)
		}
	}
	if len(list) < len(all) {
		l.limit.warn("too many or too long domains for a handshake; some are left out", "hello", "domains", len(all), "told", len(list))
	}
	l.served.Store(&list)
}

// domains is asked by each handshake.
func (l *loop) domains() []transport.Domain { return *l.served.Load() }
