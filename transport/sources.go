package transport

import (
	"net"
	"net/netip"
	"time"
)

// sourcesMost bounds the hosts whose connections are counted one by one. With
// as many at once, all further ones share an entry.
const sourcesMost = 4096

const otherSources = "" // the entry of all further ones

// A source is what is known of the connections from one host.
type source struct {
	pending int  // in their handshake
	pace    pace // of its connections
}

// sources counts unauthenticated connections by where they come from, and
// bounds how many each host has at once and has taken up in a second. Hosts on
// loopback are this machine's own and are not counted. It needs a lock from
// outside.
type sources struct {
	most  int // at once, from one host; negative: no bound
	rate  int // in a second, from one host; negative: no bound
	hosts map[string]*source
	swept time.Time
}

// sourceOf names the host of an address as it is counted: of IPv6 the first 64
// bits, which one host has to itself. "" is not counted.
func sourceOf(a net.Addr) string {
	if _, local := a.(*net.UnixAddr); local {
		return ""
	}
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return ""
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return host
	case ip.Unmap().IsLoopback():
		return ""
	case ip.Unmap().Is4():
		return ip.Unmap().String()
	}
	prefix, _ := ip.WithZone("").Prefix(64)
	return prefix.String()
}

// uncounted stands for the hosts that are not counted.
var uncounted source

// enter counts a connection of a host, which has to wait before its handshake;
// nil: the host has too many. Whoever has entered calls leave.
func (s *sources) enter(host string, now time.Time) (h *source, wait time.Duration) {
	if host == "" {
		return &uncounted, 0
	}
	h = s.of(host, now)
	if s.most >= 0 && h.pending >= s.most {
		return nil, 0
	}
	h.pending++
	return h, h.pace.take(now)
}

// leave ends what enter has counted.
func (h *source) leave() {
	if h != &uncounted {
		h.pending--
	}
}

// of returns the entry of a host.
func (s *sources) of(host string, now time.Time) *source {
	if s.hosts == nil {
		s.hosts = make(map[string]*source)
	}
	if h := s.hosts[host]; h != nil {
		return h
	}
	if len(s.hosts) >= sourcesMost {
		s.sweep(now)
	}
	if len(s.hosts) >= sourcesMost {
		host = otherSources
		if h := s.hosts[host]; h != nil {
			return h
		}
	}
	h := &source{pace: pace{rate: s.rate}}
	s.hosts[host] = h
	return h
}

// sweep forgets hosts of which nothing needs to be known, once a second at
// most.
func (s *sources) sweep(now time.Time) {
	if now.Sub(s.swept) < time.Second {
		return
	}
	s.swept = now
	for host, h := range s.hosts {
		if h.pending == 0 && now.Sub(h.pace.at) >= time.Second {
			delete(s.hosts, host)
		}
	}
}
