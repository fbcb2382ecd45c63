package tribes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// ErrFailed is wrapped by the error of a message that the peer's application has
// not taken, twice.
var ErrFailed = errors.New("the peer's application has not taken it")

// ErrNoAnswer is wrapped by the error of a message that was not acknowledged in
// time.
var ErrNoAnswer = errors.New("no acknowledgement in time")

// ErrTooManyPeers is the error of a first message to one peer too many.
var ErrTooManyPeers = errors.New("connections to too many peers; see Config.MaxPeers")

// tries is how often a message is sent at most.
const tries = 2

// A SendError says why a message was not sent, or not acknowledged.
type SendError struct {
	To    netip.AddrPort // where the peer listens
	Tries int            // how often it was tried
	Err   error          // of the last try
}

// Error names the peer and the reason.
func (e *SendError) Error() string {
	return fmt.Sprintf("send to %s, tried %d times: %v", e.To, e.Tries, e.Err)
}

// Unwrap returns the reason.
func (e *SendError) Unwrap() error { return e.Err }

// A lane is one of the connections to a peer. What is sent on one lane arrives
// in order and waits for what was sent before; lanes do not wait for each other.
type lane struct {
	to     netip.AddrPort
	number int
}

// sender keeps the connection of one lane.
type sender struct {
	e    *Endpoint
	lane lane
	turn chan struct{} // holds one token: who has it may use the connection
	conn *outbound     // nil if there is none; guarded by e.mu
	gone bool          // Forget has taken it out; guarded by e.mu
}

// outbound is one connection to a peer. A goroutine reads its answers, so that
// its end is noticed at once.
type outbound struct {
	net.Conn
	answers chan Answer
	gone    chan struct{} // closed when reading has ended
	err     error         // why; valid once gone is closed
}

// sender returns the sender of a lane, making it if there is room.
func (e *Endpoint) sender(l lane) (*sender, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	s := e.senders[l]
	if s == nil {
		if len(e.senders) >= lanes*e.cfg.MaxPeers {
			return nil, ErrTooManyPeers
		}
		s = &sender{e: e, lane: l, turn: make(chan struct{}, 1)}
		s.turn <- struct{}{}
		e.senders[l] = s
	}
	return s, nil
}

// The lanes.
const (
	LaneMessages = iota // an application's messages
	LaneGroup           // what is about membership, and answers to calls
	LaneWatch           // the connection that Hold keeps to watch the peer, and notices

	lanes = 3
)

// Send sends a frame, made by AppendMessage, on a lane to a peer. With options
// that ask for an acknowledgement it waits for that, and if none comes, or the
// peer's application fails, sends the very same frame once more on a new
// connection. An error is a *SendError, or ctx's.
func (e *Endpoint) Send(ctx context.Context, to netip.AddrPort, number int, options Options, frame []byte) error {
	s, err := e.sender(lane{to, number})
	if err != nil {
		return &SendError{to, 0, err}
	}
	if err := s.take(ctx); err != nil {
		return err
	}
	defer func() { s.turn <- struct{}{} }()
	for try := 1; ; try++ {
		err := s.exchange(ctx, frame, options&Ack != 0)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case try == tries || e.ctx.Err() != nil:
			return &SendError{to, try, e.wrapClosed(err)}
		}
	}
}

// Hold opens the lane that watches a peer, if it is not open: its end is told
// to Config.Lost.
func (e *Endpoint) Hold(ctx context.Context, to netip.AddrPort) error {
	s, err := e.sender(lane{to, LaneWatch})
	if err != nil {
		return err
	}
	if err := s.take(ctx); err != nil {
		return err
	}
	defer func() { s.turn <- struct{}{} }()
	_, err = s.connected(ctx)
	return err
}

// Forget closes the connections to a peer. Lost is not told.
func (e *Endpoint) Forget(to netip.AddrPort) {
	var conns []net.Conn
	e.mu.Lock()
	for number := range lanes {
		l := lane{to, number}
		if s := e.senders[l]; s != nil {
			if s.conn != nil {
				conns = append(conns, s.conn)
				s.conn = nil
			}
			s.gone = true
			delete(e.senders, l)
		}
	}
	e.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// take waits for the lane.
func (s *sender) take(ctx context.Context) error {
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.e.ctx.Done():
		return ErrClosed
	}
}

// connected returns the connection, dialling if there is none that lives.
func (s *sender) connected(ctx context.Context) (*outbound, error) {
	s.e.mu.Lock()
	c := s.conn
	s.e.mu.Unlock()
	if c != nil {
		select {
		case <-c.gone:
		default:
			return c, nil
		}
	}
	conn, err := s.e.dial(ctx, s.lane.to)
	if err != nil {
		return nil, err
	}
	c = &outbound{Conn: conn, answers: make(chan Answer, 1), gone: make(chan struct{})}
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	if s.e.closed || s.gone {
		conn.Close()
		return nil, ErrClosed // or forgotten meanwhile, which is the same to whoever sends
	}
	s.conn = c
	s.e.wg.Go(func() { s.listen(c) })
	return c, nil
}

// dial connects within DialTimeout.
func (e *Endpoint) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.DialTimeout)
	defer cancel()
	stop := context.AfterFunc(e.ctx, cancel)
	defer stop()
	conn, err := e.cfg.Dial(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// listen reads answers until the connection ends.
func (s *sender) listen(c *outbound) {
	r := NewReader(c, ackBody)
	for {
		f, err := r.Next()
		if err == nil {
			select {
			case c.answers <- f.Answer:
				continue
			default:
				err = malformed("an answer where nothing was asked")
			}
		}
		s.lose(c, err)
		return
	}
}

// lose forgets a connection that has ended and tells why, if it was in use.
func (s *sender) lose(c *outbound, err error) {
	c.err = err
	close(c.gone)
	c.Close()
	s.e.mu.Lock()
	mine := s.conn == c
	if mine {
		s.conn = nil
	}
	closed := s.e.closed
	s.e.mu.Unlock()
	if mine && !closed {
		var format *FormatError
		if errors.As(err, &format) {
			s.e.complain(s.lane.to.Addr().String(), "bad answer, connection closed", "from", s.lane.to, "reason", err.Error())
		}
		s.e.cfg.Lost(s.lane.to, err)
	}
}

// exchange writes a frame and waits for its answer, if there is to be one. After
// an error the connection is gone.
func (s *sender) exchange(ctx context.Context, frame []byte, ack bool) error {
	c, err := s.connected(ctx)
	if err != nil {
		return err
	}
	if err = c.exchange(ctx, frame, ack, s.e.cfg); err != nil {
		// Taken out first, so that this end is not told as the peer's.
		s.e.mu.Lock()
		if s.conn == c {
			s.conn = nil
		}
		s.e.mu.Unlock()
		c.Close()
		<-c.gone // the reader has ended
		if c.err != nil && errors.Is(err, net.ErrClosed) {
			err = c.err
		}
	}
	return err
}

func (c *outbound) exchange(ctx context.Context, frame []byte, ack bool, cfg Config) error {
	select {
	case <-c.answers: // to what was given up
	default:
	}
	_ = c.SetWriteDeadline(time.Now().Add(cfg.FrameTimeout))
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if _, err := c.Write(frame); err != nil || !ack {
		return err
	}
	timer := time.NewTimer(cfg.AckTimeout)
	defer timer.Stop()
	select {
	case a := <-c.answers:
		if a == Failed {
			return ErrFailed
		}
		return nil
	case <-c.gone:
		return c.err
	case <-timer.C:
		return fmt.Errorf("%w: %v", ErrNoAnswer, cfg.AckTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}
