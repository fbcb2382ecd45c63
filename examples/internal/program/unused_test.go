package program_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/keystore"
	"github.com/gotribes/tribes/examples/internal/program"
)

// net/http alone waits more than 5 s for a connection on which nothing was sent.
// The bound is wide below that, for busy machines; it takes some 10 ms.
const soon = 3 * time.Second

// serving starts a server that waits for a minute for requests under way.
func serving(t *testing.T, config *tls.Config, h http.HandlerFunc) *program.HTTPServer {
	t.Helper()
	s, err := program.Listen("http", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(s.Close)
	s.Bound(program.Limits{Stop: time.Minute})
	if config != nil {
		s.Secure(config)
	}
	s.Serve(h)
	return s
}

func dial(t *testing.T, s *program.HTTPServer) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

const question = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

// answer reads a whole one.
func answer(t *testing.T, conn net.Conn) string {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

func TestAConnectionWithoutARequestDoesNotDelayTheEnd(t *testing.T) {
	own, err := keystore.Make("127.0.0.1")
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(own.Leaf)
	for name, config := range map[string]*tls.Config{"plain": nil, "TLS": {Certificates: []tls.Certificate{own}}} {
		t.Run(name, func(t *testing.T) {
			s := serving(t, config, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "done") })
			open := func() net.Conn {
				conn := dial(t, s)
				if config == nil {
					return conn
				}
				secure := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
				require.NoError(t, secure.Handshake(), "a handshake is no request")
				return secure
			}
			open()
			// Connections are accepted in turn, so the other one is.
			busy := open()
			io.WriteString(busy, question)
			require.Equal(t, "done", answer(t, busy))
			begun := time.Now()
			s.Shutdown()
			require.Less(t, time.Since(begun), soon)
		})
	}
}

func TestRequestsUnderWayEndBesideAConnectionWithoutOne(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	s := serving(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-goOn
		io.WriteString(w, "done")
	})
	unused, busy := dial(t, s), dial(t, s)
	io.WriteString(busy, question)
	<-begun
	down := make(chan struct{})
	go func() {
		s.Shutdown()
		close(down)
	}()
	require.NoError(t, unused.SetReadDeadline(time.Now().Add(soon)))
	_, err := unused.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "it is closed while the other goes on")
	close(goOn)
	require.Equal(t, "done", answer(t, busy))
	<-down
}
