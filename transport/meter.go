package transport

import (
	"fmt"
	"net"
	"sync/atomic"
)

// MaxHandshakeBytes bounds all that is read of a connection, in bytes, before
// the peer has proved who it is: TLS with its certificates and the first
// frames. Without TLS it is MaxHandshakeFrame and 4.
const MaxHandshakeBytes = 64 << 10

// A meter is a connection below TLS, whose peer may send so much and no more
// until it is trusted, and whose first bytes are kept: they tell what the peer
// speaks if it is not TLS.
type meter struct {
	net.Conn
	left  atomic.Int64 // bytes that may still be read; negative: no limit
	first []byte       // up to firstBytes of them, until the peer is trusted
}

// firstBytes bounds what is kept of the beginning: a short refusal fits.
const firstBytes = 512

func newMeter(conn net.Conn) *meter {
	m := &meter{Conn: conn}
	m.left.Store(MaxHandshakeBytes)
	return m
}

// trust lifts the limit. It is called by whoever reads.
func (m *meter) trust() {
	m.left.Store(-1)
	m.first = nil
}

// head returns the first bytes that came, as many as an error quotes.
func (m *meter) head() []byte { return m.first[:min(len(m.first), headBytes)] }

// Read reads within the limit.
func (m *meter) Read(p []byte) (int, error) {
	left := m.left.Load()
	if left < 0 {
		return m.Conn.Read(p)
	}
	if left == 0 {
		return 0, fmt.Errorf("%w: more than %d bytes before the end of the handshake", ErrMalformed, MaxHandshakeBytes)
	}
	n, err := m.Conn.Read(p[:min(int64(len(p)), left)])
	m.first = append(m.first, p[:min(n, firstBytes-len(m.first))]...)
	m.left.CompareAndSwap(left, left-int64(n)) // or trusted meanwhile
	return n, err
}

// CloseWrite ends the sending direction alone, where that can be done.
func (m *meter) CloseWrite() error {
	if half, ok := m.Conn.(halfCloser); ok {
		return half.CloseWrite()
	}
	return errNoHalfClose
}
