//go:build unix

package examples_test

import (
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The balancer and two nodes as members of Axis2's kind: what the original
// set-up does, in its own protocol.
func TestTribesExamples(t *testing.T) {
	story(t)
	balancer, front := freeAddress(t), freeAddress(t)
	elb := launch(t, "elb", "-tribes", "axis2", "-advertise", balancer, "-wka", balancer, "-manage", "wso2.is.domain",
		"-http", front, "-events")
	one, two := freeAddress(t), freeAddress(t)
	health := freeAddress(t)
	node := func(address, name string, more ...string) *proc {
		return launch(t, "node", append(more, "-tribes", "axis2", "-domain", "wso2.is.domain", "-advertise", address, "-wka",
			balancer, "-http", freeAddress(t), "-sub-domain", name, "-events")...)
	}
	first := node(one, "mgt")
	second := node(two, "worker", "-health", health)
	seen := map[string]string{}
	for range 3 { // the balancer itself, in its own domain
		l := elb.expectWithin("memberAdded", joinBound)
		seen[l.Member.Address] = l.Domain + " " + l.Member.SubDomain
	}
	require.Equal(t, map[string]string{balancer: "wso2.carbon.lb.domain ", one: "wso2.is.domain mgt", two: "wso2.is.domain worker"}, seen)

	(&site{t: t}).until("a member of a Java group becomes ready too", func() bool {
		resp, err := http.Get("http://" + health + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})

	hits := map[string]int{}
	for range 10 {
		resp, err := http.Get("http://" + front + "/")
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		hits["ok"]++
	}
	require.Equal(t, 10, hits["ok"])

	killed := time.Now()
	require.NoError(t, first.cmd.Process.Kill())
	l := elb.expectWithin("memberRemoved", crashBound)
	require.Equal(t, one, l.Member.Address)
	require.Equal(t, "crashed", l.Cause)
	t.Logf("killed: noticed after %v", l.arrived.Sub(killed))
	resp, err := http.Get("http://" + front + "/")
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, second.cmd.Process.Signal(os.Interrupt))
	l = elb.expectWithin("memberRemoved", leaveBound)
	require.Equal(t, "left", l.Cause)
}
