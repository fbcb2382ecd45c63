// Package freeport finds addresses for tests of programs that listen by
// themselves.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// Ports are counted through below those that the system gives to outgoing
// connections and to listeners without a port (32768 on Linux): one from there
// may be taken by somebody else before the program that is told to use it gets to
// listen.
const first, count = 10000, 20000

var next atomic.Uint32

func init() { next.Store(rand.Uint32N(count)) }

// Address returns a loopback address that nobody listens on, each only once in a
// process.
func Address(tb testing.TB) string {
	tb.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", first+next.Add(1)%count)
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	tb.Fatal("no free port")
	return ""
}
