package memnet

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// Addr is one end of a connection or a listener's address, as "host:port".
// Unlike *net.TCPAddr it can hold a host name.
type Addr struct {
	host string
	port int
}

// Network returns "tcp".
func (Addr) Network() string { return "tcp" }

// String returns "host:port", with brackets around an IPv6 address.
func (a Addr) String() string { return net.JoinHostPort(a.host, strconv.Itoa(a.port)) }

// parseAddr splits "host:port"; the host may be empty, the port must be a
// number from 0 to 65535.
func parseAddr(address string) (Addr, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return Addr{}, err // a *net.AddrError, which names the address
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return Addr{}, &net.AddrError{Err: "port is not a number from 0 to 65535", Addr: address}
	}
	return Addr{host: host, port: int(number)}, nil
}

// hostOf gives the host that a fault is aimed at: the host part of a
// "host:port", or the name itself.
func hostOf(nameOrAddress string) string {
	if a, err := parseAddr(nameOrAddress); err == nil {
		return a.host
	}
	return nameOrAddress
}

// anyHost tells whether host stands for "all interfaces" when listening.
func anyHost(host string) bool {
	if host == "" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsUnspecified()
}

// checkNetwork accepts the names under which package net knows TCP.
func checkNetwork(network string) error {
	switch network {
	case "tcp", "tcp4", "tcp6":
		return nil
	}
	return fmt.Errorf("%w; memnet carries tcp only", net.UnknownNetworkError(network))
}
