package program_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/program"
)

func TestConnectionsAreBounded(t *testing.T) {
	s, err := program.Listen("http", "127.0.0.1:0")
	require.NoError(t, err)
	defer s.Close()
	s.Bound(program.Limits{Connections: 2})
	s.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "served") }))
	open := func() net.Conn {
		conn, err := net.Dial("tcp", s.Addr())
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		return conn
	}
	served := func(conn net.Conn) bool {
		n, _ := conn.Read(make([]byte, 100)) // nothing comes where it was closed
		return n > 0
	}
	one, two := open(), open()
	require.True(t, served(one))
	require.True(t, served(two))
	three := open()
	defer three.Close()
	require.False(t, served(three), "one too many is closed")
	io.WriteString(two, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	require.True(t, served(two), "and those that are there go on")
	one.Close()
	two.Close()
	require.Eventually(t, func() bool {
		conn := open()
		defer conn.Close()
		return served(conn)
	}, 10*time.Second, 10*time.Millisecond, "there is room again")
}
