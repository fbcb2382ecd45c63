package network

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCountersAreReadInBothForms(t *testing.T) {
	v := map[string]uint64{}
	parseCounters("Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: MaxConn OutSegs\nTcp: -1 77\nUdp: InDatagrams OutDatagrams\nUdp: 3 5\n", v)
	parseCounters("TcpExt: A\nTcpExt: 1\nIpExt: InOctets OutOctets\nIpExt: 9 4000\n", v)
	parseCounters("sockets: used 10\nTCP: inuse 6 orphan 0\nUDP: inuse 2 mem 1\n", v)
	require.Equal(t, uint64(77), v["Tcp:OutSegs"])
	require.Equal(t, uint64(5), v["Udp:OutDatagrams"])
	require.Equal(t, uint64(4000), v["IpExt:OutOctets"])
	require.Equal(t, uint64(6), v["TCP:inuse"])
	require.Equal(t, uint64(2), v["UDP:inuse"])
}

func TestPayloadIsWithoutHeaders(t *testing.T) {
	c := Counters{Bytes: 1000, Datagrams: 2, Segments: 3}.Since(Counters{Bytes: 100, Datagrams: 1, Segments: 1})
	require.InDelta(t, 900-28-2*52, c.Payload(), 1e-9)
	require.InDelta(t, 3, c.Packets(), 1e-9)
}

func TestRules(t *testing.T) {
	require.Equal(t, []string{"ip saddr { 127.0.0.2, 127.0.0.3 } drop", "ip daddr { 127.0.0.2, 127.0.0.3 } drop"},
		Cut("127.0.0.2", "127.0.0.3"))
	require.Equal(t, []string{"ip daddr { 127.0.0.2 } numgen random mod 100 < 80 drop"}, Lossy(80, "127.0.0.2"))
}
