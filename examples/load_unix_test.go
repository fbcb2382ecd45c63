//go:build unix

package examples_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A sent is one request of an open load and how it ended.
type sent struct {
	method string
	at     time.Time
	took   time.Duration
	by     string // the node that answered
	bad    string // what was not right, or nothing
}

// An openLoad sends requests at a fixed rate, whatever becomes of those before:
// GET and POST in turns. A request that has to wait does not keep others back.
type openLoad struct {
	cancel context.CancelFunc
	client *http.Client
	ended  sync.WaitGroup

	mu  sync.Mutex // guards what follows
	all []sent
}

// openLoadOf begins a load of so many requests a second for a path.
func (s *site) openLoadOf(perSecond int, path string) *openLoad {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	transport := &http.Transport{MaxIdleConnsPerHost: 1024}
	l := &openLoad{cancel: cancel, client: &http.Client{Transport: transport, Timeout: silentBound}}
	s.t.Cleanup(func() {
		cancel()
		l.ended.Wait()
		transport.CloseIdleConnections()
	})
	l.ended.Go(func() {
		began := time.Now()
		for n := 0; ; n++ {
			select {
			case <-time.After(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(perSecond)))):
			case <-ctx.Done():
				return
			}
			method := []string{http.MethodGet, http.MethodPost}[n%2]
			l.ended.Go(func() { l.send(method, "http://"+s.http+path) })
		}
	})
	return l
}

func (l *openLoad) send(method, url string) {
	r := sent{method: method, at: time.Now()}
	r.by, r.bad = l.ask(method, url)
	r.took = time.Since(r.at)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, r)
}

func (l *openLoad) ask(method, url string) (by, bad string) {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("words")
	}
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return "", err.Error()
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return "", err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return "", fmt.Sprint(resp.Status, " ", string(b), err)
	}
	var id struct{ Name string }
	if err := json.Unmarshal(b, &id); err != nil {
		return "", err.Error()
	}
	return id.Name, ""
}

// count is how many requests have ended so far.
func (l *openLoad) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// stop ends the load, waits for what is under way, and returns all requests in
// the order in which they were sent.
func (l *openLoad) stop() []sent {
	l.cancel()
	l.ended.Wait()
	slices.SortFunc(l.all, func(a, b sent) int { return a.at.Compare(b.at) })
	return l.all
}

// failed returns those that were not right.
func failed(all []sent, method string) (out []sent) {
	for _, r := range all {
		if r.bad != "" && (method == "" || r.method == method) {
			out = append(out, r)
		}
	}
	return out
}

// slowest returns the longest time of those with a method that were sent between
// two moments.
func slowest(all []sent, method string, from, to time.Time) time.Duration {
	var most time.Duration
	for _, r := range all {
		if r.method == method && r.at.After(from) && r.at.Before(to) {
			most = max(most, r.took)
		}
	}
	return most
}

// rate is what the load is sent at; the log says what came of it.
const rate = 500

// A pool is ten nodes behind a balancer, each at a fixed address.
type pool struct {
	*site
	lb          *proc
	names       []string
	procs       []*proc
	member, web []string
}

func tenNodes(t *testing.T) *pool {
	t.Helper()
	p := &pool{site: newSite(t)}
	p.lb = p.balancer("-manage", isDomain)
	for i := range 10 {
		p.names = append(p.names, fmt.Sprint("n", i))
		p.member, p.web = append(p.member, freeAddress(t)), append(p.web, freeAddress(t))
		p.procs = append(p.procs, p.start(i))
	}
	for i := range p.procs {
		p.procs[i].ready(p.member[i])
	}
	settle()
	return p
}

func (p *pool) start(i int) *proc { return p.node(p.names[i], isDomain, p.member[i], p.web[i]) }

func (p *pool) warm(l *openLoad) {
	p.t.Helper()
	p.until("the load has begun", func() bool { return l.count() > rate/2 })
}

func logLoad(t *testing.T, all []sent) {
	t.Helper()
	var took []time.Duration
	for _, r := range all {
		took = append(took, r.took)
	}
	slices.SortFunc(took, cmp.Compare)
	over := all[len(all)-1].at.Sub(all[0].at)
	t.Logf("%d requests in %v (%.0f a second), median %v, 99 %% within %v, slowest %v, %d failed", len(all),
		over.Round(time.Millisecond), float64(len(all)-1)/over.Seconds(), took[len(took)/2].Round(time.Microsecond),
		took[len(took)*99/100].Round(time.Microsecond), took[len(took)-1].Round(time.Millisecond), len(failed(all, "")))
}

// Ten nodes are restarted by SIGTERM, each as soon as the one before is ready.
// No request fails, whatever its method.
func TestRollingRestartOfTenLosesNothing(t *testing.T) {
	story(t)
	p := tenNodes(t)
	l := p.openLoadOf(rate, "/slow?ms=5")
	p.warm(l)
	for i := range p.procs {
		p.procs[i].signal(syscall.SIGTERM)
		require.Equal(t, 0, p.procs[i].wait(leaveBound), "a clean end: %s", p.procs[i].log())
		require.NotContains(t, p.procs[i].log(), "left without a word", "every balancer has confirmed")
		p.procs[i] = p.start(i)
		p.procs[i].ready(p.member[i])
	}
	all := l.stop()
	logLoad(t, all)
	require.Empty(t, failed(all, ""))
}

// Three of ten are killed. No GET fails; of the POSTs only some that were under
// way at those three.
func TestKillingThreeOfTenLosesOnlyWhatWasUnderWayThere(t *testing.T) {
	story(t)
	p := tenNodes(t)
	const takes = 20 * time.Millisecond
	// A connection that waits unused is closed by the system with the process; until the balancer has been given the
	// processor and read that, a POST may still be written to it. That is less than a millisecond, but on a busy machine.
	const noticed = 50 * time.Millisecond
	l := p.openLoadOf(rate, fmt.Sprintf("/slow?ms=%d", takes.Milliseconds()))
	p.warm(l)
	at := time.Now()
	for i := range 3 {
		p.procs[i].signal(syscall.SIGKILL)
	}
	for i := range 3 {
		p.procs[i].wait(leaveBound)
	}
	end := time.Now() // the processes are gone; a busy system takes some time for that
	p.warm(l)
	p.until("half a second more", func() bool { return time.Since(end) > time.Second })
	all := l.stop()
	logLoad(t, all)
	require.Empty(t, failed(all, http.MethodGet))
	for _, r := range failed(all, http.MethodPost) {
		require.Contains(t, r.bad, "not idempotent, so not repeated", "it was sent and not answered")
		require.True(t, r.at.Before(end.Add(noticed)), "sent %v after the kill", r.at.Sub(end))
		require.True(t, r.at.Add(r.took).After(at), "ended %v before the kill", at.Sub(r.at.Add(r.took)))
	}
	t.Logf("%d POSTs were under way at those three", len(failed(all, http.MethodPost)))
	for _, r := range all {
		if r.at.After(end.Add(time.Second)) {
			require.NotContains(t, p.names[:3], r.by)
		}
	}
}

// One of ten is stopped. No GET takes longer than the drop time and a second,
// and once it is dropped none is slow.
func TestStoppingOneOfTenIsBounded(t *testing.T) {
	story(t)
	p := tenNodes(t)
	l := p.openLoadOf(rate, "/")
	p.warm(l)
	at := time.Now()
	p.procs[0].signal(syscall.SIGSTOP)
	removed := p.lb.expect("who is stopped is dropped", silentBound, "memberRemoved", "silent", p.member[0])
	p.until("two seconds more", func() bool { return time.Since(removed.arrived) > 2*time.Second })
	l.cancel()
	p.procs[0].signal(syscall.SIGCONT) // so that the POSTs that wait there are answered
	all := l.stop()
	logLoad(t, all)
	require.Empty(t, failed(all, http.MethodGet))
	worst := slowest(all, http.MethodGet, at.Add(-time.Second), removed.arrived)
	t.Logf("dropped after %v; slowest GET before that %v, after that %v", removed.arrived.Sub(at).Round(time.Millisecond),
		worst.Round(time.Millisecond), slowest(all, http.MethodGet, removed.arrived, time.Now()).Round(time.Millisecond))
	const dropTime = 3 * time.Second
	require.Greater(t, worst, dropTime/2, "it was stopped while requests were under way")
	require.LessOrEqual(t, worst, dropTime+time.Second)
	require.Less(t, slowest(all, http.MethodGet, removed.arrived.Add(50*time.Millisecond), time.Now()), time.Second)
}

// All nodes are killed and started again. Traffic goes on within a second of the
// first that is back.
func TestTrafficResumesWithTheFirstNode(t *testing.T) {
	story(t)
	p := tenNodes(t)
	l := p.openLoadOf(rate, "/")
	p.warm(l)
	for _, x := range p.procs {
		x.signal(syscall.SIGKILL)
	}
	for _, x := range p.procs {
		x.wait(leaveBound)
	}
	dead := time.Now()
	p.until("nobody is there", func() bool { return len(p.members()[isDomain]) == 0 })
	first := p.start(0)
	var up time.Time
	p.until("the first one serves", func() bool {
		resp, err := p.client.Get("http://" + p.web[0] + "/")
		if err != nil {
			return false
		}
		resp.Body.Close()
		up = time.Now()
		return true
	})
	first.ready(p.member[0])
	p.warm(l)
	for i := 1; i < len(p.procs); i++ {
		p.procs[i] = p.start(i)
	}
	for i := 1; i < len(p.procs); i++ {
		p.procs[i].ready(p.member[i])
	}
	p.until("all are in use again", func() bool { return p.who("any.test") == "n9" })
	all := l.stop()
	logLoad(t, all)
	var resumed time.Time
	for _, r := range all {
		switch {
		case r.bad == "" && r.at.After(dead) && resumed.IsZero():
			resumed = r.at.Add(r.took)
		case r.bad != "" && r.at.After(up.Add(time.Second)):
			require.Fail(t, "a request failed although a node is there", "%v after it serves: %s", r.at.Sub(up), r.bad)
		}
	}
	require.NotEmpty(t, failed(all, http.MethodGet), "there was nobody for a while")
	require.False(t, resumed.IsZero())
	t.Logf("the first answer came %v after the first node served", resumed.Sub(up).Round(time.Millisecond))
	require.Less(t, resumed.Sub(up), time.Second)
}
