package membership

import (
	"fmt"

	"github.com/gotribes/tribes/internal/machine"
)

// Follow begins to follow a further domain, as if Config.Manage had named it
// from the start, and returns its group: the one there is, if the node follows
// or belongs to the domain already. The group is empty at first. Members that
// look for others at this node's address find it within a second, or within a
// minute if they have found others elsewhere. A domain is followed until the
// node ends.
//
// A *ConfigError says what is wrong with the name, or that Config.MaxDomains
// are followed; otherwise the error is why the node has ended or is leaving.
// Nothing has changed then. Follow may be called from any goroutine.
func (n *Node) Follow(domain string) (*Group, error) {
	if domain == "" || domain == anyDomain {
		return nil, &ConfigError{"domain", quote(domain), `the name of one domain; "*" has its place in Config.Manage`}
	}
	if err := checkText("domain", domain); err != nil {
		return nil, err
	}
	n.mu.Lock()
	leaving := n.leaving != nil
	n.mu.Unlock()
	if leaving {
		return nil, ErrLeft
	}
	full, fits := false, false
	if !n.loop.do(func(now machine.Time) {
		if fits = n.loop.domainsFit(domain); fits {
			full = !n.loop.m.Manage(now, domain)
		}
	}) {
		return nil, n.Err()
	}
	switch {
	case !fits:
		return nil, &ConfigError{"domain", quote(domain),
			fmt.Sprintf("names of followed domains of at most %d bytes in all; shorten them", helloDomains)}
	case full:
		return nil, &ConfigError{"domain", quote(domain),
			fmt.Sprintf("at most %d followed domains, the value of Config.MaxDomains", n.cfg.maxDomains())}
	}
	for {
		list, more := n.groups.all()
		for _, g := range list {
			if g.domain == domain {
				return g, nil
			}
		}
		select {
		case <-more:
		case <-n.ctx.Done():
			return nil, n.Err()
		}
	}
}

// domainsFit says that there is room for one more name in a handshake.
func (l *loop) domainsFit(domain string) bool {
	bytes := len(domain) + 4
	for _, d := range l.domains() {
		if d.Name == domain {
			return true
		}
		bytes += len(d.Name) + 4
	}
	return bytes <= helloDomains
}
