package transport

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gotribes/tribes/internal/wire"
)

// bindingLabel names what both sides of a TLS connection derive from it, and
// sign in their proofs: a proof is good for the connection that it was made on.
const bindingLabel = "EXPORTER-tribes-link-v1"

// errHeardNothing: the other side closed without a byte.
var errHeardNothing = errors.New("nothing was said")

var errNoHalfClose = errors.New("the connection cannot end one direction alone")

// A channel is what a connection got from its wrapping: nothing but itself
// without keys and certificates.
type channel struct {
	conn        net.Conn
	binding     []byte            // of the proofs to the connection, empty without TLS
	identity    ed25519.PublicKey // the cluster key that the peer holds, by its public half; nil without keys
	certificate *x509.Certificate // the peer's own, nil without certificates
}

// trust lifts the limits of the handshake.
func (c *channel) trust() {
	if s, ok := c.conn.(*secureConn); ok {
		s.raw.trust()
	}
}

// wrap encrypts a connection and has both sides prove that they hold a key or
// a certificate, if this node has some. address is for errors: dialled, or
// where the dialer comes from. The caller closes conn, also on an error.
func (e *Endpoint) wrap(conn net.Conn, dialed bool, address string) (*channel, error) {
	config, mine, err := e.security(address, dialed)
	if err != nil {
		return nil, err
	}
	if config == nil {
		return &channel{conn: conn}, nil
	}
	raw := newMeter(conn)
	tc := tls.Server(raw, config)
	if dialed {
		tc = tls.Client(raw, config)
	}
	if err := tc.Handshake(); err != nil {
		if dialed {
			return nil, dialFailure(err, raw, address, mine)
		}
		return nil, acceptFailure(err, raw, address, mine)
	}
	state := tc.ConnectionState()
	c := &channel{conn: &secureConn{Conn: tc, raw: raw}}
	if c.binding, err = state.ExportKeyingMaterial(bindingLabel, nil, 32); err != nil {
		return nil, fmt.Errorf("address %s: binding to the connection: %w", address, err)
	}
	if mine == theKey {
		c.identity = identityOf(&state)
	} else {
		c.certificate = state.PeerCertificates[0]
	}
	return c, nil
}

// What a node shows of itself, in its own words.
const (
	theKey         = "key"
	theCertificate = "certificate"
)

// security returns how this node secures its next connection, nil for not at
// all, and what it shows.
func (e *Endpoint) security(address string, dialed bool) (config *tls.Config, mine string, err error) {
	switch r := e.ring.Load(); {
	case r != nil:
		return r.config, theKey, nil
	case e.certificates == nil:
		return nil, "", nil
	case !dialed || e.certificates.ServerName != "":
		return e.certificates, theCertificate, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, "", fmt.Errorf("address %s: %w", address, err)
	}
	config = e.certificates.Clone()
	config.ServerName = host
	return config, theCertificate, nil
}

// An alertError is the other side's word, over TLS, that it will not go on.
type alertError struct{ err error }

func (a *alertError) Error() string { return a.err.Error() }

func (a *alertError) Unwrap() []error { return []error{ErrMalformed, a.err} }

// alertOf returns the alert of an error of crypto/tls, or nil.
func alertOf(err error) *alertError {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return &alertError{op.Err}
	}
	return nil
}

// plainHead says that the bytes are the beginning of a frame of a handshake,
// which no TLS begins with: the length's first byte is 0.
func plainHead(head []byte) bool { return len(head) > 0 && head[0] == 0 }

// dialFailure says what a failed TLS handshake means to the dialer.
func dialFailure(err error, raw *meter, address, mine string) error {
	refused := func(format string, args ...any) error {
		return &RefusedError{Code: CodeKey, Address: address, Text: printable(fmt.Sprintf(format, args...))}
	}
	if a := alertOf(err); a != nil {
		return refusedByAlert(a, address, mine)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		if plainHead(raw.head()) {
			if r := plainRefusal(raw, address); r != nil && r.Code != CodeKey {
				return r
			}
			return refused("%s not accepted by %s: it has none itself and speaks in plain; give it %ss, or none to this node",
				mine, address, mine)
		}
		return notTribes(address, &frameError{max: MaxHandshakeFrame, head: raw.head()})
	}
	switch {
	case errors.Is(err, errForeignKey):
		return refused("key not accepted by %s: it %v", address, err)
	case isCertificateError(err):
		return &RefusedError{Code: CodeKey, Address: address, err: err,
			Text: printable(fmt.Sprintf("certificate of %s not accepted: %v", address, err))}
	case networkError(err):
		return (&handshake{address: address}).dialError(err)
	case mine == theCertificate:
		return refused("TLS with %s: %v", address, err) // what the caller's checks say is of any kind
	}
	// What is left are complaints of crypto/tls about the other side.
	return notTribes(address, fmt.Errorf("%w: %w", ErrMalformed, err))
}

// plainRefusal reads the refusal that came where TLS was expected, or nil.
func plainRefusal(raw *meter, address string) *RefusedError {
	payload, err := handshakeReader(io.MultiReader(bytes.NewReader(raw.first), raw.Conn)).next()
	if err != nil {
		return nil
	}
	var d wire.Decoder
	d.Reset(payload)
	if d.Uint() != kindRefusal {
		return nil
	}
	r, _ := errors.AsType[*RefusedError](decodeRefusal(&d, address))
	return r
}

// refusedByAlert turns the other side's alert into a refusal.
func refusedByAlert(a *alertError, address, mine string) error {
	text := fmt.Sprintf("%s not accepted by %s: it said %q", mine, address, a.Error())
	return &RefusedError{Code: CodeKey, Address: address, Text: printable(text)}
}

// acceptFailure says what a failed TLS handshake means to the acceptor, and
// sees that the dialer hears of it.
func acceptFailure(err error, raw *meter, address, mine string) error {
	refused := func(format string, args ...any) error {
		linger(raw)
		return &RefusedError{Code: CodeKey, Address: address, Text: printable(fmt.Sprintf(format, args...))}
	}
	if a := alertOf(err); a != nil {
		return &RefusedError{Code: CodeKey, Address: address, Text: printable(fmt.Sprintf(
			"the dialer does not accept the %s of this node: it said %q", mine, a.Error()))}
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		if plainHead(raw.head()) {
			h := handshake{conn: raw}
			// Nothing in it that a stranger could not guess.
			_ = h.write(encodeRefusal(CodeKey, "the other side wants a "+mine))
			return refused("the dialer has no %s and speaks in plain", mine)
		}
		return &frameError{max: MaxHandshakeFrame, head: raw.head()}
	}
	switch {
	case errors.Is(err, errForeignKey):
		return refused("the dialer %v", err)
	case isCertificateError(err):
		return refused("certificate of the dialer not accepted: %v", err)
	case networkError(err) && FailureOf(err) == FailureReset && len(raw.first) == 0:
		return fmt.Errorf("%w: %w", errHeardNothing, err)
	case networkError(err):
		return fmt.Errorf("waiting for its TLS handshake: %w", err)
	case mine == theCertificate:
		return refused("TLS with the dialer: %v", err)
	}
	linger(raw)
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// linger ends this side's direction and reads on for a while, so that the last
// word is not lost in a reset.
func linger(conn net.Conn) {
	if half, ok := conn.(halfCloser); ok && half.CloseWrite() == nil {
		_ = conn.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, MaxHandshakeFrame))
	}
}

// networkError says that an error is the connection's and not that of TLS.
func networkError(err error) bool {
	switch FailureOf(err) {
	case FailureReset, FailureSilent, FailureClosed:
		return true
	}
	return false
}

// A secureConn is a connection inside TLS. Closing does not wait for the
// network, as the closing of a tls.Conn may.
type secureConn struct {
	*tls.Conn
	raw *meter
}

// Read reads what the peer sent; trouble of TLS itself is the peer's.
func (c *secureConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	if a := alertOf(err); a != nil {
		return n, a
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "local error" {
		return n, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return n, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return n, err
}

// Close closes the connection at once, without a word.
func (c *secureConn) Close() error { return c.raw.Close() }

// CloseWrite says that nothing more comes, and ends the direction.
func (c *secureConn) CloseWrite() error {
	if err := c.Conn.CloseWrite(); err != nil {
		return err
	}
	return c.raw.CloseWrite()
}
