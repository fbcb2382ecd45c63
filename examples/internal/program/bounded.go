package program

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// bounded is a listener with a bound on connections: those beyond it are closed
// at once, so that the ones that are there go on.
type bounded struct {
	net.Listener
	most int

	mu     sync.Mutex
	open   map[*counted]struct{}
	ending bool // nothing more is taken
}

func newBounded(listener net.Listener, most int) *bounded {
	return &bounded{Listener: listener, most: most, open: map[*counted]struct{}{}}
}

// Accept returns the next connection within the bound.
func (l *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &counted{Conn: conn, from: l}
		if l.take(c) {
			return c, nil
		}
		conn.Close()
	}
}

func (l *bounded) take(c *counted) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending || len(l.open) >= l.most {
		return false
	}
	l.open[c] = struct{}{}
	return true
}

// end closes the connections that never had a request, and takes no more. Once a
// server is told to shut down, net/http answers no first request, but waits up to
// six seconds for such a connection.
func (l *bounded) end() {
	var unused []*counted
	l.mu.Lock()
	l.ending = true
	for c := range l.open {
		if !c.used.Load() {
			unused = append(unused, c)
		}
	}
	l.mu.Unlock()
	for _, c := range unused {
		c.Close()
	}
}

// use is what net/http tells of a connection.
func use(conn net.Conn, now http.ConnState) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if c, ok := conn.(*counted); ok && now != http.StateNew {
		c.used.Store(true)
	}
}

// counted is a connection that counts until it is closed.
type counted struct {
	net.Conn
	from *bounded
	once sync.Once
	used atomic.Bool // a request has come
}

// Close closes it.
func (c *counted) Close() error {
	c.once.Do(func() {
		c.from.mu.Lock()
		defer c.from.mu.Unlock()
		delete(c.from.open, c)
	})
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
