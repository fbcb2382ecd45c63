//go:build unix

package examples_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport"
)

// keyFile writes one that only its owner may read.
func keyFile(t *testing.T, keys ...transport.Key) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cluster.key")
	rewriteKeys(t, path, keys...)
	return path
}

func rewriteKeys(t *testing.T, path string, keys ...transport.Key) {
	t.Helper()
	text := &strings.Builder{}
	for _, k := range keys {
		fmt.Fprintln(text, k.Text())
	}
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
}

// logged waits until a program has written something so many times.
func (p *proc) logged(text string, times int) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Count(p.log(), text) >= times }, joinBound, 10*time.Millisecond,
		"%s has not written %q", p.name, text)
}

// Three processes with a key file; one without the right key stays outside. Then
// the key is changed under them, in three steps with SIGHUP.
func TestKeyFiles(t *testing.T) {
	story(t)
	old, fresh := transport.NewKey(), transport.NewKey()
	path := keyFile(t, old)
	lbAddress := freeAddress(t)
	node := func(file string) (*proc, string) {
		address := freeAddress(t)
		return launch(t, "node", "-domain", "d", "-advertise", address, "-wka", lbAddress, "-http", "127.0.0.1:0",
			"-key-file", file, "-events"), address
	}
	lb := launch(t, "elb", "-advertise", lbAddress, "-wka", lbAddress, "-http", "127.0.0.1:0", "-manage", "d", "-key-file", path, "-events")
	a, addressA := node(path)
	lb.expect("a comes", joinBound, "memberAdded", "joined", addressA)
	b, addressB := node(path)
	lb.expect("b comes", joinBound, "memberAdded", "joined", addressB)

	stranger, _ := node(keyFile(t, fresh))
	require.Equal(t, 1, stranger.wait(joinBound))
	require.Contains(t, stranger.log(), "key not accepted by "+lbAddress)
	require.NotContains(t, stranger.log(), fresh.Text())
	lb.logged("the dialer does not accept the key of this node", 1)

	lb.forget()
	for i, keys := range [][]transport.Key{{old, fresh}, {fresh, old}, {fresh}} {
		rewriteKeys(t, path, keys...)
		for _, p := range []*proc{lb, a, b} {
			p.signal(syscall.SIGHUP)
			p.logged("cluster keys changed", i+1)
		}
	}
	require.NoError(t, os.WriteFile(path, []byte("no key"), 0o600))
	a.signal(syscall.SIGHUP)
	a.logged("the configuration cannot be used; the old one goes on", 1)
	require.Equal(t, 3, strings.Count(a.log(), "the configuration was read again"), "and nothing else is said of it")
	require.Contains(t, a.log(), "line 1: 6 characters, want a key of 32 bytes")

	rewriteKeys(t, path, fresh)
	_, addressC := node(path)
	lb.expect("one with the new key comes", joinBound, "memberAdded", "joined", addressC)
	for _, l := range lb.events() {
		require.NotEqual(t, "memberRemoved", l.Event, "nobody was lost")
	}
	require.NotContains(t, lb.log()+a.log()+b.log(), old.Text())
}

// SIGHUP changes everything or nothing: a key file that cannot be used keeps the
// routes, too, and a configuration that cannot be used keeps the keys.
func TestABalancerIsReadAgainAsAWhole(t *testing.T) {
	story(t)
	const whole, bad = "the configuration was read again", "the configuration cannot be used"
	old, fresh := transport.NewKey(), transport.NewKey()
	path := keyFile(t, old)
	conf := write(t, "loadbalancer.conf", "")
	route := func(host string) {
		rewrite(t, conf, "services { shop { domains { d { hosts "+host+"; } } } }")
	}
	route("one.test")
	s := newSite(t)
	lb := s.balancer("-conf", conf, "-key-file", path)
	s.readyNode("a", "d", "-key-file", path)
	s.until("one.test is led to the member", func() bool { return s.name("one.test", "/") == "a" })

	require.NoError(t, os.WriteFile(path, []byte("no key"), 0o600))
	route("two.test")
	lb.signal(syscall.SIGHUP)
	lb.logged(bad, 1)
	require.Contains(t, lb.log(), "-key-file: key file "+path+": line 1: 6 characters")
	require.Equal(t, "a", s.name("one.test", "/"), "the old route goes on")

	rewriteKeys(t, path, fresh)
	rewrite(t, conf, "service { }")
	lb.signal(syscall.SIGHUP)
	lb.logged(bad, 2)
	require.NotContains(t, lb.log(), "cluster keys", "no word of keys while they are the old ones")
	require.NotContains(t, lb.log(), whole)
	require.Equal(t, 2, strings.Count(lb.log(), "ERROR"), "one line each: %s", lb.log())
	s.readyNode("b", "d", "-key-file", keyFile(t, old)) // the old key still counts

	rewriteKeys(t, path, fresh, old)
	route("two.test")
	lb.signal(syscall.SIGHUP)
	lb.logged(whole, 1)
	require.Contains(t, lb.log(), "cluster keys changed")
	require.Contains(t, []string{"a", "b"}, s.name("two.test", "/"))
	require.Contains(t, s.name("one.test", "/"), "404")
	s.readyNode("c", "d", "-key-file", keyFile(t, fresh))
}

// The same of a node, with a carbon.xml in place of the routes.
func TestANodeIsReadAgainAsAWhole(t *testing.T) {
	story(t)
	const whole, bad = "the configuration was read again", "the configuration cannot be used"
	path := keyFile(t, transport.NewKey())
	carbon := write(t, "carbon.xml", "<Server/>")
	s := newSite(t)
	s.balancer("-manage", "d", "-key-file", path)
	p, _ := s.readyNode("a", "d", "-key-file", path, "-carbon", carbon)

	rewriteKeys(t, path, transport.NewKey())
	rewrite(t, carbon, "<Server>")
	p.signal(syscall.SIGHUP)
	p.logged(bad, 1)
	rewrite(t, carbon, "<Server/>")
	require.NoError(t, os.WriteFile(path, []byte("no key"), 0o600))
	p.signal(syscall.SIGHUP)
	p.logged(bad, 2)
	require.NotContains(t, p.log(), "cluster keys")
	require.NotContains(t, p.log(), whole)
	require.Equal(t, 2, strings.Count(p.log(), "ERROR"), "one line each: %s", p.log())

	rewriteKeys(t, path, transport.NewKey())
	p.signal(syscall.SIGHUP)
	p.logged(whole, 1)
	require.Contains(t, p.log(), "cluster keys changed")
}

// A key file that cannot be used is one line that names it, and status 2.
func TestBadKeyFiles(t *testing.T) {
	story(t)
	open := keyFile(t, transport.NewKey())
	require.NoError(t, os.Chmod(open, 0o644))
	short := filepath.Join(t.TempDir(), "short.key")
	require.NoError(t, os.WriteFile(short, []byte("abcd\n"), 0o600))
	for _, program := range [][]string{
		{"node", "-domain", "d", "-advertise", "127.0.0.1:4100", "-wka", "127.0.0.1:4000", "-http", "127.0.0.1:0"},
		{"elb", "-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000", "-http", "127.0.0.1:0", "-manage", "d"},
	} {
		for path, says := range map[string]string{
			filepath.Join(t.TempDir(), "missing.key"): "no such file",
			open:  "lets others read",
			short: "4 characters, want a key of 32 bytes",
		} {
			_, stderr, status := runToEnd(t, append(program, "-key-file", path))
			require.Equal(t, 2, status, stderr)
			require.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
			require.Contains(t, stderr, path)
			require.Contains(t, stderr, says)
		}
	}
}
