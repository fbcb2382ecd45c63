package upstream

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/gotribes/tribes/membership"
)

// Dial connects to a member of the pool, and to another one where a connect
// fails, within Options.Tries and the budget for repeats. The connection counts
// as in flight until it is closed. The error is an *EmptyError, ErrClosed, or
// that of ctx.
func (p *Pool) Dial(ctx context.Context, w Want) (net.Conn, membership.Member, error) {
	p.budget.requests.Add(1)
	tried := append([]membership.ID(nil), w.Avoid...)
	var last error
	for n := 0; ; n++ {
		if n > 0 && (n >= p.o.Tries || !p.budget.allow()) {
			return nil, membership.Member{}, p.table.Load().empty(p, n, last)
		}
		w.Avoid = tried
		k, err := p.Pick(w)
		if err != nil {
			if empty, ok := errors.AsType[*EmptyError](err); ok {
				empty.Err = last
			}
			return nil, membership.Member{}, err
		}
		d := net.Dialer{Timeout: p.o.DialTimeout}
		conn, err := d.DialContext(ctx, "tcp", k.Address())
		if err == nil {
			k.Answered()
			k.tell(Succeeded, nil)
			m := k.Member()
			// A dialer's "tcp" gives no other kind; what it offers besides, such as
			// closing one direction, is what a proxy needs.
			return &counted{TCPConn: conn.(*net.TCPConn), pick: k}, m, nil
		}
		if ctx.Err() != nil {
			k.Done(Abandoned, err)
			return nil, membership.Member{}, err
		}
		tried = append(tried, k.target.id)
		k.Done(Unreachable, err)
		last = err
	}
}

// A counted is a connection that ends its pick when it is closed.
type counted struct {
	*net.TCPConn
	pick Pick
	once sync.Once
}

// Close closes the connection.
func (c *counted) Close() error {
	err := c.TCPConn.Close()
	c.once.Do(func() { c.pick.Done(Succeeded, nil) })
	return err
}
