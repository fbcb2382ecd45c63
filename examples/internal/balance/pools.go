package balance

import (
	"context"
	"maps"
	"sync"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
)

// PortProperty is the property that says on which port a member serves HTTP.
// The host is that of its address.
const PortProperty = "httpPort"

// Find looks up the pool of a domain by its name; nil if nobody has heard of
// it.
type Find func(domain string) *upstream.Pool

// Pools keeps a pool for each domain that a node belongs to or follows, those
// too that come up later. Its methods may be called from many goroutines.
type Pools struct {
	node    *membership.Node
	options upstream.Options

	mu   sync.Mutex // for made and over; held for nothing else
	made map[*membership.Group]func() *upstream.Pool
	over bool
}

// NewPools makes none yet; Run does, and Find where Run was not in time. The
// options must be good, as a new pool with bad ones is none.
func NewPools(node *membership.Node, options upstream.Options) *Pools {
	return &Pools{node: node, options: options, made: map[*membership.Group]func() *upstream.Pool{}}
}

// Run makes the pools of all domains until the node has ended. From then on
// they stay as they were last, until Close.
func (p *Pools) Run() {
	for g := range p.node.Groups(context.Background()) {
		p.of(g)
		p.sweep()
	}
}

// Find returns the pool of a domain.
func (p *Pools) Find(domain string) *upstream.Pool {
	if g, ok := p.node.Group(domain); ok {
		return p.of(g)
	}
	return nil
}

// of returns the pool of a group, a new one for the first who asks.
func (p *Pools) of(g *membership.Group) *upstream.Pool {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return nil
	}
	get := p.made[g]
	if get == nil {
		get = sync.OnceValue(func() *upstream.Pool {
			pool, err := upstream.New(g, p.options)
			if err != nil {
				return nil
			}
			return pool
		})
		p.made[g] = get
	}
	p.mu.Unlock()
	return get()
}

// sweep drops the pools of groups that the node does not follow any more: the
// same domain may come back as another group.
func (p *Pools) sweep() {
	for g, get := range p.all() {
		if now, ok := p.node.Group(g.Domain()); ok && now == g {
			continue
		}
		p.mu.Lock()
		delete(p.made, g)
		p.mu.Unlock()
		if pool := get(); pool != nil {
			pool.Close()
		}
	}
}

// all copies what is made.
func (p *Pools) all() map[*membership.Group]func() *upstream.Pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.made)
}

// Close ends all pools.
func (p *Pools) Close() {
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	for _, get := range p.all() {
		if pool := get(); pool != nil {
			pool.Close()
		}
	}
}
