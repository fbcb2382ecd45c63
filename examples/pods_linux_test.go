package examples_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// podsEnv turns this test on, as it builds the programs a second time.
const podsEnv = "TRIBES_PODS"

// nobody is who the pods of the manifest run as.
const nobody = "65534:65534"

// The pods of deploy/kubernetes, each in a network of its own with an address of
// its own, in an empty folder with nothing but the image's programs, as nobody,
// with the manifest's arguments and probes. The balancers are rolled one by one,
// and then under load the nodes, as the deployments say: one more, wait until it
// is ready, SIGTERM to an old one. New pods have new addresses; old addresses
// stay in the well-known name. No request fails, without a sleep anywhere.
//
// The balancers go without load: a client that sends on a connection that its
// balancer is just closing sees that, whoever is behind the balancer.
func TestPodsRollWithoutALostRequest(t *testing.T) {
	story(t)
	if os.Getenv(podsEnv) == "" {
		t.Skipf("builds the image's programs, which takes a while; runs with %s=run", podsEnv)
	}
	if os.Getuid() != 0 {
		t.Skip("only root can make networks and have programs run as nobody")
	}
	for _, tool := range []string{"ip", "dnsmasq", "chroot"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%v; runs where iproute2, dnsmasq-base and coreutils are", err)
		}
	}
	if os.Getenv(insideEnv) == "" {
		out, err := inNamespace(t, buildImage(t), 0).CombinedOutput()
		require.NoError(t, err, "%s", out)
		t.Logf("%s", out)
		return
	}
	loopbackUp(t)
	c := newCluster(t)
	for range c.elb.Spec.Replicas {
		c.start("elb")
	}
	for range c.node.Spec.Replicas {
		c.start("node")
	}
	for _, p := range slices.Concat(c.pods["elb"], c.pods["node"]) {
		c.awaitReady(p)
	}
	c.roll("elb")
	l := c.openLoadOf(200, "/slow?ms=5")
	c.until("the load has begun", func() bool { return l.count() > 100 })
	c.roll("node")
	rolled := l.count()
	c.until("requests go on to the new ones", func() bool { return l.count() > rolled+50 })
	all := l.stop()
	logLoad(t, all)
	require.Empty(t, failed(all, ""))
	answered := map[string]bool{}
	for _, r := range all {
		answered[r.by] = true
	}
	require.Len(t, answered, 2*c.node.Spec.Replicas, "old and new nodes have all answered")
	for _, p := range slices.Concat(c.pods["elb"], c.pods["node"], c.gone) {
		for _, e := range p.events() {
			if e.Event == "memberRemoved" {
				require.Equal(t, "left", e.Cause, "%s shows the removal of %s", p.name, e.Member.Address)
			}
			require.NotContains(t, []string{"memberSuspected", "isolated"}, e.Event, "%s: nothing is wrong here", p.name)
		}
	}
}

// roll replaces all pods of a deployment.
func (c *cluster) roll(kind string) {
	c.t.Helper()
	begun := time.Now()
	before := slices.Clone(c.pods[kind])
	for _, old := range before {
		c.awaitReady(c.start(kind))
		c.end(kind, old)
	}
	c.t.Logf("%d of %s were rolled in %v; %s has %d addresses, %d of them of pods that are gone", len(before), kind,
		time.Since(begun).Round(time.Millisecond), wkaName, len(c.names), len(c.names)-len(c.pods["elb"]))
}

// buildImage builds what the Dockerfile does, and returns the folder.
func buildImage(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	env, flags := imageFlags(t)
	build := exec.Command("go", append(append([]string{"build"}, flags...), "-o", dir+"/", "./elb", "./node")...)
	build.Env = append(os.Environ(), env)
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

// wkaName is the well-known name as it is in the cluster's DNS.
const wkaName = "tribes-wka.default.svc.cluster.local"

// dnsName is that of the name server, from its start on.
const dnsName = "dns.cluster.local"

// A cluster is a bridge with a name server, and what deployments and services do.
type cluster struct {
	*site
	elb, node manifest
	dns       *exec.Cmd
	hosts     string   // the file of the name server
	names     []string // addresses that the well-known name has
	key       string
	started   int
	pods      map[string][]*pod
	gone      []*pod

	mu        sync.Mutex
	endpoints []string // of the service tribes
}

// A pod is a process with a network of its own.
type pod struct {
	*proc
	ip string
	of container
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	all := manifests(t)
	c := &cluster{site: newSite(t), pods: map[string][]*pod{}}
	c.elb, c.node = all["Deployment tribes-elb"], all["Deployment tribes-node"]
	key := make([]byte, 32)
	_, err := rand.Read(key)
	require.NoError(t, err)
	c.key = hex.EncodeToString(key) + "\n"
	// A bridge without an address of its own takes the lowest of its ports, and so changes it as pods come and go.
	for _, words := range []string{
		"link add br0 address 02:00:00:00:00:01 type bridge", "addr add 10.77.0.1/24 dev br0", "link set br0 up",
	} {
		out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput()
		require.NoError(t, err, "ip %s: %s", words, out)
	}
	dir, err := os.MkdirTemp("/tmp", "pods") // all of it must be readable by others
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) })
	c.hosts = filepath.Join(dir, "hosts")
	require.NoError(t, os.WriteFile(c.hosts, []byte("10.77.0.1 "+dnsName+"\n"), 0o644))
	c.dns = exec.Command("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
		"--addn-hosts="+c.hosts, "--local=/cluster.local/", "--listen-address=10.77.0.1", "--bind-interfaces",
		"--user=root", "--group=root", "--pid-file=")
	c.dns.Stderr = os.Stderr
	require.NoError(t, c.dns.Start())
	t.Cleanup(func() {
		c.dns.Process.Kill()
		c.dns.Wait()
	})
	// Before it has got so far, SIGHUP would end it.
	c.until("the name server answers", func() bool { return c.resolves(dnsName, "10.77.0.1") })
	c.serve()
	return c
}

// publish adds an address to the well-known name.
func (c *cluster) publish(ip string) {
	c.t.Helper()
	c.names = append(c.names, ip)
	var text strings.Builder
	for _, n := range c.names {
		fmt.Fprintln(&text, n, wkaName)
	}
	require.NoError(c.t, os.WriteFile(c.hosts, []byte(text.String()), 0o644))
	c.until("the name has the address", func() bool {
		require.NoError(c.t, c.dns.Process.Signal(syscall.SIGHUP))
		return c.resolves(wkaName, ip)
	})
}

// resolves asks the name server whether a name has an address.
func (c *cluster) resolves(name, ip string) bool {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
	defer cancel()
	ask := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", "10.77.0.1:53")
	}}
	got, _ := ask.LookupHost(ctx, name+".")
	return slices.Contains(got, ip)
}

// start runs one pod more of a deployment. It waits in its network until that
// has an address, then becomes the program.
func (c *cluster) start(kind string) *pod {
	c.t.Helper()
	c.started++
	m := map[string]manifest{"elb": c.elb, "node": c.node}[kind]
	p := &pod{ip: fmt.Sprint("10.77.0.", 10+c.started), of: m.Spec.Template.Spec.Containers[0]}
	root := c.image()
	outside, inside := fmt.Sprint("host", c.started), fmt.Sprint("pod", c.started)
	script := `read go && ip link set lo up && ip addr add "$1"/24 dev "$2" && ip link set "$2" up && ip route add default via 10.77.0.1 &&
		read go && root=$3 && shift 3 && exec chroot --userspec=` + nobody + ` --groups= "$root" "$@"`
	args := append([]string{"-c", script, kind, p.ip, inside, root}, p.of.Command...)
	args = append(append(args, podArgs(p.of, p.ip)...), "-events")
	if kind == "node" {
		args = append(args, "-name", fmt.Sprint("pod-", c.started))
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "POD_IP=" + p.ip}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	gate, err := cmd.StdinPipe()
	require.NoError(c.t, err)
	p.proc = launchCommand(c.t, kind, cmd)
	for _, words := range []string{
		"link add " + outside + " type veth peer name " + inside + " netns " + fmt.Sprint(cmd.Process.Pid),
		"link set " + outside + " master br0 up",
	} {
		out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput()
		require.NoError(c.t, err, "ip %s: %s", words, out)
	}
	if kind == "elb" {
		c.publish(p.ip) // before it is ready, as the service says
	}
	_, err = io.WriteString(gate, "go\n")
	require.NoError(c.t, err)
	c.until("its network is up, as it is before a container starts", func() bool {
		out, err := exec.Command("ip", "-d", "link", "show", outside).CombinedOutput()
		require.NoError(c.t, err, "%s", out)
		return strings.Contains(string(out), "bridge_slave state forwarding")
	})
	_, err = io.WriteString(gate, "go\n")
	require.NoError(c.t, err)
	gate.Close()
	c.pods[kind] = append(c.pods[kind], p)
	return p
}

// image lays out the file system of a pod: the image, and what Kubernetes puts
// into it. The secret is root's with mode 0440 and the group of nobody.
func (c *cluster) image() string {
	c.t.Helper()
	root := filepath.Join(filepath.Dir(c.hosts), fmt.Sprint("root", c.started))
	for _, dir := range []string{"etc", "key"} {
		require.NoError(c.t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for _, name := range []string{"elb", "node"} {
		program, err := os.ReadFile(binary(c.t, name))
		require.NoError(c.t, err)
		require.NoError(c.t, os.WriteFile(filepath.Join(root, name), program, 0o755))
	}
	// A packet may be lost while a network is new; that is to cost a second and not five.
	resolv := "nameserver 10.77.0.1\n" +
		"search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 timeout:1 attempts:5\n"
	require.NoError(c.t, os.WriteFile(filepath.Join(root, "etc", "resolv.conf"), []byte(resolv), 0o644))
	secret := filepath.Join(root, "key", "cluster.key")
	require.NoError(c.t, os.WriteFile(secret, []byte(c.key), 0o600))
	require.NoError(c.t, os.Chown(secret, 0, 65534))
	require.NoError(c.t, os.Chmod(secret, 0o440))
	return root
}

// awaitReady asks a pod's probe until it says yes. A balancer gets requests from
// then on.
func (c *cluster) awaitReady(p *pod) {
	c.t.Helper()
	to := p.of.ReadinessProbe.HTTPGet
	url := fmt.Sprint("http://", p.ip, ":", p.of.at(c.t, to.Port), to.Path)
	c.until("a pod becomes ready: "+url, func() bool {
		resp, err := c.client.Get(url)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	if p.name != "elb" {
		if len(c.gone) > 0 { // else the balancers have only just been started, too
			for _, b := range c.pods["elb"] {
				b.knows(c, p)
			}
		}
		return
	}
	// Now requests may come, whatever of the group it has met by then.
	began := time.Now()
	s := *c.site
	s.admin = fmt.Sprint(p.ip, ":", p.of.at(c.t, "admin"))
	require.NotEmpty(c.t, s.members()[isDomain], "a balancer that is ready has a node for requests")
	require.Empty(c.t, (&site{t: c.t, client: c.client, http: fmt.Sprint(p.ip, ":", p.of.at(c.t, "http"))}).once("any.test"))
	c.until("a balancer has all nodes", func() bool { return len(s.members()[isDomain]) == len(c.pods["node"]) })
	c.t.Logf("a balancer had all nodes %v after it was ready", time.Since(began).Round(time.Millisecond))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endpoints = append(c.endpoints, fmt.Sprint(p.ip, ":", p.of.at(c.t, "http")))
}

// knows checks that a balancer has a node now.
func (p *pod) knows(c *cluster, node *pod) {
	c.t.Helper()
	s := *c.site
	s.admin = fmt.Sprint(p.ip, ":", p.of.at(c.t, "admin"))
	name := node.cmd.Args[len(node.cmd.Args)-1]
	require.Contains(c.t, s.members()[isDomain], name, "a node that is ready is known to the balancer at %s", p.ip)
}

// end takes a pod out of the service and ends it, all at once; its address stays
// in the well-known name.
func (c *cluster) end(kind string, p *pod) {
	c.t.Helper()
	c.mu.Lock()
	c.endpoints = slices.DeleteFunc(c.endpoints, func(e string) bool { return strings.HasPrefix(e, p.ip+":") })
	c.mu.Unlock()
	asked := time.Now()
	p.signal(syscall.SIGTERM)
	grace := map[string]manifest{"elb": c.elb, "node": c.node}[kind].Spec.Template.Spec.TerminationGracePeriodSeconds
	require.Equal(c.t, 0, p.wait(time.Duration(grace)*time.Second), "a clean end: %s", p.log())
	require.NotContains(c.t, p.log(), "left without a word", "every balancer has confirmed")
	c.t.Logf("%s at %s ended %v after SIGTERM", kind, p.ip, time.Since(asked).Round(time.Millisecond))
	c.pods[kind] = slices.DeleteFunc(c.pods[kind], func(q *pod) bool { return p == q })
	c.gone = append(c.gone, p)
}

// serve is the service tribes: each connection goes to one of the balancers that
// are ready, in turns, and stays there.
func (c *cluster) serve() {
	c.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(c.t, err)
	c.http = l.Addr().String()
	var all sync.WaitGroup
	c.t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	all.Go(func() {
		for n := 0; ; n++ {
			from, err := l.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			to := c.endpoints[n%len(c.endpoints)]
			c.mu.Unlock()
			all.Go(func() { forward(from, to) })
		}
	})
}

// forward copies both ways until both have ended.
func forward(from net.Conn, address string) {
	defer from.Close()
	to, err := net.DialTimeout("tcp", address, silentBound)
	if err != nil {
		return // the client sees that, and the test fails
	}
	defer to.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // its end is told to the other side
			_ = way[0].(*net.TCPConn).CloseWrite()
		})
	}
	both.Wait()
}
