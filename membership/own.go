package membership

import (
	"context"
	"fmt"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// SetProperties replaces the member's properties by a copy of p and publishes
// them, within the bounds of Config.Properties; a *ConfigError says which is
// broken, and nothing has changed then. It returns when this node's own view
// shows them. If ctx ends before, they are published all the same, or the node
// has ended; the error says which.
func (n *Node) SetProperties(ctx context.Context, p map[string]string) error {
	if err := checkProperties("properties", p); err != nil {
		return err
	}
	properties := sortedProperties(p)
	return n.publish(ctx, func(now machine.Time) { n.loop.m.SetProperties(now, properties) })
}

// SetState publishes that the member is Draining or Alive again. Any other
// state is a *ConfigError; leaving is what Leave does. It returns as
// SetProperties does. It does not wait for managers.
func (n *Node) SetState(ctx context.Context, s State) error {
	states := map[State]wire.State{Alive: wire.Alive, Draining: wire.Draining}
	state, ok := states[s]
	if !ok {
		return &ConfigError{"state", s.String(), "alive or draining; to leave, call Leave"}
	}
	return n.publish(ctx, func(now machine.Time) { n.loop.m.SetState(now, state) })
}

// publish changes what the node says of itself and waits until its own view
// shows it.
func (n *Node) publish(ctx context.Context, change func(now machine.Time)) error {
	n.mu.Lock()
	leaving := n.leaving != nil
	n.mu.Unlock()
	if leaving {
		return ErrLeft
	}
	var at version
	if !n.loop.do(func(now machine.Time) {
		change(now)
		at = n.loop.ownVersion()
	}) {
		return n.Err()
	}
	for {
		view := n.own.View()
		self := n.Self()
		if !(version{self.Incarnation, self.Version}).before(at) {
			return nil
		}
		select {
		case <-view.Stale():
		case <-ctx.Done():
			return fmt.Errorf("published, but not in the view yet: %w", context.Cause(ctx))
		case <-n.ctx.Done():
			return n.Err()
		}
	}
}

// ownVersion returns what the node's own record has come to.
func (l *loop) ownVersion() version {
	r := l.m.Own(l.node.cfg.Domain)
	return version{r.Incarnation, r.Version}
}
