package admin

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
)

// TestAViewerThatStopsReadingLosesItsStream: over a socket whose buffers are as
// small as the system allows, so that they are soon full.
func TestAViewerThatStopsReadingLosesItsStream(t *testing.T) {
	s, other := site(t, 1000, "shop", func(i int) string { return fmt.Sprint("m", i) }, Options{})
	server := httptest.NewUnstartedServer(s.Handler())
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(1)
		return ctx
	}
	server.Start()
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(1))
	io.WriteString(conn, "GET /api/stream?domain=shop HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Eventually(t, func() bool { return s.Streams() == 1 }, 10*time.Second, time.Millisecond)

	feed := s.find("shop").group.(explained).Feed
	change := 0
	require.Eventually(t, func() bool {
		change++
		feed.Publish(changed(feed.View(), change), nil) // there is always news
		return s.Streams() == 0
	}, writeTime+40*time.Second, 200*time.Millisecond, "who reads nothing has no place any more")
	resp, _ := get(t, other, "/")
	require.Equal(t, http.StatusOK, resp.StatusCode, "and others are served")
}

// changed gives the members of a view in another state than before.
func changed(v membership.View, i int) []membership.Member {
	var out []membership.Member
	for m := range v.All() {
		m.State = membership.Alive
		if i%2 == 0 {
			m.State = membership.Draining
		}
		out = append(out, m)
	}
	return out
}
