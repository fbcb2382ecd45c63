package program

import (
	"net"
	"sync"
	"sync/atomic"
)

// bounded is a listener with a bound on connections: those beyond it are closed
// at once, so that the ones that are there go on.
type bounded struct {
	net.Listener
	most int64
	open atomic.Int64
}

// Accept returns the next connection within the bound.
func (l *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.most {
			return &counted{Conn: conn, from: l}, nil
		}
		l.open.Add(-1)
		conn.Close()
	}
}

// counted is a connection that counts until it is closed.
type counted struct {
	net.Conn
	from *bounded
	once sync.Once
}

// Close closes it.
func (c *counted) Close() error {
	c.once.Do(func() { c.from.open.Add(-1) })
	return c.Conn.Close()
}

// CloseWrite lets net/http end its side first, so that a last answer is not lost
// with what the client still sends.
func (c *counted) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
