package transport

import (
	"context"
	"runtime"
	"testing"
	"time"
)

// What a key costs, as a ratio: each round does the same hundred times without a
// key and then with one, so that both meet the same weather.
const batch = 100

// BenchmarkKeyHandshake is a connect over loopback until both ends have the
// link, and its close: the work of both sides.
func BenchmarkKeyHandshake(b *testing.B) {
	var ends [2]*ends
	for i, keys := range [][]Key{nil, {NewKey()}} {
		ends[i] = pair(b, keys)
	}
	compare(b, func(i int) {
		l, m := ends[i].link(b)
		_ = l.Close()
		_ = m.Close()
	})
}

// BenchmarkKeyBeat is a frame of the size of a heartbeat, and one back.
func BenchmarkKeyBeat(b *testing.B) { echo(b, 20) }

// BenchmarkKeyTable is a frame of 256 KiB, as a table is handed over in, and a
// small one back.
func BenchmarkKeyTable(b *testing.B) { echo(b, 256<<10) }

func echo(b *testing.B, size int) {
	var send [2]func()
	for i, keys := range [][]Key{nil, {NewKey()}} {
		l, m := pair(b, keys).link(b)
		back := make(chan struct{}, 1)
		l.Start(func([]byte) error { back <- struct{}{}; return nil }, func(error) {})
		m.Start(func([]byte) error { return m.Send([]byte{1}) }, func(error) {})
		payload := make([]byte, size)
		send[i] = func() {
			if err := l.Send(payload); err != nil {
				b.Fatal(err)
			}
			<-back
		}
	}
	compare(b, func(i int) { send[i]() })
}

// BenchmarkKeyMemory is the heap that an idle link takes, both ends together.
func BenchmarkKeyMemory(b *testing.B) {
	const links = 200
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	var took [2]float64
	for b.Loop() {
		for i, keys := range [][]Key{nil, {NewKey()}} {
			e := pair(b, keys)
			before := heap()
			var all []*Link
			for range links {
				l, m := e.link(b)
				l.Start(func([]byte) error { return nil }, func(error) {})
				m.Start(func([]byte) error { return nil }, func(error) {})
				all = append(all, l, m)
			}
			took[i] += (heap() - before) / links / 1024
			for _, l := range all {
				_ = l.Close()
			}
		}
	}
	b.ReportMetric(took[0]/float64(b.N), "KiB-without")
	b.ReportMetric(took[1]/float64(b.N), "KiB-with")
	b.ReportMetric(took[1]/took[0], "ratio")
	b.ReportMetric(0, "ns/op")
}

// compare times what is done without a key (0) and with one (1).
func compare(b *testing.B, do func(i int)) {
	b.Helper()
	var took [2]time.Duration
	for b.Loop() {
		for i := range took {
			began := time.Now()
			for range batch {
				do(i)
			}
			took[i] += time.Since(began)
		}
	}
	times := float64(b.N * batch)
	b.ReportMetric(float64(took[0].Microseconds())/times, "µs-without")
	b.ReportMetric(float64(took[1].Microseconds())/times, "µs-with")
	b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
	b.ReportMetric(0, "ns/op")
}

// ends are two endpoints on loopback.
type ends struct {
	dialer  *Endpoint
	address string
	links   chan *Link
}

func pair(b *testing.B, keys []Key) *ends {
	b.Helper()
	e := &ends{links: make(chan *Link, 1)}
	var eps [2]*Endpoint
	for i := range eps {
		var err error
		if eps[i], err = New(Config{Keys: keys, AcceptRate: -1}); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = eps[i].Close() })
	}
	ln := listenLoopback(b)
	go func() { _ = eps[1].Serve(ln, func(l *Link) { e.links <- l }) }()
	e.dialer, e.address = eps[0], ln.Addr().String()
	return e
}

func (e *ends) link(b *testing.B) (dialed, accepted *Link) {
	b.Helper()
	l, err := e.dialer.Dial(context.Background(), e.address, ID{})
	if err != nil {
		b.Fatal(err)
	}
	return l, <-e.links
}
