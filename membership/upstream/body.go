package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
)

// A body is a request's body that outlives attempts which never read it. It is
// closed once, whatever happens.
type body struct {
	real io.ReadCloser // nil: there is none
	once sync.Once

	mu      sync.Mutex // guards what follows
	current *reading   // the attempt that may read
	begun   bool       // some of real was read, or may have been
	closed  bool       // an attempt has closed it
	kept    bool       // an attempt was answered: what it does with the body is final
}

// newBody takes over the body of a request.
func newBody(r *http.Request) *body {
	if r.Body == nil || r.Body == http.NoBody {
		return &body{}
	}
	return &body{real: r.Body}
}

// next returns the body for the next attempt.
func (b *body) next(r *http.Request) io.ReadCloser {
	if b.real == nil {
		return r.Body
	}
	b.mu.Lock()
	begun := b.begun
	if !begun {
		b.current, b.closed = &reading{body: b}, false
	}
	current := b.current
	b.mu.Unlock()
	if !begun {
		return current
	}
	again, err := r.GetBody() // there is one, or again would have said no
	if err != nil {
		return io.NopCloser(&failing{err})
	}
	return again
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// again ends the attempt's right to read, and says whether another one can have
// the whole body.
func (b *body) again(r *http.Request) bool {
	if b.real == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current = nil
	return !b.begun || r.GetBody != nil
}

// end closes the body of a request that was not answered.
func (b *body) end() {
	b.mu.Lock()
	b.current = nil
	b.mu.Unlock()
	b.close()
}

// keep leaves the body to the attempt that was answered: it may go on reading,
// and closes it.
func (b *body) keep() {
	b.mu.Lock()
	b.kept = true
	done := b.closed || b.begun && b.current == nil // another copy of it is in use
	b.mu.Unlock()
	if done {
		b.close()
	}
}

func (b *body) close() {
	if b.real != nil {
		b.once.Do(func() { _ = b.real.Close() })
	}
}

// A reading is the body as one attempt sees it.
type reading struct{ body *body }

var errTakenBack = errors.New("the request was taken back")

// Read reads, unless the request was taken back from this attempt.
func (r *reading) Read(p []byte) (int, error) {
	b := r.body
	b.mu.Lock()
	mine := b.current == r
	b.begun = b.begun || mine
	b.mu.Unlock()
	if !mine {
		return 0, errTakenBack
	}
	return b.real.Read(p)
}

// Close closes the body, unless another attempt may need it.
func (r *reading) Close() error {
	b := r.body
	b.mu.Lock()
	mine := b.current == r
	b.closed = b.closed || mine
	now := mine && (b.begun || b.kept)
	b.mu.Unlock()
	if now {
		b.close()
	}
	return nil
}

// watchBody has the end of an answer's body end the pick.
func watchBody(k *Pick, a *attempt, resp *http.Response, ctx context.Context) {
	w := &answer{ReadCloser: resp.Body, pick: *k, attempt: a, ctx: ctx}
	if resp.Body == nil || resp.Body == http.NoBody {
		w.over()
		return
	}
	if writer, ok := resp.Body.(io.Writer); ok { // of an upgraded connection
		resp.Body = &upgraded{answer: w, Writer: writer}
		return
	}
	resp.Body = w
}

// An answer is the body of a response.
type answer struct {
	io.ReadCloser
	pick    Pick
	attempt *attempt
	ctx     context.Context // of the request
	once    sync.Once
}

// Read reads. An answer that breaks off is a word about its member.
func (w *answer) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil {
		if err != io.EOF && w.ctx.Err() == nil {
			w.once.Do(func() {
				w.pick.pool.report(w.pick.target, err)
				w.end()
			})
		}
		w.over()
	}
	return n, err
}

// Close closes the body.
func (w *answer) Close() error {
	err := w.ReadCloser.Close()
	w.over()
	return err
}

func (w *answer) over() { w.once.Do(w.end) }

func (w *answer) end() {
	w.pick.Done(Succeeded, nil) // told already
	if w.attempt != nil {
		w.attempt.cancel(nil)
	}
}

// An upgraded is the connection after an answer of 101.
type upgraded struct {
	*answer
	io.Writer
}
