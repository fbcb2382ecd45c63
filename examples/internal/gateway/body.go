package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// setAgain is how old the deadline of an idle time may be until it is set anew:
// often enough, and no price for each read or write.
func setAgain(idle time.Duration) time.Duration { return min(time.Second, idle/4) }

// A clientBody is the body of a request. It is bounded, must not stand still,
// and remembers what went wrong with it: that is the client's fault and no
// member's.
type clientBody struct {
	from    io.ReadCloser
	control *http.ResponseController
	idle    time.Duration // <= 0 is any time
	failed  atomic.Pointer[error]
	cancel  context.CancelFunc // called when it has failed and nobody has answered yet
	settled atomic.Bool        // somebody has answered
	set     time.Time          // when the deadline was; one goroutine reads at a time
	ended   atomic.Bool        // read to its end
}

// newClientBody bounds a request's body.
func (g *Gateway) newClientBody(w http.ResponseWriter, body io.ReadCloser, cancel context.CancelFunc) *clientBody {
	if g.options.MaxBody > 0 {
		body = http.MaxBytesReader(w, body, g.options.MaxBody)
	}
	return &clientBody{from: body, control: http.NewResponseController(w), idle: g.options.ClientIdle, cancel: cancel}
}

// failure is what went wrong with the client, or nil.
func (b *clientBody) failure() error {
	if b == nil {
		return nil
	}
	if p := b.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// Read reads, for as long as the client sends something now and then.
func (b *clientBody) Read(p []byte) (int, error) {
	if now := time.Now(); b.idle > 0 && now.Sub(b.set) > setAgain(b.idle) {
		b.set = now
		b.deadline(now.Add(b.idle))
	}
	n, err := b.from.Read(p)
	switch {
	case err == nil || errors.Is(err, http.ErrBodyReadAfterClose):
	case errors.Is(err, io.EOF):
		b.ended.Store(true)
		// The server reads on, to see whether the client is still there, and
		// would take it for gone when the time is up.
		b.deadline(time.Time{})
	default: // the deadline stays, or the server would wait for the rest
		b.failed.Store(&err)
		if !b.settled.Load() {
			b.cancel()
		}
	}
	return n, err
}

// Close ends reading. The server takes what is left of a short body, so that the
// connection can be used again, but does not wait for it for ever.
func (b *clientBody) Close() error {
	if b.ended.Load() || b.failure() != nil {
		return b.from.Close()
	}
	b.deadline(time.Now().Add(max(b.idle, 0)))
	err := b.from.Close()
	b.deadline(time.Time{})
	return err
}

// deadline sets the time until which reading may last. A connection that cannot
// have one is no reason to fail.
func (b *clientBody) deadline(t time.Time) {
	if b.idle > 0 {
		_ = b.control.SetReadDeadline(t)
	}
}

// An attempt is a clientBody for one member. To close it does nothing: who fails
// closes it, but the next one needs it.
type attempt struct{ *clientBody }

// Close does nothing.
func (attempt) Close() error { return nil }

// A clientWriter takes the answer to a client, which must take something of it
// now and then.
type clientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	idle    time.Duration
	set     time.Time
}

// newClientWriter bounds the time of writing. The server takes the deadline away
// when it has written an answer.
func newClientWriter(w http.ResponseWriter, idle time.Duration) *clientWriter {
	return &clientWriter{ResponseWriter: w, control: http.NewResponseController(w), idle: idle}
}

// Unwrap is for http.ResponseController.
func (w *clientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader gives the client time for the header.
func (w *clientWriter) WriteHeader(status int) {
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

// Write gives the client time for what is written.
func (w *clientWriter) Write(p []byte) (int, error) {
	w.extend()
	return w.ResponseWriter.Write(p)
}

func (w *clientWriter) extend() {
	if now := time.Now(); w.idle > 0 && now.Sub(w.set) > setAgain(w.idle) {
		w.set = now
		_ = w.control.SetWriteDeadline(now.Add(w.idle)) // as for reading
	}
}

// A memberBody is the body of an answer. It is closed when its member says
// nothing for too long, which makes Read fail.
type memberBody struct {
	io.ReadCloser
	idle  time.Duration
	timer *time.Timer
	last  time.Time
}

func newMemberBody(body io.ReadCloser, idle time.Duration) *memberBody {
	return &memberBody{ReadCloser: body, idle: idle, last: time.Now(), timer: time.AfterFunc(idle, func() { body.Close() })}
}

// Read reads and gives the member more time if it had something to say.
func (b *memberBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if now := time.Now(); err == nil && now.Sub(b.last) > setAgain(b.idle) {
		b.last = now
		b.timer.Reset(b.idle)
	}
	return n, err
}

// Close ends the answer.
func (b *memberBody) Close() error {
	b.timer.Stop()
	return b.ReadCloser.Close()
}
