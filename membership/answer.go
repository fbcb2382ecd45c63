package membership

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

// What those cost who only ask, all of them together. The transport bounds how
// many there are and how large a question is. None of it reaches the machine:
// views are read as the application reads them, explanations by Explain.
const (
	askTime    = time.Minute // that one of them may stay
	asksAtOnce = 64          // questions after a pause
	asksPerSec = 32          // and then; further ones wait
	askDial    = 16          // questions that a dial counts for
	askDialFor = 3 * time.Second
	pageBytes  = 256 << 10 // of one answer, about
)

// asks is what all who ask share.
type asks struct {
	mu    sync.Mutex
	spent float64 // questions, more or less
	at    machine.Time
	dials sync.Mutex // one at a time
}

// charge counts questions, and says how long the answer has to wait.
func (a *asks) charge(now machine.Time, questions float64) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spent = max(0, a.spent-(now-a.at).Seconds()*asksPerSec) + questions
	a.at = now
	return time.Duration(max(0, a.spent-asksAtOnce) / asksPerSec * float64(time.Second))
}

// An asker is the connection of one who only asks: it takes part in nothing.
// Its frames come one after the other.
type asker struct {
	loop    *loop
	link    *transport.Link
	ctx     context.Context
	encoder wire.Encoder
	view    *snapshot // whose parts are being told
}

// asked takes in a connection of one who only asks. It runs on a goroutine of
// the endpoint.
func (l *loop) asked(link *transport.Link) {
	ctx, cancel := context.WithTimeout(l.node.ctx, askTime)
	context.AfterFunc(ctx, func() { _ = link.Close() })
	a := &asker{loop: l, link: link, ctx: ctx}
	link.Start(a.frame, func(error) { cancel() })
}

// frame answers one question; an error closes the connection.
func (a *asker) frame(payload []byte) error {
	question, err := decodeQuestion(payload)
	if err != nil {
		return err
	}
	cost := 1.0
	if _, ok := question.(*wire.AskDial); ok {
		cost = askDial
	}
	if !a.pause(a.loop.asks.charge(a.loop.now(), cost)) {
		return transport.ErrClosed
	}
	a.encoder.Reset()
	wire.Encode(&a.encoder, a.answer(question))
	return a.link.Send(a.encoder.Bytes())
}

// decodeQuestion reads a question; nil is one of a later version. What members
// say to each other has no place here, nor have answers.
func decodeQuestion(payload []byte) (wire.Message, error) {
	var d wire.Decoder
	if _, beat, _ := wire.DecodeBeat(&d, payload); beat {
		return nil, fmt.Errorf("%w: a heartbeat where a question was expected", transport.ErrMalformed)
	}
	m, err := wire.Decode(payload)
	if errors.Is(err, wire.ErrUnknownKind) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	switch m.(type) {
	case *wire.AskView, *wire.AskWhy, *wire.AskDial:
		return m, nil
	}
	return nil, fmt.Errorf("%w: %s where a question was expected", transport.ErrMalformed, wire.Name(m))
}

// pause waits; false: the connection ends.
func (a *asker) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(a.ctx, d)
	defer cancel()
	<-ctx.Done()
	return a.ctx.Err() == nil
}

func (a *asker) answer(question wire.Message) wire.Message {
	switch q := question.(type) {
	case *wire.AskView:
		return a.seen(q)
	case *wire.AskWhy:
		return a.why(q)
	case *wire.AskDial:
		return a.dialed(q.Address)
	}
	return unanswered(wire.AnswerUnknown, "this node does not know the question; it may be of an older version")
}

func unanswered(code wire.AnswerCode, format string, args ...any) *wire.Unanswered {
	return &wire.Unanswered{Code: code, Text: cutText(fmt.Sprintf(format, args...))}
}

// cutText makes a text fit into a message.
func cutText(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), wire.MaxReason)], "")
}

// notServed says which domains there are instead.
func (a *asker) notServed(domain string) wire.Message {
	var names []string
	for _, d := range a.loop.domains() {
		names = append(names, fmt.Sprintf("%q as %s", d.Name, d.Role))
	}
	return unanswered(wire.AnswerNotServed, "%s takes no part in domain %q; it takes part in %s",
		a.loop.node.advertise, domain, strings.Join(names, ", "))
}

// seen tells a part of a view: as many participants as fit.
func (a *asker) seen(q *wire.AskView) wire.Message {
	g, ok := a.loop.node.groups.get(q.Domain)
	if !ok {
		return a.notServed(q.Domain)
	}
	if q.From == 0 || a.view == nil || a.view.domain != q.Domain {
		a.view = g.current.Load()
	}
	s := a.view
	out := &wire.Seen{Domain: q.Domain, Number: s.number, Total: uint32(len(s.byAddress) + len(s.managers)), Isolated: s.isolated}
	if out.Same = q.Known == s.number; out.Same {
		return out
	}
	bytes := 0
	for i := int(q.From); i < int(out.Total) && len(out.Members) < wire.MaxRecords && bytes < pageBytes; i++ {
		m := s.participant(i)
		out.Members = append(out.Members, seenOf(m))
		bytes += sizeOf(m)
	}
	return out
}

// participant returns members first, then managers.
func (s *snapshot) participant(i int) *Member {
	if i < len(s.byAddress) {
		return s.byAddress[i]
	}
	return s.managers[i-len(s.byAddress)]
}

// sizeOf is about what a participant takes in an answer.
func sizeOf(m *Member) int {
	n := 64 + len(m.Name) + len(m.Address) + len(m.SubDomain)
	for _, p := range m.properties {
		n += len(p.Key) + len(p.Value) + 6
	}
	return n
}

func seenOf(m *Member) wire.SeenMember {
	out := wire.SeenMember{
		ID: wire.ID(m.ID), Name: m.Name, Address: m.Address, SubDomain: m.SubDomain, State: uint8(m.State),
		Incarnation: m.Incarnation, Version: m.Version, Properties: m.properties,
	}
	if m.Unreachable {
		out.Marks |= wire.MarkUnreachable
	}
	if m.NameConflict {
		out.Marks |= wire.MarkNameConflict
	}
	if m.Manager {
		out.Marks |= wire.MarkManager
	}
	return out
}

// dialed looks at an address, as this node would look at a member there.
func (a *asker) dialed(address string) wire.Message {
	dials := &a.loop.asks.dials
	if !dials.TryLock() {
		return unanswered(wire.AnswerBusy, "another address is being dialled; try again later")
	}
	defer dials.Unlock()
	address, err := checkAdvertise("address", address)
	if err != nil {
		return &wire.Dialed{Failure: uint8(transport.FailureLocal), Text: cutText(err.Error())}
	}
	ctx, cancel := context.WithTimeout(a.ctx, askDialFor)
	defer cancel()
	began := a.loop.now()
	hello, err := a.loop.node.endpoint.Look(ctx, address, transport.ID{})
	out := &wire.Dialed{
		Failure: uint8(transport.FailureOf(err)), ID: wire.ID(hello.ID),
		Took: a.loop.now() - began, Text: cutText(errorText(err)),
	}
	if r, ok := errors.AsType[*transport.RefusedError](err); ok {
		out.Code = uint8(r.Code)
	}
	return out
}
