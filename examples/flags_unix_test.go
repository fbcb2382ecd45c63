//go:build unix

package examples_test

import (
	"bytes"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A bad flag or setting is one line that names it, and status 2.
func TestBadFlags(t *testing.T) {
	story(t)
	node := func(args ...string) []string {
		good := []string{"node", "-domain", "d", "-advertise", "127.0.0.1:4100", "-wka", "127.0.0.1:4000", "-http", "127.0.0.1:0"}
		return append(good, args...)
	}
	elb := func(args ...string) []string {
		good := []string{"elb", "-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000", "-http", "127.0.0.1:0", "-manage", "d"}
		return append(good, args...)
	}
	for _, c := range []struct {
		why   string
		args  []string
		names []string // what the line must have in it
	}{
		{"a wildcard cannot be dialled", node("-advertise", "0.0.0.0:4100"), []string{"-advertise", "0.0.0.0:4100"}},
		{"nor can an empty host", node("-advertise", ":4100"), []string{"-advertise", ":4100"}},
		{"nor can IPv6's wildcard", node("-advertise", "[::]:4100"), []string{"-advertise", "[::]:4100"}},
		{"nor can port 0", node("-advertise", "127.0.0.1:0"), []string{"-advertise", "127.0.0.1:0"}},
		{"no port at all", node("-advertise", "127.0.0.1"), []string{"-advertise", "127.0.0.1"}},
		{"a well-known address without a port", node("-wka", "127.0.0.1:4000,127.0.0.1"), []string{"-wka", `"127.0.0.1"`}},
		{"an empty item", node("-wka", "127.0.0.1:4000,,"), []string{"-wka", "empty"}},
		{"a property without a value", node("-property", "zone"), []string{"-property", "zone", "key=value"}},
		{"a property twice", node("-property", "a=1", "-property", "a=2"), []string{"-property", "a=2", "twice"}},
		{"properties beyond 16 KiB", node("-property", "a="+strings.Repeat("x", 17<<10)), []string{"-property"}},
		{"a domain that is too long", node("-domain", strings.Repeat("x", 300)), []string{"-domain"}},
		{"a port that is none", node("-http", "127.0.0.1:http"), []string{"-http", "127.0.0.1:http"}},
		{"a port that is too large", node("-listen", "127.0.0.1:70000"), []string{"-listen", "127.0.0.1:70000"}},
		{"beyond loopback without a word", node("-listen", "0.0.0.0:0"), []string{"-insecure"}},
		{"an unknown kind of Java group", node("-tribes", "multicast"), []string{"-tribes", "multicast", "axis2"}},
		{"the same", elb("-tribes", "multicast"), []string{"-tribes", "multicast", "axis2"}},
		{"a Java member's address by name", node("-tribes", "static", "-advertise", "localhost:4100"), []string{"-advertise", "localhost"}},
		{"a key among Java members", node("-tribes", "static", "-key-file", "x"), []string{"-key-file", "-tribes"}},
		{"the same", elb("-tribes", "static", "-key-file", "x"), []string{"-key-file", "-tribes"}},
		{"two domains in one Java group", elb("-tribes", "static", "-manage", "e"), []string{"-manage", "d,e"}},
		{"any domain of Java members", elb("-tribes", "axis2", "-manage", "*"), []string{"-manage", "*"}},
		{"a port for a member of this library", elb("-http-port", "127.0.0.1:4100=80"), []string{"-http-port", "-tribes"}},
		{"a port for nobody", elb("-tribes", "static", "-http-port", "4100=80"), []string{"-http-port", "4100"}},
		{"an unknown flag", node("-colour", "red"), []string{"-colour"}},
		{"a word that is no flag", node("4100"), []string{"4100"}},
		{"no domain", []string{"node", "-advertise", "127.0.0.1:4100"}, []string{"-domain"}},
		{"no address", []string{"node", "-domain", "d"}, []string{"-advertise"}},
		{"nowhere to look", []string{"node", "-domain", "d", "-advertise", "127.0.0.1:4100"}, []string{"-wka"}},
		{"a balancer of nothing", []string{"elb", "-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000"}, []string{"-manage"}},
		{"a wildcard balancer", elb("-advertise", "0.0.0.0:4000"), []string{"-advertise", "0.0.0.0:4000"}},
		{"a host without a domain", elb("-hosts", "a.test"), []string{"-hosts", "a.test"}},
		{"a host twice", elb("-hosts", "a.test=d,A.test=d"), []string{"-hosts", "A.test=d"}},
		{"a domain that is not managed", elb("-hosts", "a.test=e"), []string{"-hosts", "a.test=e", "-manage"}},
		{"a host with a port", elb("-hosts", "a.test:80=d"), []string{"-hosts", "a.test:80=d"}},
		{"two domains and no hosts", elb("-manage", "e"), []string{"-hosts"}},
		{"an admin address without a port", elb("-admin", "8080"), []string{"-admin", "8080"}},
		{"an unknown way to stick", elb("-sticky", "seat"), []string{"-sticky", "seat", "cookie"}},
		{"an unknown flag of the quickstart", []string{"quickstart", "-chek"}, []string{"-chek"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			stdout, stderr, status := runToEnd(t, c.args)
			require.Equal(t, 2, status, stderr)
			require.Empty(t, stdout)
			require.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
			require.True(t, strings.HasPrefix(stderr, c.args[0]+": "), "it begins with the program: %s", stderr)
			for _, name := range c.names {
				require.Contains(t, stderr, name)
			}
		})
	}
}

// Help was asked for, so it is no error.
func TestHelp(t *testing.T) {
	story(t)
	for _, name := range []string{"node", "elb", "quickstart"} {
		stdout, stderr, status := runToEnd(t, []string{name, "-h"})
		require.Equal(t, 0, status)
		require.Empty(t, stderr)
		require.Contains(t, stdout, "Usage: "+name)
	}
}

// What the operator cannot see in the flags alone, such as a port that is taken,
// is a failure and not a mistake: status 1, one line.
func TestTakenPort(t *testing.T) {
	story(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	address := taken.Addr().String()
	for _, flag := range []string{"-http", "-advertise", "-listen"} {
		args := []string{"node", "-domain", "d", "-advertise", "127.0.0.1:4100", "-wka", address, "-http", "127.0.0.1:0"}
		_, stderr, status := runToEnd(t, append(args, flag, address))
		require.Equal(t, 1, status, stderr)
		require.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
		require.Contains(t, stderr, address)
	}
}

// The same for the balancer, whose ports come from files here: it moves to no
// other port, as the originals did.
func TestTakenPortOfAFile(t *testing.T) {
	story(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	_, free, err := net.SplitHostPort(freeAddress(t))
	require.NoError(t, err)
	for _, c := range []struct{ http, member, flag string }{{port, free, "-http"}, {free, port, ":" + port}} {
		file := write(t, "axis2.xml", `<axisconfig>
			<transportReceiver name="http"><parameter name="port">`+c.http+`</parameter>
				<parameter name="bind-address">127.0.0.1</parameter></transportReceiver>
			<clustering><parameter name="membershipScheme">wka</parameter><parameter name="localMemberHost">127.0.0.1</parameter>
				<parameter name="localMemberPort">`+c.member+`</parameter></clustering></axisconfig>`)
		_, stderr, status := runToEnd(t, []string{"elb", "-axis2", file, "-manage", "d"})
		require.Equal(t, 1, status, stderr)
		require.Contains(t, stderr, c.flag)
		require.Contains(t, stderr, port)
		require.Contains(t, stderr, "in use")
	}
}

// The quickstart's own check is what the README tells everybody to run first.
func TestQuickstartCheck(t *testing.T) {
	story(t)
	stdout, stderr, status := runToEnd(t, []string{"quickstart", "-check"})
	require.Equal(t, 0, status, "%s%s", stdout, stderr)
	require.Contains(t, stdout, "(crashed)")
	require.Contains(t, stdout, "traffic went on")
}

// runToEnd runs a program that ends by itself.
func runToEnd(t *testing.T, args []string) (stdout, stderr string, status int) {
	t.Helper()
	var out, log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary(t, args[0]), args[1:]...) // killed with the test at the latest
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		require.NoError(t, err)
	}
	return out.String(), log.String(), cmd.ProcessState.ExitCode()
}
