// Command proxybench measures the example balancer beside others, in one run on
// one machine: a bare httputil.ReverseProxy to a fixed backend, and nginx and
// HAProxy where they are installed. It needs wrk. Each proxy is a process of its
// own, in front of one and the same backend, one after the other, in several
// rounds.
//
//	go run ./examples/internal/proxybench -time 5s -rounds 3
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// paths are what is asked for.
var paths = []string{"/1k", "/64k"}

func main() {
	serve := flag.String("serve", "", "for itself: backend, bare or pooled, as a `word`")
	listen := flag.String("listen", "", "for itself: the `host:port`")
	to := flag.String("to", "", "for itself: the `URL` of the backend")
	length := flag.Duration("time", 5*time.Second, "how long each proxy is loaded in a round")
	rounds := flag.Int("rounds", 3, "how often each is")
	connections := flag.Int("connections", 64, "how many at a time")
	flag.Parse()
	var err error
	switch *serve {
	case "":
		b := &bench{length: *length, rounds: *rounds, connections: *connections}
		err = b.run()
		b.close()
	case "backend":
		err = http.ListenAndServe(*listen, backend())
	case "bare":
		err = http.ListenAndServe(*listen, bare(*to, nil))
	case "pooled":
		err = http.ListenAndServe(*listen, bare(*to, &buffers{}))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proxybench:", err)
		os.Exit(1)
	}
}

// backend answers with 1 or 64 KiB.
func backend() http.Handler {
	mux := http.NewServeMux()
	for path, size := range map[string]int{"/1k": 1 << 10, "/64k": 64 << 10} {
		body := []byte(strings.Repeat("x", size))
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body) // whoever asks counts what is missing
		})
	}
	return mux
}

// buffers are what is most easily gained over a bare proxy, and what the balancer
// has, too.
type buffers struct{ pool sync.Pool }

// Get lends one.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[32 << 10]byte); ok {
		return p[:]
	}
	return make([]byte, 32<<10)
}

// Put takes one back.
func (b *buffers) Put(p []byte) { b.pool.Put((*[32 << 10]byte)(p)) }

// bare is what Go has without anything of ours. Like the balancer it keeps as
// many connections as there are clients.
func bare(to string, pool httputil.BufferPool) http.Handler {
	target, err := url.Parse(to)
	if err != nil {
		panic(err) // this program has made it
	}
	return &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		BufferPool: pool,
		Transport:  &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
	}
}

// A bench is one run.
type bench struct {
	length              time.Duration
	rounds, connections int
	dir                 string
	processes           []*exec.Cmd
}

// A contender is a proxy that has been started.
type contender struct {
	name, address string
	host          string
	rates         map[string][]float64 // requests a second, by path
}

func (b *bench) close() {
	for _, p := range b.processes {
		// Not Kill, which would leave the workers of nginx behind.
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			_ = p.Process.Kill() // an error says that it has ended
		}
	}
	for _, p := range b.processes {
		_ = p.Wait()
	}
	os.RemoveAll(b.dir)
}

// start starts a process that ends with this one.
func (b *bench) start(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	b.processes = append(b.processes, cmd)
	return nil
}

// free returns an address that nobody listens on.
func free() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (b *bench) run() error {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		return fmt.Errorf("wrk is needed: %w", err)
	}
	if b.dir, err = os.MkdirTemp("", "proxybench"); err != nil {
		return err
	}
	for _, dir := range []string{"examples/elb", "examples/node"} { // the former is a module of its own
		if out, err := exec.Command("go", "build", "-C", dir, "-o", b.dir, ".").CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	all, err := b.contenders()
	if err != nil {
		return err
	}
	for _, c := range all {
		if err := c.ready(); err != nil {
			return err
		}
	}
	for range b.rounds {
		for _, path := range paths {
			for _, c := range all {
				rate, err := b.load(wrk, c, path)
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				c.rates[path] = append(c.rates[path], rate)
			}
		}
	}
	report(all)
	return nil
}

// contenders starts everything.
func (b *bench) contenders() ([]*contender, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	back, plain, pooled, elb, member, node := free(), free(), free(), free(), free(), free()
	_, port, _ := net.SplitHostPort(back) // made by free
	for _, args := range [][]string{
		{self, "-serve", "backend", "-listen", back},
		{self, "-serve", "bare", "-listen", plain, "-to", "http://" + back},
		{self, "-serve", "pooled", "-listen", pooled, "-to", "http://" + back},
		{filepath.Join(b.dir, "elb"), "-advertise", member, "-wka", member, "-http", elb, "-manage", "d", "-hosts", "d.test=d"},
		// A member that says the backend is where it serves.
		{
			filepath.Join(b.dir, "node"),
			"-domain",
			"d",
			"-advertise",
			node,
			"-wka",
			member,
			"-http",
			"127.0.0.1:0",
			"-property",
			"httpPort=" + port,
		},
	} {
		if err := b.start(args[0], args[1:]...); err != nil {
			return nil, err
		}
	}
	all := []*contender{
		{name: "no proxy", address: back},
		{name: "bare ReverseProxy", address: plain},
		{name: "the same with a pool of buffers", address: pooled},
		{name: "examples/elb", address: elb},
	}
	for _, other := range []struct {
		name string
		make func(listen, to string) ([]string, error)
	}{{"nginx", b.nginx}, {"haproxy", b.haproxy}} {
		listen := free()
		args, err := other.make(listen, back)
		if err == nil {
			err = b.start(args[0], args[1:]...)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s is left out: %v\n", other.name, err)
			continue
		}
		all = append(all, &contender{name: other.name, address: listen})
	}
	for _, c := range all {
		c.host, c.rates = "d.test", map[string][]float64{}
	}
	return all, nil
}

// nginx writes its configuration.
func (b *bench) nginx(listen, to string) ([]string, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; master_process on; worker_processes 2; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
events { worker_connections 4096; }
http {
access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  keepalive_requests 1000000;
  upstream back { server %[3]s; keepalive 64; keepalive_requests 1000000; }
  server { listen %[2]s; location / {
    proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
  } }
}
`, b.dir, listen, to)
	return []string{program, "-c", file, "-e", filepath.Join(b.dir, "error.log")}, os.WriteFile(file, []byte(text), 0o600)
}

// haproxy writes its configuration.
func (b *bench) haproxy(listen, to string) ([]string, error) {
	program, err := exec.LookPath("haproxy")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "haproxy.cfg")
	text := fmt.Sprintf(`global
  nbthread 2
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend front
  bind %s
  default_backend back
backend back
  option forwardfor
  http-reuse always
  server one %s
`, listen, to)
	return []string{program, "-f", file, "-db"}, os.WriteFile(file, []byte(text), 0o600)
}

// ready waits until it answers.
func (c *contender) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address+"/1k", nil)
		if err != nil {
			return err
		}
		r.Host = c.host
		if resp, err := http.DefaultClient.Do(r); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer", c.name)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

var rateLine = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

// load runs wrk once and returns requests a second. Anything but answers with
// 200 is an error.
func (b *bench) load(wrk string, c *contender, path string) (float64, error) {
	out, err := exec.Command(wrk, "-t2", fmt.Sprintf("-c%d", b.connections), "-d"+b.length.String(), "-H", "Host: "+c.host,
		"http://"+c.address+path).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	if text := string(out); strings.Contains(text, "Non-2xx") || strings.Contains(text, "Socket errors") {
		return 0, fmt.Errorf("not every request was answered: %s", text)
	}
	found := rateLine.FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("wrk wrote: %s", out)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

// report prints the median of the rounds, and its ratio to that of the bare
// proxy.
func report(all []*contender) {
	fmt.Println("| proxy | 1 KiB, requests/s | of bare | 64 KiB, requests/s | of bare |")
	fmt.Println("|---|---|---|---|---|")
	for _, c := range all {
		fmt.Printf("| %s |", c.name)
		for _, path := range paths {
			fmt.Printf(" %.0f | %.2f |", median(c.rates[path]), median(c.rates[path])/median(all[1].rates[path]))
		}
		fmt.Println()
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
