package examples_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/keystore"
)

// The article step by step, with its files and ports as they are: a balancer on
// 8290 and 8243 that members know as 127.0.0.1:4000, two nodes with member ports
// 4100 and 4200 and port offsets 5 and 6.
func TestArticle(t *testing.T) {
	if !ownNetwork(t) {
		return
	}
	a := newArticle(t)
	lb := a.balancer()
	one, two := a.node("1"), a.node("2")
	a.joined(lb, one, two)
	for _, at := range []string{"127.0.0.1:4100", "127.0.0.1:4200"} {
		named := regexp.MustCompile(`msg="member added" program=elb domain=wso2.is.domain view=\d+ member=` + at)
		(&site{t: t}).until("its log names the node", func() bool { return named.MatchString(lb.log()) })
	}

	for _, url := range []string{"http://identity.example.test:8290", "https://identity.example.test:8243"} {
		a.alternates(url)
		require.Equal(t, url+"/x", a.location(url+"/redirect?to=/x"), "a node knows the balancer's port as its proxyPort")
	}
	require.Equal(t, "node-1 node-2", a.two("http://127.0.0.1:8290"), "as curl -H 'Host: …' asks, whose header has no port")
	require.Contains(t, a.get("http://other.example.test:8290/"), `no domain is set for the host "other.example.test"`)

	settle()
	one.kill()
	for range 10 { // at once: the balancer may not know yet
		require.Equal(t, "node-2", a.name("http://identity.example.test:8290/"))
	}
	lb.expect("the balancer is told", crashBound, "memberRemoved", "crashed", "127.0.0.1:4100")
	one = a.node("1")
	a.joined(lb, one)
	a.alternates("https://identity.example.test:8243")

	a.sticks(lb, map[string]*proc{"node-1": one, "node-2": two})
	lb.signal(syscall.SIGTERM)
	require.Equal(t, 0, lb.wait(leaveBound), lb.log())
}

// An article is the set-up: what a browser has, and where the files are.
type article struct {
	t      *testing.T
	home   string // of the balancer, with its keystore
	client *http.Client
}

func newArticle(t *testing.T) *article {
	t.Helper()
	a := &article{t: t, home: t.TempDir()}
	c, err := keystore.Make("identity.example.test")
	require.NoError(t, err)
	store, err := keystore.PKCS12(c, "changeit")
	require.NoError(t, err)
	dir := filepath.Join(a.home, "repository", "resources", "security")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "server.p12"), store, 0o600))
	transport := &http.Transport{
		// The line in the hosts file: each name is this host.
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // curl -k
	}
	a.client = &http.Client{Transport: transport, Timeout: silentBound,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(a.client.CloseIdleConnections)
	return a
}

// balancer starts it and waits until it serves.
func (a *article) balancer() *proc {
	a.t.Helper()
	p := launch(a.t, "elb", "-conf", "testdata/loadbalancer-article.conf", "-axis2", "testdata/axis2-elb.xml",
		"-home", a.home, "-members-insecure", "-admin", "127.0.0.1:8280", "-events")
	p.expect("a balancer is the first of its own domain", joinBound, "memberAdded", "", "127.0.0.1:4000")
	(&site{t: a.t}).until("the balancer serves", func() bool {
		resp, err := a.client.Get("http://127.0.0.1:8280/healthz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// node starts one.
func (a *article) node(number string) *proc {
	a.t.Helper()
	p := launch(a.t, "node", "-axis2", "testdata/axis2-node"+number+".xml", "-carbon", "testdata/carbon-node"+number+".xml",
		"-name", "node-"+number, "-events")
	p.ready("127.0.0.1:4" + number + "00")
	return p
}

// joined waits until the balancer has nodes.
func (a *article) joined(lb *proc, nodes ...*proc) {
	a.t.Helper()
	for _, n := range nodes {
		self := n.events()[0].Member
		lb.expect("the balancer sees the node", joinBound, "memberAdded", "", self.Address)
		require.Equal(a.t, "worker", self.SubDomain)
	}
}

// get asks and returns the body.
func (a *article) get(url string) string {
	a.t.Helper()
	resp, err := a.client.Get(url)
	require.NoError(a.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	return string(body)
}

// name is who answers.
func (a *article) name(url string) string {
	a.t.Helper()
	body := a.get(url)
	var got struct{ Name string }
	require.NoError(a.t, json.Unmarshal([]byte(body), &got), body)
	return got.Name
}

// alternates checks that the nodes take turns.
func (a *article) alternates(base string) {
	a.t.Helper()
	last := a.name(base + "/")
	for range 6 {
		next := a.name(base + "/")
		require.NotEqual(a.t, last, next, "the nodes take turns")
		last = next
	}
}

// two asks twice with a Host header of its own, and returns both in order.
func (a *article) two(base string) string {
	a.t.Helper()
	seen := map[string]bool{}
	for range 2 {
		r, err := http.NewRequest(http.MethodGet, base, nil)
		require.NoError(a.t, err)
		r.Host = "identity.example.test"
		resp, err := a.client.Do(r)
		require.NoError(a.t, err)
		var got struct{ Name string }
		require.NoError(a.t, json.NewDecoder(resp.Body).Decode(&got))
		resp.Body.Close()
		seen[got.Name] = true
	}
	require.Len(a.t, seen, 2)
	return "node-1 node-2"
}

// location is where a redirect leads.
func (a *article) location(url string) string {
	a.t.Helper()
	resp, err := a.client.Get(url)
	require.NoError(a.t, err)
	resp.Body.Close()
	return resp.Header.Get("Location")
}

// sticks checks that a session stays at its node, and moves once when that is
// killed.
func (a *article) sticks(lb *proc, nodes map[string]*proc) {
	a.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(a.t, err)
	browser := &article{t: a.t, client: &http.Client{Transport: a.client.Transport, Timeout: silentBound, Jar: jar}}
	visit := func() (name string, visits int) {
		var got struct {
			Name   string
			Visits int
		}
		require.NoError(a.t, json.Unmarshal([]byte(browser.get("http://identity.example.test:8290/session")), &got))
		return got.Name, got.Visits
	}
	first, _ := visit()
	for want := 2; want < 6; want++ {
		name, visits := visit()
		require.Equal(a.t, first, name)
		require.Equal(a.t, want, visits)
	}
	address := nodes[first].events()[0].Member.Address
	settle()
	lb.forget()
	nodes[first].kill()
	second, visits := visit()
	require.NotEqual(a.t, first, second)
	require.Equal(a.t, 1, visits, "the other node does not know the session and begins a new one")
	lb.expect("the balancer is told", crashBound, "memberRemoved", "crashed", address)
	for want := 2; want < 6; want++ {
		name, visits := visit()
		require.Equal(a.t, second, name)
		require.Equal(a.t, want, visits)
	}
}
