package inspect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport"
)

// defaultCluster is that of package membership.
const defaultCluster = "default"

var (
	// ErrTooOld says that a node speaks the protocol, but is of a version that
	// does not know the question, or that nobody can ask anything.
	ErrTooOld = errors.New("the node is too old to answer")

	// ErrNotServed says that a node takes no part in a domain.
	ErrNotServed = errors.New("domain not served")

	// ErrBusy says that a node has no room for the question now.
	ErrBusy = errors.New("the node is busy")

	// ErrAmbiguous says that more than one participant is meant.
	ErrAmbiguous = errors.New("more than one participant is meant")
)

// A Config says as whom to ask. The zero value is for nodes without keys in the
// default cluster.
type Config struct {
	// Cluster is the name of the cluster. Default: "default".
	Cluster string

	// Keys are cluster keys, of which the first is shown. Not together with
	// TLS. Default: none.
	Keys []transport.Key

	// TLS are certificates instead; see transport.Config.TLS. Default: none.
	TLS *tls.Config

	// Dial makes the connection. It must return when its context ends. Default:
	// a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Conn is a connection to one node, for questions to it. It lasts a minute at
// most. All methods may be called by many goroutines; questions are asked one
// after the other.
type Conn struct {
	address  string
	endpoint *transport.Endpoint
	link     *transport.Link
	answers  chan []byte
	ended    chan struct{} // closed after why was set
	why      error

	mu sync.Mutex // held by who asks
}

// Dial connects to a node. It takes 5 s at most, or until ctx ends. If the node
// says no, or this side does, the error is a *transport.RefusedError; one that
// wraps ErrTooOld if it speaks the protocol and takes no questions;
// transport.FailureOf sorts the others.
func Dial(ctx context.Context, cfg Config, address string) (*Conn, error) {
	if cfg.Cluster == "" {
		cfg.Cluster = defaultCluster
	}
	endpoint, err := transport.New(transport.Config{Cluster: cfg.Cluster, Keys: cfg.Keys, TLS: cfg.TLS, Dial: cfg.Dial})
	if err != nil {
		return nil, err
	}
	link, err := endpoint.Ask(ctx, address)
	if err != nil {
		if isOld(ctx, endpoint, address, err) {
			err = fmt.Errorf("%w: %s speaks the protocol and takes no questions; upgrade it", ErrTooOld, address)
		}
		_ = endpoint.Close()
		return nil, err
	}
	c := &Conn{address: address, endpoint: endpoint, link: link, answers: make(chan []byte, 1), ended: make(chan struct{})}
	link.Start(c.frame, func(err error) {
		c.why = err
		close(c.ended)
	})
	return c, nil
}

// isOld tells a node that does not know this purpose from what does not
// understand us at all: it answers a look, or refuses it for a reason.
func isOld(ctx context.Context, e *transport.Endpoint, address string, err error) bool {
	r, ok := errors.AsType[*transport.RefusedError](err)
	if !ok || r.Code != transport.CodeMalformed {
		return false
	}
	_, err = e.Look(ctx, address, transport.ID{})
	if r, ok := errors.AsType[*transport.RefusedError](err); ok {
		return r.Code == transport.CodeSettings || r.Code == transport.CodeBusy
	}
	return err == nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.endpoint.Close() }

// Node returns what the node has said of itself, and proved to hold the key
// of: ID, advertised address, versions, times, domains. Its slices must not be
// changed.
func (c *Conn) Node() transport.Hello { return c.link.Peer() }

// frame hands an answer to who waits for it.
func (c *Conn) frame(payload []byte) error {
	select {
	case c.answers <- append([]byte(nil), payload...):
		return nil
	default:
		return fmt.Errorf("%w: an answer that nobody asked for", transport.ErrMalformed)
	}
}

// ask sends a question and waits for the answer, whose size it returns. A
// question that was given up ends the connection, so that its answer is not
// taken for that of another. Needs mu.
func (c *Conn) ask(ctx context.Context, question wire.Message) (wire.Message, int, error) {
	var e wire.Encoder
	wire.Encode(&e, question)
	if err := c.link.Send(e.Bytes()); err != nil {
		return nil, 0, fmt.Errorf("asking %s: %w", c.address, err)
	}
	var payload []byte
	select {
	case payload = <-c.answers:
	case <-ctx.Done():
		_ = c.link.Close()
		return nil, 0, fmt.Errorf("asking %s: no answer: %w", c.address, ctx.Err())
	case <-c.ended:
		select {
		case payload = <-c.answers: // that came before the end
		default:
			return nil, 0, fmt.Errorf("asking %s: %w", c.address, c.why)
		}
	}
	answer, err := wire.Decode(payload)
	if err != nil {
		return nil, 0, fmt.Errorf("the answer of %s: %w", c.address, err)
	}
	if no, ok := answer.(*wire.Unanswered); ok {
		return nil, 0, fmt.Errorf("%w: %s: %s", reasonOf(no.Code), c.address, no.Text)
	}
	return answer, len(payload), nil
}

// errUnanswered stands for reasons of later versions.
var errUnanswered = errors.New("the node does not answer the question")

func reasonOf(code wire.AnswerCode) error {
	switch code {
	case wire.AnswerNotServed:
		return ErrNotServed
	case wire.AnswerUnknown:
		return ErrTooOld
	case wire.AnswerBusy:
		return ErrBusy
	case wire.AnswerAmbiguous:
		return ErrAmbiguous
	}
	return errUnanswered
}

// strange is the error for an answer to another question.
func (c *Conn) strange(answer wire.Message) error {
	_ = c.link.Close()
	return fmt.Errorf("%w: %s answers another question, with %s", transport.ErrMalformed, c.address, wire.Name(answer))
}

// checkText keeps what no node could understand from being sent.
func checkText(field, s string) error {
	if s == "" || len(s) > wire.MaxText {
		return &membership.ConfigError{Field: field, Value: fmt.Sprintf("%d bytes", len(s)),
			Want: fmt.Sprintf("1 to %d bytes", wire.MaxText)}
	}
	return nil
}
