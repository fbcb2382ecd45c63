package transport

import (
	"crypto/ed25519"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gotribes/tribes/internal/wire"
)

// A Link is a lasting connection to one authenticated peer. All methods may be
// called by many goroutines at once, also from frame and down. None of them
// waits for the network.
type Link struct {
	endpoint *Endpoint
	conn     net.Conn
	frames   *frameReader // the reader goroutine's
	peer     Hello
	self     Hello
	version  uint16
	dialed   bool
	asks     bool              // takes the place of one who asks; the endpoint's mu guards it
	identity ed25519.PublicKey // the cluster key of the peer, nil without keys
	cert     *x509.Certificate // the peer's own, nil without certificates

	discard atomic.Bool   // no more frames for the owner
	running atomic.Int32  // goroutines; the last one reports the end
	readEnd chan struct{} // closed when the reader has ended

	bytesIn, framesIn, bytesOut, framesOut atomic.Uint64

	mu       sync.Mutex // guards what follows; never held while a read or write waits
	wake     *sync.Cond // the writer's: something to send, or the end
	started  bool
	flushing bool
	flushBy  time.Time  // when flushing has to be over
	reason   error      // of CloseAfterFlush
	err      error      // set once: why the link is down
	out      []byte     // whole frames that wait to be sent
	outCount uint64     // how many
	queued   int        // bytes accepted by Send and not yet written, out included
	writing  bool       // the writer has taken frames that it has not yet written
	direct   *direct    // nil: only the writer writes
	slack    wire.Slack // of out, where a step writes directly
}

// LinkStats are counts of one link since its handshake. Bytes include the
// length before each frame.
type LinkStats struct {
	BytesIn, FramesIn   uint64 // read
	BytesOut, FramesOut uint64 // handed to the operating system
	Queued              int    // bytes that wait to be sent
}

func newLink(h *handshake, dialed bool) *Link {
	l := &Link{
		endpoint: h.endpoint, conn: h.conn, frames: h.frames,
		peer: h.peer, self: h.self, version: h.version, dialed: dialed, asks: h.asks,
		identity: h.channel.identity, cert: h.channel.certificate,
		readEnd: make(chan struct{}),
	}
	l.wake = sync.NewCond(&l.mu)
	l.direct = newDirect(h.conn)
	return l
}

// Peer returns the verified hello of the other side. Its slices are shared.
func (l *Link) Peer() Hello { return l.peer }

// Dialed tells whether this side dialled.
func (l *Link) Dialed() bool { return l.dialed }

// RemoteAddr returns the other end of the connection, which for an accepted
// link is not the address that the peer listens on.
func (l *Link) RemoteAddr() net.Addr { return l.conn.RemoteAddr() }

// Certificate returns the peer's certificate, which Config.TLS has accepted;
// nil without Config.TLS. It must not be changed.
func (l *Link) Certificate() *x509.Certificate { return l.cert }

// Version returns the agreed protocol version.
func (l *Link) Version() uint16 { return l.version }

// Heartbeat returns the shorter of the two sides' heartbeat intervals.
func (l *Link) Heartbeat() time.Duration {
	return min(l.self.HeartbeatInterval, l.peer.HeartbeatInterval)
}

// Stats returns the counts as they are now.
func (l *Link) Stats() LinkStats {
	l.mu.Lock()
	queued := l.queued
	l.mu.Unlock()
	return LinkStats{
		BytesIn: l.bytesIn.Load(), FramesIn: l.framesIn.Load(),
		BytesOut: l.bytesOut.Load(), FramesOut: l.framesOut.Load(),
		Queued: queued,
	}
}

// Start sets the link going; it is called once, by the owner.
//
// frame is called for each payload, in order, by one goroutine. The payload is
// valid only during the call. While frame runs nothing more is read, so it
// must not wait for long. An error closes the link and becomes its reason.
//
// down is called exactly once, after the last call of frame, when both
// goroutines of the link have ended, with why: the error of frame, of the
// connection, ErrSlowPeer, ErrClosed, or the reason given to CloseAfterFlush.
// It is called even if the link was closed before Start, but never before
// Start has returned control to another goroutine: it has one of its own.
//
// A second call panics, and so does a call after CloseAfterFlush.
func (l *Link) Start(frame func(payload []byte) error, down func(err error)) {
	l.mu.Lock()
	twice := l.started
	l.started = true
	l.mu.Unlock()
	if twice {
		panic("transport: Link.Start called twice or after CloseAfterFlush")
	}
	l.run(frame, down)
}

// run starts the goroutines. Close of the endpoint waits for them, unless it
// is over already and they end at once.
func (l *Link) run(frame func([]byte) error, down func(error)) {
	counted := l.endpoint.enter()
	l.running.Store(2)
	end := func() {
		if l.running.Add(-1) > 0 {
			return
		}
		l.endpoint.release(l)
		down(l.why())
		if counted {
			l.endpoint.wg.Done()
		}
	}
	go func() {
		defer end()
		defer close(l.readEnd)
		l.read(frame)
	}()
	go func() {
		defer end()
		l.write()
	}()
}

// why returns the reason of the end.
func (l *Link) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Send queues a copy of payload, 1 to MaxFrame bytes. It never waits: if the
// peer has let Config.QueueBytes pile up, the link is closed and the error
// wraps ErrSlowPeer. ErrFrameSize leaves the link as it is; any other error is
// why the link is down or going down. A nil error does not mean that the
// payload arrived. Before Start, payloads are kept until it is called.
func (l *Link) Send(payload []byte) error {
	if _, err := l.queue(payload); err != nil {
		return err
	}
	l.wake.Signal()
	return nil
}

// queue returns how many bytes wait for the writer now.
func (l *Link) queue(payload []byte) (waiting int, err error) {
	if len(payload) == 0 || len(payload) > MaxFrame {
		return 0, fmt.Errorf("%w: %d", ErrFrameSize, len(payload))
	}
	size := headerSize + len(payload)
	l.mu.Lock()
	if l.err != nil || l.flushing {
		err = l.err
		l.mu.Unlock()
		if err == nil {
			err = fmt.Errorf("link is closing: %w", ErrClosed)
		}
		return 0, err
	}
	if queued := l.queued; queued > 0 && queued+size > l.endpoint.cfg.QueueBytes {
		l.mu.Unlock()
		return 0, l.fail(fmt.Errorf("%w: %d bytes wait at %s", ErrSlowPeer, queued, l.RemoteAddr()))
	}
	l.out = appendFrame(l.out, payload)
	l.outCount++
	l.queued += size
	waiting = len(l.out)
	l.mu.Unlock()
	return waiting, nil
}

// Close ends the link at once; what is queued is lost. It does not wait for
// down. It returns nil.
func (l *Link) Close() error {
	_ = l.fail(fmt.Errorf("link to %s: %w", l.RemoteAddr(), ErrClosed))
	return nil
}

// CloseAfterFlush ends the link once what is queued is sent: it takes no
// further payloads, gives no further frames to the owner (but for one under
// way), sends what is queued for at most Config.WriteTimeout, ends its
// direction, waits up to a second for the peer to end the other, and closes.
// So a goodbye is not destroyed by a reset. reason is what down is told;
// default: ErrClosed. It does not wait; Close cuts it short. It may be called
// before Start, and then in its place.
func (l *Link) CloseAfterFlush(reason error) {
	if reason == nil {
		reason = fmt.Errorf("link to %s: %w", l.RemoteAddr(), ErrClosed)
	}
	l.mu.Lock()
	if l.err != nil || l.flushing {
		l.mu.Unlock()
		return
	}
	l.flushing, l.reason = true, reason
	l.flushBy = time.Now().Add(l.flushTime())
	l.discard.Store(true)
	idle := !l.started
	l.started = true
	l.mu.Unlock()
	l.wake.Signal()
	if idle {
		l.run(nil, func(error) {})
	}
}

// flushTime bounds a flush.
func (l *Link) flushTime() time.Duration {
	if t := l.endpoint.cfg.WriteTimeout; t > 0 {
		return t
	}
	return l.endpoint.cfg.DropTime
}

// fail takes the link down for err, unless it is down or told to go down for
// another reason, and returns the reason that holds.
func (l *Link) fail(err error) error {
	l.mu.Lock()
	first := l.err == nil
	if first {
		if l.flushing {
			err = l.reason
		}
		l.err = err
		l.out = nil
	}
	err = l.err
	started := l.started
	l.mu.Unlock()
	if first {
		_ = l.conn.Close()
		l.wake.Signal()
		if !started {
			l.endpoint.release(l)
		}
	}
	return err
}

// read gives frames to the owner until the link goes down or is told to. Then
// it reads on without looking, until the peer ends its direction: that is not
// the end of the link, for which the writer decides when all is sent.
func (l *Link) read(frame func([]byte) error) {
	for !l.discard.Load() {
		payload, err := l.frames.next()
		if err != nil && l.discard.Load() {
			return
		}
		if err != nil {
			_ = l.fail(fmt.Errorf("reading from %s: %w", l.RemoteAddr(), err))
			return
		}
		l.framesIn.Add(1)
		l.bytesIn.Add(uint64(headerSize + len(payload)))
		if l.discard.Load() {
			break
		}
		if err := frame(payload); err != nil {
			_ = l.fail(err)
			return
		}
	}
	_, _ = io.Copy(io.Discard, l.conn)
}
