//go:build unix

package examples_test

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/keystore"
)

// write makes a file of the test.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// rewrite replaces a file as editors do: at once.
func rewrite(t *testing.T, file, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(file+".new", file))
}

// name asks and returns who answers, or the status and the text.
func (s *site) name(host, path string) string {
	s.t.Helper()
	status, _, body := s.get(host, path)
	if status != http.StatusOK {
		return fmt.Sprintf("%d %s", status, strings.TrimSpace(body))
	}
	_, rest, _ := strings.Cut(body, `"name":"`)
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

// Hosts, sub-domains and tenants of a loadbalancer.conf lead where it says, also
// after it was changed, and a bad one changes nothing.
func TestTenantsAndSubDomains(t *testing.T) {
	story(t)
	s := newSite(t)
	text, err := os.ReadFile("testdata/loadbalancer.conf")
	require.NoError(t, err)
	conf, tenants := write(t, "loadbalancer.conf", string(text)), write(t, "tenants", "gold.test 7\n")
	lb := s.balancer("-conf", conf, "-tenants", tenants)
	s.readyNode("worker", "wso2.is.domain", "-sub-domain", "worker")
	s.readyNode("mgt", "wso2.is.domain", "-sub-domain", "mgt")
	gold, _ := s.readyNode("gold", "wso2.esb.gold.domain")
	s.readyNode("bus", "wso2.esb.domain")
	for range 4 {
		for _, c := range []struct{ host, path, want string }{
			{"is.example.test", "/", "worker"},
			{"login.example.test:8290", "/t/gold.test/", "worker"},
			{"mgt.is.example.test", "/", "mgt"},
			{"esb.example.test", "/", "bus"},
			{"esb.example.test", "/t/gold.test/", "gold"},
			{"esb.example.test", "/?tenantDomain=gold.test", "gold"},
			{"esb.example.test", "/t/other.test/", "bus"},
			{"nowhere.test", "/", `404 no domain is set for the host "nowhere.test"`},
		} {
			require.Equal(t, c.want, s.name(c.host, c.path), c)
		}
	}
	rewrite(t, tenants, "other.test 8\n")
	s.until("the tenants are read again when the file "+
		"changes", func() bool { return s.name("esb.example.test", "/t/other.test/") == "gold" })
	rewrite(t, tenants, "nonsense\n")
	s.until("what cannot be used is logged", func() bool { return strings.Contains(lb.log(), `want \"name number\"`) })
	require.Equal(t, "gold", s.name("esb.example.test", "/t/other.test/"), "and what was read before goes on")
	rewrite(t, tenants, "other.test 8\n")

	rewrite(t, conf, strings.ReplaceAll(string(text), "esb.example.test;", "bus.example.test;"))
	lb.signal(syscall.SIGHUP)
	s.until("hosts have changed", func() bool { return s.name("bus.example.test", "/") == "bus" })
	require.Contains(t, s.name("esb.example.test", "/"), "404")
	rewrite(t, conf, strings.ReplaceAll(string(text), "hosts ", "host "))
	lb.signal(syscall.SIGHUP)
	s.until("a mistake is named", func() bool { return strings.Contains(lb.log(), `did you mean \"hosts\"?`) })
	hosts := strings.ReplaceAll(string(text), "esb.example.test;", "bus.example.test;")
	rewrite(t, conf, strings.ReplaceAll(hosts, "wso2.esb.gold.domain", "wso2.esb.new.domain"))
	lb.signal(syscall.SIGHUP)
	s.readyNode("fresh", "wso2.esb.new.domain")
	s.until("a further domain is followed", func() bool { return s.name("bus.example.test", "/t/other.test/") == "fresh" })
	require.Equal(t, "bus", s.name("bus.example.test", "/"), "the others stay")
	rewrite(t, conf, hosts)
	lb.signal(syscall.SIGHUP)
	s.until("and the old one is led to again", func() bool { return s.name("bus.example.test", "/t/other.test/") == "gold" })

	gold.kill()
	s.until("a tenant's requests stay in its route", func() bool {
		return s.name("bus.example.test", "/t/other.test/") == `503 nobody in domain "wso2.esb.gold.domain" can answer: it has no members`
	})
}

// Two balancers are members of one domain, see each other, and route a client
// alike that has the cookie of either.
func TestSeveralBalancersRouteAlike(t *testing.T) {
	story(t)
	a, b := newSite(t), newSite(t)
	keys := write(t, "keys", strings.Repeat("5a", 32)+"\n")
	common := []string{"-manage", isDomain, "-sticky", "cookie", "-sticky-keys", keys}
	one := a.balancer(append(common, "-wka", b.member)...)
	two := b.balancer(append(common, "-wka", a.member)...)
	one.expect("the first sees the second", joinBound, "memberAdded", "", b.member)
	require.Len(t, a.members()["wso2.carbon.lb.domain"], 2)
	for i := range 4 {
		p, _ := a.readyNode(fmt.Sprintf("node-%d", i), isDomain, "-wka", b.member) // and -wka of a: both
		require.Len(t, p.events()[0].Member.ID, 32)
	}
	for _, s := range []*site{a, b} {
		s.until("both have all nodes", func() bool { return len(s.members()[isDomain]) == 4 })
	}
	for range 5 {
		_, header, _ := a.get("any.test", "/")
		cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
		require.True(t, strings.HasPrefix(cookie, "TRIBES_MEMBER="))
		at := a.withCookie(cookie)
		for range 5 {
			require.Equal(t, at, a.withCookie(cookie))
			require.Equal(t, at, b.withCookie(cookie), "any balancer of several routes alike")
		}
	}
	one.kill()
	two.expect("the other is told", silentBound, "memberRemoved", "crashed", a.member)
	require.Equal(t, "200", b.once200("any.test"), "and goes on")
}

// withCookie asks with a cookie and returns who answers.
func (s *site) withCookie(cookie string) string {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+s.http+"/", nil)
	require.NoError(s.t, err)
	r.Host = "any.test"
	r.Header.Set("Cookie", cookie)
	resp, err := s.client.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return string(body)
}

// once200 asks once and tells the status.
func (s *site) once200(host string) string {
	s.t.Helper()
	status, _, _ := s.get(host, "/")
	return fmt.Sprint(status)
}

// SIGTERM: what is under way is finished, nothing more is accepted, and then the
// balancer leaves.
func TestBalancerDrains(t *testing.T) {
	story(t)
	a, b := newSite(t), newSite(t)
	lb := a.balancer("-manage", isDomain, "-wka", b.member)
	other := b.balancer("-manage", isDomain, "-wka", a.member)
	a.readyNode("one", isDomain)
	other.expect("they see each other", joinBound, "memberAdded", "", a.member)
	answer := a.slow("any.test", 1500*time.Millisecond)
	<-time.After(200 * time.Millisecond) // for the balancer to hand it on
	lb.signal(syscall.SIGTERM)
	a.until("nothing more is accepted", func() bool {
		conn, err := net.Dial("tcp", a.http)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	require.Contains(t, <-answer, `"name":"one"`, "what was under way is finished")
	require.Equal(t, 0, lb.wait(leaveBound))
	other.expect("the others are told", joinBound, "memberRemoved", "left", a.member)
}

// A certificate that is replaced on the disk is served to the next client; one
// that cannot be used is not.
func TestCertificateIsReadAgain(t *testing.T) {
	story(t)
	s := newSite(t)
	store := func(name string) string {
		c, err := keystore.Make(name)
		require.NoError(t, err)
		data, err := keystore.PKCS12(c, "secret")
		require.NoError(t, err)
		return string(data)
	}
	file, password := write(t, "server.p12", store("one.test")), write(t, "password", "secret\n")
	https := freeAddress(t)
	more := write(t, "more.p12", store("more.test"))
	lb := s.balancer("-manage", isDomain, "-https", https, "-cert", file+","+more, "-cert-password", password)
	name := ""
	served := func() string {
		conn, err := tls.Dial("tcp", https, &tls.Config{InsecureSkipVerify: true, ServerName: name})
		require.NoError(t, err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	require.Equal(t, "one.test", served())
	name = "more.test"
	require.Equal(t, "more.test", served(), "who asks for a host gets its certificate")
	name = "other.test"
	require.Equal(t, "one.test", served(), "else the first")
	rewrite(t, file, store("two.test"))
	s.until("the new one is served", func() bool { return served() == "two.test" })
	rewrite(t, file, "garbage")
	s.until("what cannot be used is logged", func() bool { return strings.Contains(lb.log(), "no PKCS #12") })
	require.Equal(t, "two.test", served())
}

// -check-config and -print-config end by themselves: 0 is good, 2 is not.
func TestConfigurationIsChecked(t *testing.T) {
	story(t)
	good := []string{"elb", "-conf", "testdata/loadbalancer-2.1.conf", "-axis2", "testdata/axis2-elb.xml",
		"-carbon", "testdata/carbon-node1.xml"}
	stdout, stderr, status := runToEnd(t, append(good, "-check-config"))
	require.Equal(t, 0, status, stderr)
	require.Empty(t, stdout+stderr, "what files say is checked, not whether a keystore is there")
	stdout, _, status = runToEnd(t, append(good, "-print-config"))
	require.Equal(t, 0, status)
	require.Contains(t, stdout, "route: is.example.test,login.example.test tenants * -> wso2.is.domain (worker)")
	_, stderr, status = runToEnd(t, good)
	require.Equal(t, 2, status, "at start it has to be there")
	require.Contains(t, stderr, "server.p12")
	stdout, _, status = runToEnd(t, []string{"node", "-axis2", "testdata/axis2-node2.xml", "-carbon", "testdata/carbon-node2.xml",
		"-print-config"})
	require.Equal(t, 0, status)
	require.Contains(t, stdout, ":9769")
	for want, file := range map[string]string{
		`loadbalancer.conf:2:1: unknown block "servces"; did you mean "services"?`: write(t, "loadbalancer.conf", "# \nservces { }"),
		"more than 2048 KiB": write(t, "big.conf", strings.Repeat("#\n", 5<<20)),
		"is not text":        write(t, "binary.conf", "\x7fELF\x00"),
	} {
		_, stderr, status = runToEnd(t, []string{"elb", "-conf", file, "-check-config"})
		require.Equal(t, 2, status)
		require.Contains(t, stderr, want)
		require.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
	}
	bomb := write(t, "axis2.xml", `<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]><axisconfig>&y;</axisconfig>`)
	_, stderr, status = runToEnd(t, []string{"node", "-axis2", bomb, "-check-config"})
	require.Equal(t, 2, status)
	require.Contains(t, stderr, "axis2.xml:1:1: a document type declaration is not accepted")
}

// slowClients is how many send their request byte by byte.
const slowClients = 10_000

// Ten thousand clients that never end their header keep nobody else from being
// served, and are cut off in the end.
func TestSlowClients(t *testing.T) {
	story(t)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Max < slowClients+1000 {
		t.Skipf("%d open files are allowed, fewer than %d connections; runs where ulimit -n is higher", limit.Max, slowClients)
	}
	s := newSite(t)
	s.balancer("-manage", isDomain)
	s.readyNode("one", isDomain)
	conns := make([]net.Conn, 0, slowClients)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	begun := time.Now()
	for range slowClients {
		conn, err := net.Dial("tcp", s.http)
		require.NoError(t, err)
		conns = append(conns, conn)
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: any.test\r\nX: ")
		require.NoError(t, err)
	}
	for range 100 {
		require.Empty(t, s.once("any.test"), "others are served")
	}
	t.Logf("%d connections in %v", slowClients, time.Since(begun).Round(time.Millisecond))
	last := conns[len(conns)-1]
	require.NoError(t, last.SetReadDeadline(time.Now().Add(30*time.Second)))
	_, err := io.ReadAll(last)
	require.NoError(t, err, "it is cut off")
	require.Empty(t, s.once("any.test"))
}

// pemOf is a certificate as others check against it.
func pemOf(c tls.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
}

// A balancer that is given what to check members against asks only those over
// TLS that can show it.
func TestMembersShowTheirCertificate(t *testing.T) {
	story(t)
	c, err := keystore.Make("node.test")
	require.NoError(t, err)
	data, err := keystore.PKCS12(c, "secret")
	require.NoError(t, err)
	store, password := write(t, "node.p12", string(data)), write(t, "password", "secret")
	for _, name := range []string{"node.test", "other.test"} {
		s := newSite(t)
		s.balancer("-manage", isDomain, "-members", "https", "-members-ca", write(t, "ca.pem", pemOf(c)), "-members-name", name)
		s.readyNode("one", isDomain, "-https", "127.0.0.1:0", "-cert", store, "-cert-password", password)
		want := "one"
		if name != "node.test" {
			want = "502 the certificate of the member that was asked could not be verified"
		}
		require.Equal(t, want, s.name("any.test", "/"))
	}
}
