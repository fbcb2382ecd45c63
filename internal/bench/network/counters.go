package network

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Counters are what the system has counted of the network of this process since it was made.
type Counters struct {
	Bytes     uint64 // of IP packets sent, with their headers
	Datagrams uint64 // UDP, sent
	Segments  uint64 // TCP, sent, acknowledgements included
	Opens     uint64 // TCP connections, dialled
	TCP, UDP  uint64 // sockets in use now
}

// Sizes of headers: IP and UDP, IP and TCP with the time stamps that Linux adds.
const (
	udpHeaders = 20 + 8
	tcpHeaders = 20 + 20 + 12
)

// Payload is Bytes without headers. Options of the first packets of a connection count as payload: a few bytes each.
func (c Counters) Payload() float64 {
	return float64(c.Bytes) - udpHeaders*float64(c.Datagrams) - tcpHeaders*float64(c.Segments)
}

// Packets is the number of packets sent.
func (c Counters) Packets() float64 { return float64(c.Datagrams + c.Segments) }

// Since is what has been counted after another reading; sockets are those of now.
func (c Counters) Since(o Counters) Counters {
	c.Bytes -= o.Bytes
	c.Datagrams -= o.Datagrams
	c.Segments -= o.Segments
	c.Opens -= o.Opens
	return c
}

// Count reads the counters. They are those of the network namespace, so they mean something in one's own only.
func Count() (Counters, error) {
	v := map[string]uint64{}
	for _, name := range []string{"/proc/net/snmp", "/proc/net/netstat", "/proc/net/sockstat"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return Counters{}, fmt.Errorf("the system's counters: %w", err)
		}
		parseCounters(string(text), v)
	}
	return Counters{Bytes: v["IpExt:OutOctets"], Datagrams: v["Udp:OutDatagrams"], Segments: v["Tcp:OutSegs"],
		Opens: v["Tcp:ActiveOpens"], TCP: v["TCP:inuse"], UDP: v["UDP:inuse"]}, nil
}

// parseCounters reads both forms: a line of names and a line of values, or one line with names and values in turn.
func parseCounters(text string, into map[string]uint64) {
	names := map[string][]string{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		group, rest := f[0], f[1:]
		if len(rest) >= 2 && !number(rest[0]) && number(rest[1]) { // name value name value
			for i := 0; i+1 < len(rest); i += 2 {
				into[group+rest[i]], _ = strconv.ParseUint(rest[i+1], 10, 64)
			}
			continue
		}
		if !number(rest[0]) {
			names[group] = rest
			continue
		}
		for i, name := range names[group] {
			if i < len(rest) {
				into[group+name], _ = strconv.ParseUint(rest[i], 10, 64)
			}
		}
	}
}

func number(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}
