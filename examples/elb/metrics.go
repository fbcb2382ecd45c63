package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	tribesprom "github.com/gotribes/tribes/contrib/prometheus"
	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
)

// metrics are what Prometheus reads. Domains in labels are those of routes, which
// stand in the configuration, and those that the node bounds.
type metrics struct {
	registry *prometheus.Registry
	tribes   *tribesprom.Collector
	what     atomic.Pointer[watched]

	requests  *prometheus.CounterVec
	faults    *prometheus.CounterVec
	took      *prometheus.HistogramVec
	firstByte *prometheus.HistogramVec
	written   *prometheus.CounterVec
}

// A watched is what is read for each scrape.
type watched struct {
	b   *balancer
	dir *directory
}

// newMetrics makes all metrics.
func newMetrics(s *settings, node *cluster) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	options := tribesprom.Options{Groups: m.groups, Pools: m.pools, Members: s.metricMembers}
	if node.stats != nil {
		options.Node = statsOf(node.stats)
	}
	m.tribes = tribesprom.New(options)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "elb", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "elb", Name: name, Help: help,
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"domain"})
	}
	m.requests = counter("http_requests_total", "Requests that are over, by domain and class of status; "+
		"no domain: there is no route.", "domain", "class")
	m.faults = counter("http_faults_total", "Requests that no member has answered, or not to the end, and not through "+
		"their client's doing.", "domain")
	m.written = counter("http_response_bytes_total", "Bytes of answers' bodies that were written.", "domain")
	m.took = histogram("http_request_duration_seconds", "Time until a request was over.")
	m.firstByte = histogram("http_first_byte_duration_seconds", "Time until the header of the answer.")
	m.registry.MustRegister(m.tribes, m.requests, m.faults, m.took, m.firstByte, m.written,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	return m
}

// statsOf is a node's counts.
type statsOf func() membership.Stats

// Stats returns them.
func (f statsOf) Stats() membership.Stats { return f() }

// viewers adds how many look at the admin page.
func (m *metrics) viewers(count func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "elb", Name: "admin_streams", Help: "Viewers of the admin page that are kept up to date.",
	}, func() float64 { return float64(count()) }))
}

// watch says what is read for each scrape.
func (m *metrics) watch(b *balancer, dir *directory) { m.what.Store(&watched{b, dir}) }

// groups are those of the node.
func (m *metrics) groups() []tribesprom.Group {
	var out []tribesprom.Group
	if w := m.what.Load(); w != nil {
		for _, g := range w.dir.groups() {
			out = append(out, g)
		}
	}
	return out
}

// pools are those of routes; a pool's name is its sub-domain.
func (m *metrics) pools() []tribesprom.Pool {
	var out []tribesprom.Pool
	w := m.what.Load()
	if w == nil {
		return out
	}
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	for route, pool := range w.b.pools {
		out = append(out, tribesprom.Pool{Name: route.SubDomain, Stats: func() upstream.Stats {
			s, _ := pool.Stats()
			s.Domain = route.Domain
			return s
		}})
	}
	return out
}

// over counts a request.
func (m *metrics) over(r *gateway.Record) {
	class := "none" // the client was gone before there was an answer
	if r.Status >= 100 && r.Status < 600 {
		class = fmt.Sprintf("%dxx", r.Status/100)
	}
	// The name is from the configuration, in whatever encoding that file has.
	domain := strings.ToValidUTF8(r.Domain, "\uFFFD")
	m.requests.WithLabelValues(domain, class).Inc()
	if r.Domain == "" {
		return
	}
	if r.Fault {
		m.faults.WithLabelValues(domain).Inc()
	}
	m.written.WithLabelValues(domain).Add(float64(r.Bytes))
	m.took.WithLabelValues(domain).Observe(r.Took.Seconds())
	if r.FirstByte > 0 {
		m.firstByte.WithLabelValues(domain).Observe(r.FirstByte.Seconds())
	}
}

// handler answers GET /metrics.
func (m *metrics) handler(logger *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelError), MaxRequestsInFlight: 4, EnableOpenMetrics: true,
	})
}
