//go:build unix

package examples_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The set-up of the original article: two nodes take turns behind a balancer.
// One is killed, and nobody who asks notices.
func TestKilledNodeIsRemovedAndTrafficGoesOn(t *testing.T) {
	story(t)
	s := newSite(t)
	lb := s.balancer("-manage", isDomain)
	one, oneAt := s.readyNode("one", isDomain, "-property", "zone=a", "-sub-domain", "worker")
	two, twoAt := s.readyNode("two", isDomain)
	added := lb.expect("the balancer sees the first node", joinBound, "memberAdded", "", oneAt)
	require.Equal(t, "one", added.Member.Name)
	require.Equal(t, "alive", added.Member.State)
	require.Equal(t, "worker", added.Member.SubDomain)
	require.Equal(t, "a", added.Member.Properties["zone"])
	require.NotEmpty(t, added.Member.Properties["httpPort"], "the node publishes where it serves")
	require.Len(t, added.Member.ID, 32)
	lb.expect("the balancer sees the second node", joinBound, "memberAdded", "", twoAt)
	require.Equal(t, map[string][]string{isDomain: {"one", "two"}, "wso2.carbon.lb.domain": {s.member}}, s.members(),
		"GET /members shows every domain; a name that is not given is the address")

	names := s.names("any.test", 10)
	for i := 2; i < len(names); i++ {
		require.NotEqual(t, names[i-1], names[i], "the nodes take turns: %v", names)
	}

	s.knows(two, oneAt)
	settle()
	at := one.kill()
	for range 20 { // at once: the balancer may not know yet
		require.Equal(t, "two", s.who("any.test"), "a request is tried at another node when one refuses")
	}
	for _, p := range []*proc{lb, two} {
		l := p.expect("a killed process refuses connections, which is proof", crashBound, "memberRemoved", "crashed", oneAt)
		require.Equal(t, "failed", l.Member.State)
		t.Logf("%s printed memberRemoved crashed %v after the kill", p.name, l.arrived.Sub(at).Round(time.Millisecond))
	}
}

// While requests come without a break, every node is restarted, each as soon as
// the one before says that it is ready; then one is killed. Nobody notices.
func TestRollingRestartLosesNoRequest(t *testing.T) {
	story(t)
	s := newSite(t)
	s.balancer("-manage", isDomain)
	names := []string{"one", "two"}
	var procs [2]*proc
	var member, web [2]string
	for i, name := range names {
		member[i], web[i] = freeAddress(t), freeAddress(t)
		procs[i] = s.node(name, isDomain, member[i], web[i])
		procs[i].ready(member[i])
	}
	load := s.load("any.test", 4)
	for i, name := range names {
		procs[i].signal(syscall.SIGTERM)
		require.Equal(t, 0, procs[i].wait(leaveBound), "a clean end: %s", procs[i].log())
		procs[i] = s.node(name, isDomain, member[i], web[i])
		procs[i].ready(member[i])
	}
	s.knows(procs[1], member[0])
	procs[0].kill()
	procs[1].expect("the other is told", silentBound, "memberRemoved", "crashed", member[0])
	asked, failed := load()
	require.Empty(t, failed, "of %d requests", asked)
	t.Logf("%d requests, none failed", asked)
}

// A killed node that starts again at its old ports is a new member there.
func TestRestartAtTheSamePorts(t *testing.T) {
	story(t)
	s := newSite(t)
	lb := s.balancer("-manage", isDomain)
	member, web := freeAddress(t), freeAddress(t)
	first := s.node("one", isDomain, member, web)
	first.ready(member)
	before := lb.expect("the first run is seen", joinBound, "memberAdded", "", member)
	first.kill()
	second := s.node("one", isDomain, member, web)
	second.ready(member)
	lb.expect("the first run is gone", joinBound, "memberRemoved", "", member)
	after := lb.expect("the second run is seen", joinBound, "memberAdded", "", member)
	require.NotEqual(t, before.Member.ID, after.Member.ID, "every run has an ID of its own")
	require.Equal(t, "one", s.who("any.test"))
}

// A process that is stopped says nothing more, though its host answers for it.
func TestStoppedNodeIsSilentAndComesBack(t *testing.T) {
	story(t)
	s := newSite(t)
	lb := s.balancer("-manage", isDomain)
	one, oneAt := s.readyNode("one", isDomain)
	two, _ := s.readyNode("two", isDomain)
	s.knows(two, oneAt)
	at := time.Now()
	one.signal(syscall.SIGSTOP)
	for _, p := range []*proc{lb, two} {
		l := p.expect("who is stopped is dropped for silence", silentBound, "memberRemoved", "silent", oneAt)
		t.Logf("%s printed memberRemoved silent %v after the stop", p.name, l.arrived.Sub(at).Round(time.Millisecond))
	}
	require.Equal(t, []string{"two", "two"}, s.names("any.test", 2), "nothing goes to who is dropped")
	at = time.Now()
	one.signal(syscall.SIGCONT)
	for _, p := range []*proc{lb, two} {
		l := p.expect("who goes on comes back by itself", silentBound, "memberAdded", "", oneAt)
		t.Logf("%s printed memberAdded %s %v after it went on", p.name, l.Cause, l.arrived.Sub(at).Round(time.Millisecond))
	}
	for _, l := range two.events() {
		require.NotEqual(t, "isolated", l.Event, "the others never lost each other")
	}
	s.until("it gets requests again", func() bool { return s.who("any.test") == "one" })
}

// SIGTERM: told to everybody, requests under way are answered, status 0.
func TestTermLeavesCleanly(t *testing.T) {
	story(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			s := newSite(t)
			lb := s.balancer("-manage", isDomain)
			one, oneAt := s.readyNode("one", isDomain)
			slow := s.slow("any.test", time.Second)
			two, _ := s.readyNode("two", isDomain)
			s.knows(two, oneAt)
			s.knows(lb, oneAt)
			one.signal(sig)
			for _, p := range []*proc{lb, two} {
				l := p.expect("who leaves says so", leaveBound, "memberRemoved", "left", oneAt)
				require.Equal(t, "left", l.Member.State)
			}
			require.Equal(t, 0, one.wait(leaveBound), "a clean end: %s", one.log())
			require.Contains(t, <-slow, `"name":"one"`, "a request under way is answered")
			require.Equal(t, []string{"two", "two"}, s.names("any.test", 2))

			lb.signal(sig)
			require.Equal(t, 0, lb.wait(leaveBound), "a clean end: %s", lb.log())
			two.signal(sig)
			require.Equal(t, 0, two.wait(leaveBound), "a clean end with nobody left to tell: %s", two.log())
		})
	}
}

// A node that is there before its balancer waits for it.
func TestLateBalancer(t *testing.T) {
	story(t)
	s := newSite(t)
	member := freeAddress(t)
	node := s.node("one", isDomain, member, "127.0.0.1:0")
	node.expect("a node alone is a group of one", joinBound, "memberAdded", "", member)
	require.NotContains(t, brief(node.events()), "ready", "nobody has it in rotation yet")
	at := time.Now()
	lb := s.balancer("-manage", isDomain)
	l := lb.expect("the node is found", joinBound, "memberAdded", "", member)
	t.Logf("found %v after the start of the balancer", l.arrived.Sub(at).Round(time.Millisecond))
	node.ready(member)
	require.Equal(t, "one", s.who("any.test"))
}

// Nodes keep their view while their balancer is away, and find the next one at
// its address.
func TestBalancerIsKilledAndStartsAgain(t *testing.T) {
	story(t)
	s := newSite(t)
	lb := s.balancer("-manage", isDomain)
	one, oneAt := s.readyNode("one", isDomain)
	two, twoAt := s.readyNode("two", isDomain)
	s.knows(one, twoAt)
	s.knows(two, oneAt)
	one.forget()
	two.forget()
	lb.kill()
	at := time.Now()
	again := s.balancer("-manage", isDomain)
	for _, member := range []string{oneAt, twoAt} {
		s.knows(again, member)
	}
	t.Logf("both found %v after the kill", time.Since(at).Round(time.Millisecond))
	require.ElementsMatch(t, []string{"one", "two"}, s.names("any.test", 2))
	for _, p := range []*proc{one, two} {
		lines, _ := p.next()
		for _, l := range lines {
			require.NotEqual(t, "memberRemoved", l.Event, "the nodes never lost each other: %s", brief(lines))
		}
	}
}

// Two domains behind one balancer know nothing of each other.
func TestTwoDomains(t *testing.T) {
	story(t)
	s := newSite(t)
	lb := s.balancer("-manage", isDomain+",wso2.esb.domain", "-hosts", "is.test="+isDomain+",esb.test=wso2.esb.domain")
	is, isAt := s.readyNode("is", isDomain)
	esb, esbAt := s.readyNode("esb", "wso2.esb.domain")
	require.Equal(t, isDomain, lb.expect("one domain", joinBound, "memberAdded", "", isAt).Domain)
	require.Equal(t, "wso2.esb.domain", lb.expect("the other", joinBound, "memberAdded", "", esbAt).Domain)
	require.Equal(t, []string{"is", "is"}, s.names("IS.test:8290", 2), "case and port of the Host header do not matter")
	require.Equal(t, []string{"esb", "esb"}, s.names("esb.test", 2))
	status, _, body := s.get("other.test", "/")
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, body, "other.test")

	is.kill()
	lb.expect("one domain loses its member", joinBound, "memberRemoved", "crashed", isAt)
	status, header, body := s.get("is.test", "/")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.NotEmpty(t, header.Get("Retry-After"))
	require.Contains(t, body, isDomain, "the body says which domain is empty")
	require.Equal(t, "esb", s.who("esb.test"))
	for _, l := range esb.events() {
		require.Equal(t, esbAt, l.Member.Address, "a node hears of its own domain only")
	}
}

// With -manage * the balancer takes whatever domain members bring; without, a
// domain that it does not serve is refused in words, and tried again.
func TestUnknownDomain(t *testing.T) {
	story(t)
	t.Run("any", func(t *testing.T) {
		s := newSite(t)
		s.balancer("-manage", "*", "-hosts", "new.test=brand.new")
		status, _, body := s.get("new.test", "/")
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Contains(t, body, "brand.new")
		s.readyNode("one", "brand.new")
		require.Equal(t, "one", s.who("new.test"))
	})
	t.Run("named", func(t *testing.T) {
		s := newSite(t)
		lb := s.balancer("-manage", isDomain)
		member := freeAddress(t)
		node := s.node("one", "wso2.si.domain", member, "127.0.0.1:0")
		s.until("the log says what is wrong", func() bool {
			text := node.log()
			return strings.Contains(text, "not served") && strings.Contains(text, "wso2.si.domain") && strings.Contains(text, s.member)
		})
		require.NotContains(t, brief(node.events()), "ready")
		require.NotContains(t, brief(lb.events()), member)
		select {
		case <-node.done:
			t.Error("a node whose domain is not served yet must go on trying")
		default:
		}
	})
}

// Two clusters that share a machine do not mix: it is for the operator to decide.
func TestWrongClusterIsOneLineAndTheEnd(t *testing.T) {
	story(t)
	s := newSite(t)
	s.balancer("-manage", isDomain, "-cluster", "blue")
	node := s.node("one", isDomain, freeAddress(t), "127.0.0.1:0", "-cluster", "green")
	require.Equal(t, 1, node.wait(joinBound))
	require.Contains(t, node.log(), "blue")
	require.Contains(t, node.log(), s.member)
}
