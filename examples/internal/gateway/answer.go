package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gotribes/tribes/membership/upstream"
)

// answerError tells the client what went wrong, in words that say nothing of
// addresses; the log has them.
func (g *Gateway) answerError(w http.ResponseWriter, r *http.Request, err error) {
	x := WantOf(r).exchange
	status, text := http.StatusBadGateway, "the member that was asked broke off"
	fault := x.body.failure()
	x.fault = fault == nil && r.Context().Err() == nil
	_, long := errors.AsType[*http.MaxBytesError](fault)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	broken, sent := errors.AsType[*upstream.FailedError](err)
	nobody, empty := errors.AsType[*NoMemberError](err)
	switch {
	case certificate: // of the last member that was tried
		text = "the certificate of the member that was asked could not be verified"
	case empty:
		retryAfter(w.Header())
		status, text = http.StatusServiceUnavailable, nobody.Error()
	case long:
		status, text = http.StatusRequestEntityTooLarge, "the body is too long"
	case fault != nil && tooLong(fault):
		status, text = http.StatusRequestTimeout, "the body did not come in time"
	case fault != nil:
		status, text = http.StatusBadRequest, "the body could not be read"
	case errors.Is(err, context.Canceled):
		text = "the request was given up" // by the client, which will not read this
	case tooLong(err):
		status, text = http.StatusGatewayTimeout, "the member that was asked did not answer in time"
	case sent:
		text += ": " + broken.Reason
	}
	if fault != nil {
		w.Header().Set("Connection", "close") // what is left of the body is not worth waiting for
	}
	http.Error(w, text, status)
}

// Bounds of the log: a backend that fails, or a stranger, must not fill a disk.
const (
	logBurst  = 5
	logPeriod = 10 * time.Second
)

// A limitedLog passes on a few records in each period and counts the others. It
// is a slog.Handler without attributes of its own.
type limitedLog struct {
	to *slog.Logger

	mu      sync.Mutex // for what follows; held for nothing that can block
	began   time.Time
	count   int
	dropped int
}

// allow tells whether a record may pass, and how many before it did not.
func (l *limitedLog) allow() (dropped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.began) > logPeriod {
		l.began, l.count = now, 0
	}
	if l.count++; l.count > logBurst {
		l.dropped++
		return 0, false
	}
	dropped, l.dropped = l.dropped, 0
	return dropped, true
}

func (l *limitedLog) warn(message string, attributes ...any) {
	dropped, ok := l.allow()
	if !ok {
		return
	}
	if dropped > 0 {
		attributes = append(attributes, "left out before", dropped)
	}
	l.to.Warn(message, attributes...)
}

// Enabled is that of slog.Handler.
func (l *limitedLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle is that of slog.Handler: for what net/http has to say.
func (l *limitedLog) Handle(_ context.Context, r slog.Record) error {
	l.warn("net/http reports", "error", r.Message)
	return nil
}

// WithAttrs is that of slog.Handler.
func (l *limitedLog) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup is that of slog.Handler.
func (l *limitedLog) WithGroup(string) slog.Handler { return l }

// ErrorLog returns what an http.Server is to log with: rate-limited.
func (g *Gateway) ErrorLog() slog.Handler { return g.log }
