//go:build unix

package main

import (
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ascending returns free addresses in the order in which members are elected.
func ascending(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	for range n {
		out = append(out, freePort(t))
	}
	port := func(a string) int {
		_, p, err := net.SplitHostPort(a)
		require.NoError(t, err)
		number, err := strconv.Atoi(p)
		require.NoError(t, err)
		return number
	}
	slices.SortFunc(out, func(a, b string) int { return port(a) - port(b) })
	return out
}

// coordinates waits until all say that one of them is the coordinator. Java is
// given time: who is not the lowest waits 15 s before it asks.
func coordinates(t *testing.T, which *proc, all ...*proc) {
	t.Helper()
	for _, p := range all {
		until := time.Now().Add(patience)
		for {
			l := p.waitFrom(p.do("coordinator"), "coordinator", patience, func(line) bool { return true })
			if l.str("addr") == which.addr {
				break
			}
			require.False(t, time.Now().After(until), "%s (%s) says %s, not %s (%s)", p.name, p.addr, l.str("addr"), which.name, which.addr)
			<-time.After(100 * time.Millisecond)
		}
	}
}

// One coordinator emerges wherever the Go member stands in the order, and another
// one when the first is gone.
func TestOneCoordinatorEmerges(t *testing.T) {
	for _, version := range versions {
		for place, name := range []string{"lowest", "middle", "highest"} {
			t.Run(name+"/"+version, func(t *testing.T) {
				needJava(t, version)
				addrs := ascending(t, 3)
				all := make([]*proc, 3)
				for i, a := range addrs {
					others := slices.Delete(slices.Clone(addrs), i, i+1)
					if i == place {
						all[i] = startGo(t, a, others, "-mode", "axis2")
						continue
					}
					all[i] = startJava(t, version, a, others, "--mode", "axis2", "--coordinator", "--heartbeat", "1000")
				}
				coordinates(t, all[0], all...)
				all[0].kill()
				coordinates(t, all[1], all[1:]...)
			})
		}
	}
}
