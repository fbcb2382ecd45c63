package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Failure sorts the errors of Dial, Look, Serve and of a link's end by what
// they prove about the peer.
type Failure uint8

// The failures.
const (
	// FailureNone belongs to a nil error.
	FailureNone Failure = 0
	// FailureRefused: nobody listens there; the word of a living host.
	FailureRefused Failure = 1
	// FailureReset: the connection was reset or ended by the other side.
	FailureReset Failure = 2
	// FailureSilent: no answer in time, or a peer that takes nothing.
	FailureSilent Failure = 3
	// FailureLocal: this host's own trouble (no descriptors, no addresses, no
	// route, no resolution of a name). No evidence about the peer.
	FailureLocal Failure = 4
	// FailureRejected: a handshake that came to a clear no, a *RefusedError.
	FailureRejected Failure = 5
	// FailureClosed: this side closed or gave up, by Close or by its context.
	FailureClosed Failure = 6
	// FailureMalformed: what answered did not follow the protocol.
	FailureMalformed Failure = 7
)

// String returns the failure's name.
func (f Failure) String() string {
	if f == FailureNone {
		return "none"
	}
	return name("failure", uint8(f), "refused", "reset", "silent", "local", "rejected", "closed", "malformed")
}

// FailureOf sorts an error. A deadline of the caller's context counts as
// silence, its cancellation as the caller's own close. What it does not know
// is FailureLocal, as no peer may be judged by it.
func FailureOf(err error) Failure {
	if err == nil {
		return FailureNone
	}
	if r, ok := errors.AsType[*RefusedError](err); ok {
		if r.Code == CodeMalformed {
			return FailureMalformed
		}
		return FailureRejected
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return FailureLocal // even its time-outs say nothing about the peer
	}
	switch {
	case isAny(err, ErrClosed, context.Canceled, net.ErrClosed):
		return FailureClosed
	case errors.Is(err, ErrMalformed):
		return FailureMalformed
	case isAny(err, ErrSlowPeer, context.DeadlineExceeded, os.ErrDeadlineExceeded):
		return FailureSilent
	case isAny(err, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe):
		return FailureReset
	}
	if code, ok := errors.AsType[syscall.Errno](err); ok {
		if f := failureOfErrno(code); f != FailureNone {
			return f
		}
	}
	if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
		return FailureSilent
	}
	return FailureLocal
}

// isAny tells whether err is one of targets.
func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// passing tells whether a failed Accept is worth another try: the host is out
// of something, or the connection went away before it was accepted.
func passing(err error) bool {
	if t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err); ok && t.Temporary() {
		return true
	}
	code, ok := errors.AsType[syscall.Errno](err)
	return ok && (failureOfErrno(code) == FailureReset || outOfSomething(code))
}
