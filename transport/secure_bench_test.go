package transport

import (
	"context"
	"testing"
)

// BenchmarkHandshake is one connect over loopback until both ends have the link,
// and its close: the work of both sides.
func BenchmarkHandshake(b *testing.B) {
	for name, keys := range map[string][]Key{"without a key": nil, "with a key": {NewKey()}} {
		b.Run(name, func(b *testing.B) {
			eps, address, links := pair(b, keys)
			b.ReportAllocs()
			for b.Loop() {
				l, err := eps[0].Dial(context.Background(), address, ID{})
				if err != nil {
					b.Fatal(err)
				}
				m := <-links
				_ = l.Close()
				_ = m.Close()
			}
		})
	}
}

// BenchmarkFrame is one small frame from one end to the other and one back, as
// two heartbeats are; and a large one there and a small one back, as a table is.
func BenchmarkFrame(b *testing.B) {
	for name, keys := range map[string][]Key{"without a key": nil, "with a key": {NewKey()}} {
		for what, size := range map[string]int{"heartbeat of 20 bytes": 20, "table of 256 KiB": 256 << 10} {
			b.Run(what+", "+name, func(b *testing.B) {
				eps, address, links := pair(b, keys)
				l, err := eps[0].Dial(context.Background(), address, ID{})
				if err != nil {
					b.Fatal(err)
				}
				m := <-links
				back := make(chan struct{}, 1)
				l.Start(func([]byte) error { back <- struct{}{}; return nil }, func(error) {})
				m.Start(func([]byte) error { return m.Send([]byte{1}) }, func(error) {})
				payload := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if err := l.Send(payload); err != nil {
						b.Fatal(err)
					}
					<-back
				}
			})
		}
	}
}

// pair returns two endpoints on loopback, the address of the second, and the
// links that it accepts.
func pair(b *testing.B, keys []Key) (eps [2]*Endpoint, address string, links chan *Link) {
	b.Helper()
	links = make(chan *Link, 1)
	for i := range eps {
		var err error
		if eps[i], err = New(Config{Keys: keys, AcceptRate: -1}); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = eps[i].Close() })
	}
	ln := listenLoopback(b)
	go func() { _ = eps[1].Serve(ln, func(l *Link) { links <- l }) }()
	return eps, ln.Addr().String(), links
}
