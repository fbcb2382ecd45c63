package upstream

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
)

var policies = []Policy{RoundRobin, TwoChoices, Weighted, LeastInFlight, Hashed}

func TestPickingAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates; runs without -race")
	}
	for _, policy := range policies {
		g := newGroup(many(100, "zone=a")...)
		p := newPool(t, g, Options{Policy: policy, Zone: "a"})
		avoid := []membership.ID{member("10.0.0.1:80").ID}
		for _, w := range []Want{{}, {Key: "key"}, {Avoid: avoid}, {Member: avoid[0]}} {
			require.Zero(t, testing.AllocsPerRun(1000, func() {
				k, err := p.Pick(w)
				if err != nil {
					t.Fatal(err)
				}
				k.Answered()
				k.Done(Succeeded, nil)
			}), policy)
		}
	}
}

// Picks at 100 members by as many goroutines as there are processors, each with
// the end of its request.
func BenchmarkPick(b *testing.B) {
	for _, policy := range policies {
		for _, done := range []bool{false, true} {
			name := map[bool]string{false: "pick", true: "pick and done"}[done]
			b.Run(fmt.Sprintf("%s/%s", policy, name), func(b *testing.B) {
				list := many(100, "")
				list[0] += " weight=2"
				p := newPool(b, newGroup(list...), Options{Policy: policy})
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						k, err := p.Pick(Want{Key: "/some/path"})
						if err != nil {
							b.Error(err)
							return
						}
						if done {
							k.Done(Succeeded, nil)
						}
					}
				})
			})
		}
	}
}

// What a pick cannot do without, and nothing else: a turn, or a look at two of
// a hundred counters, and one more request counted. Where two processors share
// a cache line slowly, this is most of a pick.
func BenchmarkBare(b *testing.B) {
	type counter struct {
		n atomic.Uint64
		_ [184]byte // as far apart as targets
	}
	all := make([]counter, 100)
	b.Run("round robin", func(b *testing.B) {
		var turns atomic.Uint32
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				all[turns.Add(1)%100].n.Add(1)
			}
		})
	})
	b.Run("two choices", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				i, j := rand.IntN(100), rand.IntN(100)
				if all[i].n.Load() > all[j].n.Load() {
					i = j
				}
				all[i].n.Add(1)
			}
		})
	})
}

// From a change to the picker, at 1,000 members of which one is new each time.
func BenchmarkChange(b *testing.B) {
	list := many(1000, "zone=a weight=3")
	for _, o := range []Options{{}, {Policy: Weighted, Zone: "a", Sticky: &Sticky{}, Panic: 0.5, SlowStart: time.Second}} {
		b.Run(o.Policy.String(), func(b *testing.B) {
			g := newGroup(list...)
			p := newPool(b, g, o)
			changes := make([]membership.Change, 64)
			for i := range changes {
				changed := slices.Clone(list)
				changed[i*10] = fmt.Sprintf("10.9.0.%d:80", i)
				changes[i] = g.change(changed)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				p.apply(changes[i%len(changes)], time.Now(), true)
			}
		})
	}
}

func TestChangesReachThePickerSoon(t *testing.T) {
	if raceEnabled {
		t.Skip("measures time; runs without -race")
	}
	list := many(1000, "")
	g := newGroup(list...)
	p := newPool(t, g, Options{})
	least := time.Hour // what it takes; the others tell what else the machine had to do
	for i := range 51 {
		c := g.change(append(list[:999:999], fmt.Sprintf("10.9.0.%d:80", i)))
		began := time.Now()
		p.apply(c, began, true)
		least = min(least, time.Since(began))
	}
	t.Logf("least of 51 changes at 1,000 members: %v", least)
	require.Less(t, least, 5*time.Millisecond, "1 ms is aimed at; machines differ")
}

// One proxied request at a time, through a plain ReverseProxy and through one
// with a pool, over the same server and the same kind of base transport, in turns.
func BenchmarkTransport(b *testing.B) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1024)) }))
	b.Cleanup(backend.Close)
	target, err := url.Parse(backend.URL)
	require.NoError(b, err)
	base := func() *http.Transport {
		t := &http.Transport{MaxIdleConnsPerHost: idlePerHost, DisableCompression: true}
		b.Cleanup(t.CloseIdleConnections)
		return t
	}
	p := newPool(b, Static(target.Host), Options{})
	proxies := map[string]*httputil.ReverseProxy{
		"plain": {Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", target.Host
			r.SetXForwarded()
		}, Transport: base()},
		"pool": {Rewrite: p.Rewrite, Transport: p.Transport(base())},
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: idlePerHost}}
	b.Cleanup(client.CloseIdleConnections)
	urls := map[string]string{}
	for name, proxy := range proxies {
		front := httptest.NewServer(proxy)
		b.Cleanup(front.Close)
		urls[name] = front.URL
	}
	took := map[string][]time.Duration{}
	ask := func(name string) {
		began := time.Now()
		resp, err := client.Get(urls[name])
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		took[name] = append(took[name], time.Since(began))
	}
	for b.Loop() {
		ask("plain")
		ask("pool")
	}
	for name, d := range took {
		slices.Sort(d)
		b.ReportMetric(float64(d[len(d)/2].Nanoseconds()), name+"-ns")
	}
	plain, pool := took["plain"], took["pool"]
	b.ReportMetric(100*(float64(pool[len(pool)/2])/float64(plain[len(plain)/2])-1), "%more")
}

// nothing is a base that answers at once.
type nothing struct{}

func (nothing) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}, nil
}

// What the transport itself costs.
func BenchmarkTransportAlone(b *testing.B) {
	p := newPool(b, Static("10.0.0.1:80"), Options{})
	rt := p.Transport(nothing{})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		b.Run(method, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, method, "http://d/", nil)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := rt.RoundTrip(req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
