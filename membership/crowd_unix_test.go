//go:build unix

package membership

import (
	"context"
	"flag"
	"net"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

var crowdSize = flag.Int("crowd", 16, "nodes of TestCrowd, in this one process")

// A crowd of real nodes on loopback in one process: all start at once and come
// to one view; ten that end at once are gone from all others' views a few
// changes. With -v it says what a node costs in goroutines, memory and time:
//
//	go test ./membership -run TestCrowd -crowd 200 -v
func TestCrowd(t *testing.T) {
	n := *crowdSize
	before := usage()
	begun := time.Now()
	nodes := crowd(t, n)
	agree(t, nodes)
	t.Logf("%d nodes: one view %s after the first start", n, time.Since(begun).Round(time.Millisecond))
	if n > 20 {
		// Links that are not needed are closed after the drop time.
		require.Eventually(t, func() bool { return links(nodes) <= 8*n }, time.Minute, 100*time.Millisecond,
			"no node holds more than eight links for long")
	}
	quiet := usage()
	second, cancel := context.WithTimeout(t.Context(), 3*time.Second) // of wall time, to see what a second costs
	defer cancel()
	<-second.Done()
	later := usage()
	t.Logf("each: %.1f goroutines, %.0f KiB of heap, %.2f ms of processor time a second, %.1f links",
		float64(later.goroutines-before.goroutines)/float64(n), float64(later.heap-before.heap)/1024/float64(n),
		(later.cpu-quiet.cpu).Seconds()*1000/3/float64(n), float64(links(nodes))/float64(n))

	k := min(10, n/4)
	endTogether(t, nodes[n-k:], nodes[:n-k])
}

// crowd starts nodes of which the first two are well known.
func crowd(t *testing.T, n int) []*Node {
	var listeners []net.Listener
	for range n {
		listeners = append(listeners, listenLoopback(t))
	}
	known := wka.List{listeners[0].Addr().String(), listeners[1].Addr().String()}
	var nodes []*Node
	for _, ln := range listeners {
		node, err := Start(Config{Domain: "crowd", Listener: ln, WellKnown: known})
		require.NoError(t, err)
		t.Cleanup(func() { _ = node.Close() })
		nodes = append(nodes, node)
	}
	return nodes
}

// agree waits until these nodes have one view of as many members.
func agree(t *testing.T, nodes []*Node) {
	t.Helper()
	all := func() bool {
		return !slices.ContainsFunc(nodes, func(x *Node) bool { return x.Own().View().Len() != len(nodes) })
	}
	require.Eventually(t, all, time.Minute, 5*time.Millisecond)
}

func links(nodes []*Node) int {
	sum := 0
	for _, x := range nodes {
		sum += x.Stats().Links
	}
	return sum
}

// endTogether ends some nodes at once; the rest have one view of each other
// soon, and suspect nobody.
func endTogether(t *testing.T, gone, rest []*Node) {
	numbers := map[*Node]uint64{}
	for _, x := range rest {
		numbers[x] = x.Own().View().Number()
	}
	begun := time.Now()
	var ending sync.WaitGroup
	for _, x := range gone {
		ending.Go(func() { _ = x.Close() })
	}
	agree(t, rest)
	most := uint64(0)
	for _, x := range rest {
		most = max(most, x.Own().View().Number()-numbers[x])
	}
	t.Logf("%d ended at once: gone from all views %s after the first, in at most %d changes",
		len(gone), time.Since(begun).Round(time.Millisecond), most)
	ending.Wait()
	for _, x := range rest {
		for m := range x.Own().View().All() {
			require.NotEqual(t, Suspect, m.State, "%s at %s", m, x.Self())
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
	runtime.GC()
	runtime.ReadMemStats(&m)
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return used{m.HeapAlloc, runtime.NumGoroutine(), time.Duration(r.Utime.Nano() + r.Stime.Nano())}
}
