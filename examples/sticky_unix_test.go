//go:build unix

package examples_test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A client that sticks stays at its node through maintenance, and moves once
// when the node has left.
func TestStickyClientStaysThroughDrainingAndMovesOnce(t *testing.T) {
	story(t)
	s := newSite(t)
	lb := s.balancer("-manage", isDomain, "-sticky", "cookie", "-sticky-keys", stickyKeys(t))
	procs, members := map[string]*proc{}, map[string]string{}
	for _, name := range []string{"one", "two", "three"} {
		procs[name], members[name] = s.readyNode(name, isDomain)
	}
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, Transport: s.client.Transport}
	moves := 0
	ask := func() string {
		resp, err := client.Get("http://" + s.http + "/")
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		moves += len(resp.Cookies())
		var id struct{ Name string }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&id))
		return id.Name
	}
	stays := func() string {
		who := ask()
		for range 20 {
			require.Equal(t, who, ask())
		}
		return who
	}
	who := stays()
	require.Equal(t, 1, moves)
	procs[who].signal(syscall.SIGUSR1)
	lb.expect("maintenance begins", leaveBound, "memberDraining", "", members[who])
	require.Equal(t, who, stays(), "kept through draining")
	for range 10 {
		require.NotEqual(t, who, s.who("any.test"), "clients without a cookie go elsewhere")
	}
	require.Equal(t, 1, moves)
	procs[who].signal(syscall.SIGTERM)
	require.Equal(t, 0, procs[who].wait(leaveBound))
	require.NotEqual(t, who, stays())
	require.Equal(t, 2, moves, "it moves once")
}

// stickyKeys writes a file with a key for cookies.
func stickyKeys(t *testing.T) string {
	t.Helper()
	path := write(t, "sticky.keys", strings.Repeat("ab", 32)+"\n")
	require.NoError(t, os.Chmod(path, 0o600))
	return path
}

// Maintenance ends with the second signal.
func TestMaintenanceEnds(t *testing.T) {
	story(t)
	s := newSite(t)
	lb := s.balancer("-manage", isDomain)
	one, oneAt := s.readyNode("one", isDomain)
	s.readyNode("two", isDomain)
	one.signal(syscall.SIGUSR1)
	lb.expect("it begins", leaveBound, "memberDraining", "", oneAt)
	require.Equal(t, []string{"two", "two"}, s.names("any.test", 2))
	one.signal(syscall.SIGUSR1)
	lb.expect("it ends", leaveBound, "memberUpdated", "", oneAt)
	require.Contains(t, s.names("any.test", 2), "one")
}
