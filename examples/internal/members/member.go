package members

import (
	"net"
	"strconv"
	"strings"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/membership"
)

// Properties of members that say where they serve.
const (
	HTTPPort    = "httpPort"      // of HTTP
	HTTPSPort   = "httpsPort"     // of HTTPS
	RemoteHost  = "remoteHost"    // the host to ask in place of that of the member's address
	PortMapping = "port.mapping." // and a port of the balancer: the port for requests that came in there
)

// mostMappings bounds the port mappings of one member; the properties of a
// member are bounded as well.
const mostMappings = 64

// An entry is a member with everything that picking needs, made once.
type entry struct {
	gateway.Member
	state       membership.State
	http, https string // host:port, or ""
	mappings    []mapping
}

// A mapping is a port of the balancer and where its requests go.
type mapping struct{ front, address string }

// entryOf makes the entry of a member.
func entryOf(m *membership.Member) entry {
	e := entry{state: m.State, Member: gateway.Member{ID: m.ID, Address: m.Address}}
	host := m.Property(RemoteHost)
	if host == "" {
		var err error
		if host, _, err = net.SplitHostPort(m.Address); err != nil {
			return e // of another kind of network; it serves nothing
		}
	}
	at := func(port string) string {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return ""
		}
		return net.JoinHostPort(host, port)
	}
	for key, value := range m.Properties() {
		front, ok := strings.CutPrefix(key, PortMapping)
		if address := at(value); ok && address != "" && len(e.mappings) < mostMappings {
			e.mappings = append(e.mappings, mapping{front, address})
		}
	}
	if e.http = at(m.Property(HTTPPort)); e.http != "" {
		e.HTTPPort = m.Property(HTTPPort)
	}
	if e.https = at(m.Property(HTTPSPort)); e.https != "" {
		e.HTTPSPort = m.Property(HTTPSPort)
	}
	return e
}

// somewhere is an address of it, "" if it serves nothing.
func (e *entry) somewhere() string {
	switch {
	case e.http != "":
		return e.http
	case e.https != "":
		return e.https
	case len(e.mappings) > 0:
		return e.mappings[0].address
	}
	return ""
}

// address is where a request is sent: to the mapping of the port that the client
// asked for, else of the port that it came in at, else by scheme. "" is nowhere.
func (e *entry) address(want *gateway.Want) string {
	for _, front := range [...]string{want.Client, want.Listen} {
		for i := range e.mappings {
			if e.mappings[i].front == front {
				return e.mappings[i].address
			}
		}
	}
	if want.HTTPS {
		return e.https
	}
	return e.http
}
