package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/freeport"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/wka"
)

// The point of this example is how little it takes.
func TestShorterThanFortyLines(t *testing.T) {
	b, err := os.ReadFile("main.go")
	require.NoError(t, err)
	require.Less(t, strings.Count(string(b), "\n"), 40)
}

func free(t *testing.T) string { return freeport.Address(t) }

func TestRequestsGoToTheMembers(t *testing.T) {
	member, web := free(t), free(t)
	go run(member, web) // ends with the test's process, as it does with its own
	for _, name := range []string{"one", "two"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) }))
		t.Cleanup(server.Close)
		_, port, err := net.SplitHostPort(server.Listener.Addr().String())
		require.NoError(t, err)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		node, err := membership.Start(membership.Config{
			Name: name, Domain: "wso2.is.domain", Listener: l, WellKnown: wka.List{member}, Properties: map[string]string{"httpPort": port},
		})
		require.NoError(t, err)
		t.Cleanup(func() { node.Close() })
	}
	seen := map[string]bool{}
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + web)
		if err != nil {
			return false // it does not listen yet
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode == http.StatusOK {
			seen[string(b)] = true
		}
		return len(seen) == 2
	}, 15*time.Second, 5*time.Millisecond)
	require.Equal(t, map[string]bool{"one": true, "two": true}, seen)
}
