//go:build unix

package membership

import (
	"flag"
	"net"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

var crowdSize = flag.Int("crowd", 16, "nodes of TestCrowd, in this one process")

// A crowd of real nodes on loopback in one process: all start at once and come
// to one view; ten that end at once are gone from all others' views in two
// changes. With -v it says what a node costs in goroutines, memory and time:
//
//	go test ./membership -run TestCrowd -crowd 200 -v
func TestCrowd(t *testing.T) {
	n := *crowdSize
	runtime.GC()
	before := usage()
	var listeners []net.Listener
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		listeners = append(listeners, ln)
	}
	known := wka.List{listeners[0].Addr().String(), listeners[1].Addr().String()}
	begun := time.Now()
	var nodes []*Node
	for _, ln := range listeners {
		node, err := Start(Config{Domain: "crowd", Listener: ln, WellKnown: known})
		require.NoError(t, err)
		t.Cleanup(func() { _ = node.Close() })
		nodes = append(nodes, node)
	}
	agree := func(nodes []*Node) {
		t.Helper()
		all := func() bool {
			return !slices.ContainsFunc(nodes, func(x *Node) bool { return x.Own().View().Len() != len(nodes) })
		}
		require.Eventually(t, all, time.Minute, 5*time.Millisecond)
	}
	agree(nodes)
	t.Logf("%d nodes: one view %s after the first start", n, time.Since(begun).Round(time.Millisecond))

	// Links that are not needed are closed after the drop time.
	links := func() int {
		sum := 0
		for _, x := range nodes {
			sum += x.Stats().Links
		}
		return sum
	}
	if n > 20 {
		require.Eventually(t, func() bool { return links() <= 8*n }, time.Minute, 100*time.Millisecond,
			"no node holds more than eight links for long")
	}
	quiet := usage()
	time.Sleep(3 * time.Second) // wall time, to see what a second costs
	later := usage()
	runtime.GC()
	t.Logf("each: %.1f goroutines, %.0f KiB of heap, %.2f ms of processor time a second, %.1f links",
		float64(runtime.NumGoroutine()-before.goroutines)/float64(n), float64(usage().heap-before.heap)/1024/float64(n),
		(later.cpu-quiet.cpu).Seconds()*1000/3/float64(n), float64(links())/float64(n))

	gone, rest := nodes[n-n/4:], nodes[:n-n/4]
	if n > 40 {
		gone, rest = nodes[n-10:], nodes[:n-10]
	}
	numbers := map[*Node]uint64{}
	for _, x := range rest {
		numbers[x] = x.Own().View().Number()
	}
	begun = time.Now()
	var ending sync.WaitGroup
	for _, x := range gone {
		ending.Go(func() { _ = x.Close() })
	}
	agree(rest)
	t.Logf("%d ended at once: gone from all views %s after the first", len(gone), time.Since(begun).Round(time.Millisecond))
	most := uint64(0)
	for _, x := range rest {
		most = max(most, x.Own().View().Number()-numbers[x])
	}
	t.Logf("in at most %d changes", most)
	ending.Wait()
	for _, x := range rest {
		for m := range x.Own().View().All() {
			assert.NotEqual(t, Suspect, m.State, "%s at %s", m, x.Self())
		}
	}
}

type used struct {
	heap       uint64
	goroutines int
	cpu        time.Duration
}

func usage() used {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return used{m.HeapAlloc, runtime.NumGoroutine(), time.Duration(r.Utime.Nano() + r.Stime.Nano())}
}
