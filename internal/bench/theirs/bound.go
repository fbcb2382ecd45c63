package theirs

import (
	"log"
	"net"
	"time"

	"github.com/hashicorp/memberlist"
)

// bound is memberlist's own transport, but for one thing: it dials from the node's own address. So a firewall's rule
// for that address holds for both directions, as it does for a machine with one address. Nothing else is touched.
type bound struct {
	*memberlist.NetTransport
	local *net.TCPAddr
}

func newBound(host string, port int, logger *log.Logger) (*bound, error) {
	t, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{BindAddrs: []string{host}, BindPort: port, Logger: logger})
	if err != nil {
		return nil, err
	}
	return &bound{NetTransport: t, local: &net.TCPAddr{IP: net.ParseIP(host)}}, nil
}

// DialTimeout dials from the node's address.
func (b *bound) DialTimeout(address string, timeout time.Duration) (net.Conn, error) {
	return (&net.Dialer{Timeout: timeout, LocalAddr: b.local}).Dial("tcp", address)
}

// DialAddressTimeout dials from the node's address.
func (b *bound) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return b.DialTimeout(a.Addr, timeout)
}
