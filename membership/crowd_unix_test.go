//go:build unix

package membership

import (
	"context"
	"flag"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport"
	"github.com/gotribes/tribes/wka"
)

var (
	crowdSize    = flag.Int("crowd", 16, "nodes of TestCrowd, in this one process")
	crowdQuiet   = flag.Duration("crowd.quiet", 3*time.Second, "how long TestCrowd looks at what a quiet group costs")
	crowdProfile = flag.String("crowd.profile", "", "file for a processor profile of that time alone")
	crowdKey     = flag.Bool("crowd.key", false, "TestCrowd with a cluster key")
)

// A crowd of real nodes on loopback in one process: all start at once and come
// to one view; ten that end at once are gone from all others' views a few
// changes. With -v it says what a node costs in goroutines, memory, garbage,
// bytes and time:
//
//	go test ./membership -run TestCrowd -crowd 200 -crowd.quiet 60s -v
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
	sayCost(t, nodes, before)

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
	var keys []transport.Key
	if *crowdKey {
		keys = []transport.Key{transport.NewKey()}
	}
	var nodes []*Node
	for _, ln := range listeners {
		node, err := Start(Config{Domain: "crowd", Listener: ln, WellKnown: known, Keys: keys})
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

// sayCost logs what each of some nodes costs while nothing happens.
func sayCost(t *testing.T, nodes []*Node, before used) {
	stop := profile(t)
	quiet, sent := usage(), beatsAndBytes(nodes)
	window, cancel := context.WithTimeout(t.Context(), *crowdQuiet) // of wall time, to see what a second costs
	defer cancel()
	<-window.Done()
	stop()
	later, sentLater := busy(), beatsAndBytes(nodes)
	n, seconds := float64(len(nodes)), crowdQuiet.Seconds()
	each := func(a, b uint64) float64 { return float64(b-a) / n / seconds }
	cpu := (later.cpu - quiet.cpu).Seconds() / n / seconds
	t.Logf("each: %.1f goroutines, %.0f KiB of heap, %.0f KiB of stacks, %.1f links",
		float64(quiet.goroutines-before.goroutines)/n, float64(quiet.heap-before.heap)/1024/n,
		float64(quiet.stacks-before.stacks)/1024/n, float64(links(nodes))/n)
	t.Logf("each, idle: %.2f ms of processor time a second (%.4f s a minute; system %.4f), %.1f heartbeats, %.0f bytes sent, "+
		"%.1f allocations and %.2f KiB of garbage a second",
		1000*cpu, 60*cpu, 60*(later.system-quiet.system).Seconds()/n/seconds,
		each(sent[0], sentLater[0]), each(sent[1], sentLater[1]),
		each(quiet.mallocs, later.mallocs), each(quiet.garbage, later.garbage)/1024)
}

// profile begins a processor profile if one was asked for.
func profile(t *testing.T) (stop func()) {
	if *crowdProfile == "" {
		return func() {}
	}
	f, err := os.Create(*crowdProfile)
	require.NoError(t, err)
	require.NoError(t, pprof.StartCPUProfile(f))
	return func() {
		pprof.StopCPUProfile()
		require.NoError(t, f.Close())
	}
}

// beatsAndBytes returns how much all nodes have sent.
func beatsAndBytes(nodes []*Node) (sums [2]uint64) {
	for _, x := range nodes {
		s := x.Stats()
		sums[0] += s.BeatsSent
		sums[1] += s.BytesSent + 4*(s.BeatsSent+s.MessagesSent)
	}
	return sums
}

type used struct {
	heap, stacks     uint64
	mallocs, garbage uint64
	goroutines       int
	cpu, system      time.Duration
}

// usage collects garbage first, so that what is left is in use.
func usage() used {
	runtime.GC()
	return busy()
}

func busy() used {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return used{
		m.HeapAlloc, m.StackInuse, m.Mallocs, m.TotalAlloc, runtime.NumGoroutine(),
		time.Duration(r.Utime.Nano() + r.Stime.Nano()), time.Duration(r.Stime.Nano()),
	}
}
