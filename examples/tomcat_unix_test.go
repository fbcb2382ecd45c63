//go:build unix

package examples_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Where Debian puts the Tomcat that the test runs.
const (
	tomcatHome = "/usr/share/tomcat10"
	servletAPI = "/usr/share/java/tomcat10-servlet-api.jar"
)

// Classes of Tribes in its configuration.
const (
	memberClass  = "org.apache.catalina.tribes.membership.StaticMember"
	staticClass  = "org.apache.catalina.tribes.group.interceptors.StaticMembershipInterceptor"
	serviceClass = "org.apache.catalina.tribes.membership.StaticMembershipService"
)

// needTomcat skips the test where there is none, and says what is missing.
func needTomcat(t *testing.T) {
	t.Helper()
	story(t)
	if os.Getenv("TRIBES_JAVA") == "skip" {
		t.Skip("starts Java processes, and TRIBES_JAVA=skip is set; .ci/run runs it in its last step")
	}
	for _, program := range []string{"java", "javac"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed; apt-get install default-jdk-headless", program)
		}
	}
	for _, file := range []string{tomcatHome + "/bin/bootstrap.jar", servletAPI} {
		if _, err := os.Stat(file); err != nil {
			t.Skipf("%s is missing; apt-get install tomcat10", file)
		}
	}
}

// A tomcat is a real Tomcat with a folder of its own.
type tomcat struct {
	name, base, http, address string
	cmd                       *exec.Cmd
}

// newTomcat writes its folder: server.xml, and a web application that counts in
// its session.
func newTomcat(t *testing.T, name string) *tomcat {
	t.Helper()
	return &tomcat{name: name, base: t.TempDir(), http: freeAddress(t), address: freeAddress(t)}
}

// memberElements are the Member elements of the others, as Tomcat reads them.
func memberElements(addresses ...string) string {
	var b strings.Builder
	for _, a := range addresses {
		host, port, _ := strings.Cut(a, ":")
		fmt.Fprintf(&b, `<Member className="%s" host="%s" port="%s" domain="shop"/>`, memberClass, host, port)
	}
	return b.String()
}

// write makes its folder. others are the addresses of the other members.
func (c *tomcat) write(t *testing.T, mode string, others ...string) {
	t.Helper()
	_, port, err := net.SplitHostPort(c.address)
	require.NoError(t, err)
	_, httpPort, err := net.SplitHostPort(c.http)
	require.NoError(t, err)
	local := fmt.Sprintf(`<LocalMember className="%s" host="127.0.0.1" port="%s" domain="shop"/>`, memberClass, port)
	start, static, service := "3", "", ""
	members := local + memberElements(others...)
	if mode == "static" {
		static = `<Interceptor className="` + staticClass + `">` + members + `</Interceptor>`
	} else {
		start = "15"
		service = `<Membership className="` + serviceClass + `">` + members + `</Membership>`
	}
	text, err := os.ReadFile("testdata/tomcat/server.xml")
	require.NoError(t, err)
	server := strings.NewReplacer("@NAME@", c.name, "@HTTP@", httpPort, "@PORT@", port, "@START@", start, "@STATIC@", static,
		"@SERVICE@", service).Replace(string(text))
	app := filepath.Join(c.base, "webapps", "ROOT", "WEB-INF")
	for _, dir := range []string{"conf", "logs", "temp", "work"} {
		require.NoError(t, os.MkdirAll(filepath.Join(c.base, dir), 0o755))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(app, "classes"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(c.base, "conf", "server.xml"), []byte(server), 0o644))
	web, err := os.ReadFile("testdata/tomcat/web.xml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(app, "web.xml"), web, 0o644))
	out, err := exec.Command("javac", "-cp", servletAPI, "-d", filepath.Join(app, "classes"), "testdata/tomcat/Count.java").CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// start runs it as a child of the test, so that it can be killed.
func (c *tomcat) start(t *testing.T) {
	t.Helper()
	log, err := os.Create(filepath.Join(c.base, "logs", "out"))
	require.NoError(t, err)
	defer log.Close()
	c.cmd = exec.Command("java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true",
		"-Dcatalina.home="+tomcatHome, "-Dcatalina.base="+c.base, "-Dtomcat.name="+c.name,
		"-Djava.io.tmpdir="+filepath.Join(c.base, "temp"),
		"-cp", tomcatHome+"/bin/bootstrap.jar:"+tomcatHome+"/bin/tomcat-juli.jar", "org.apache.catalina.startup.Bootstrap", "start")
	c.cmd.Stdout, c.cmd.Stderr = log, log
	require.NoError(t, c.cmd.Start())
	running := c.cmd
	t.Cleanup(func() {
		_ = running.Process.Kill()
		_ = running.Wait() // its status is that of the kill
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(c.base, "logs", "out"))
			t.Logf("%s:\n%s", c.name, text[max(0, len(text)-4000):])
		}
	})
}

// counted asks the web application through the balancer, and returns who has
// answered and how many requests the session has seen.
func counted(t *testing.T, client *http.Client, url string) (name string, n int) {
	t.Helper()
	resp, err := client.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", body)
	_, err = fmt.Sscanf(string(body), "%s %d", &name, &n)
	require.NoError(t, err, "%s", body)
	return name, n
}

// The Go balancer is a member of a Tomcat cluster: it finds both Tomcats, takes
// turns, notices when one is killed, and the session goes on at the other.
func TestRealTomcats(t *testing.T) {
	for _, mode := range []string{"static", "service"} {
		t.Run(mode, func(t *testing.T) {
			needTomcat(t)
			one, two := newTomcat(t, "one"), newTomcat(t, "two")
			balancer, front := freeAddress(t), freeAddress(t)
			one.write(t, mode, balancer, two.address)
			two.write(t, mode, balancer, one.address)
			port := func(c *tomcat) string {
				_, p, err := net.SplitHostPort(c.http)
				require.NoError(t, err)
				return c.address + "=" + p
			}
			elb := launch(t, "elb", "-tribes", mode, "-advertise", balancer, "-wka", one.address+","+two.address, "-manage", "shop",
				"-tribes-channel", "shop-Channel", "-http", front, "-sticky", "off",
				"-http-port", port(one), "-http-port", port(two), "-events")
			// One after the other: two that start together and ask each other for their
			// sessions wait a minute, whoever else is there. The first asks the balancer.
			for _, c := range []*tomcat{one, two} {
				begun := time.Now()
				c.start(t)
				l := elb.expectWithin("memberAdded", time.Minute)
				require.Equal(t, c.address, l.Member.Address)
				require.Eventually(t, func() bool { return served(c) }, 50*time.Second, 100*time.Millisecond)
				t.Logf("%s serves after %v", c.name, time.Since(begun))
			}
			url := "http://" + front + "/count"

			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			client := &http.Client{Jar: jar, Timeout: 20 * time.Second}
			seen := map[string]int{}
			for i := 1; i <= 10; i++ {
				name, n := counted(t, client, url)
				require.Equal(t, i, n, "one session, whoever answers")
				seen[name]++
			}
			require.Equal(t, map[string]int{"one": 5, "two": 5}, seen, "they take turns")

			killed := time.Now()
			require.NoError(t, one.cmd.Process.Kill())
			name, n := counted(t, client, url)
			require.Equal(t, "two", name)
			require.Equal(t, 11, n, "the session survives")
			l := elb.expectWithin("memberRemoved", 10*time.Second)
			require.Equal(t, "crashed", l.Cause)
			require.Equal(t, one.address, l.Member.Address)
			t.Logf("killed: noticed after %v", l.arrived.Sub(killed))
			for i := 12; i <= 15; i++ {
				name, n = counted(t, client, url)
				require.Equal(t, "two", name)
				require.Equal(t, i, n)
			}
		})
	}
}

// served: it answers requests of its own. Each makes a session that nobody uses.
func served(c *tomcat) bool {
	resp, err := http.Get("http://" + c.http + "/count")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// expectWithin returns the next line of an event that is not about the program
// itself.
func (p *proc) expectWithin(event string, within time.Duration) line {
	p.t.Helper()
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		p.mu.Lock()
		for p.read < len(p.lines) {
			l := p.lines[p.read]
			p.read++
			if l.Event == event && l.Member != nil {
				p.mu.Unlock()
				return l
			}
		}
		more := p.more
		p.mu.Unlock()
		select {
		case <-more:
		case <-timer.C:
			require.FailNow(p.t, "nothing came", "%s: no %s within %v\n%s", p.name, event, within, p.stderr.String())
		}
	}
}
