package transport

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzSecure lets data be the other side of a TLS handshake with a node that has
// a key, dialled and accepted.
func FuzzSecure(f *testing.F) {
	ring, err := newKeyring([]Key{NewKey()})
	if err != nil {
		f.Fatal(err)
	}
	hello, answer := firstWords(f, ring.config)
	f.Add(hello)
	f.Add(answer)
	f.Add(framed(encodeOpen(make([]byte, 64))))
	f.Add(framed(encodeRefusal(CodeKey, "the other side wants a key")))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{21, 3, 3, 0, 2, 2, 42})
	f.Add(append([]byte{22, 3, 3, 0x40, 0}, make([]byte, 1<<14)...))
	e, err := New(Config{Cluster: "test", Keys: []Key{NewKey()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close() })
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, dialed := range []bool{true, false} {
			conn := &tape{Reader: bytes.NewReader(data)}
			ch, err := e.wrap(conn, dialed, "x:1")
			require.Error(t, err, "nobody can finish without a key")
			require.Nil(t, ch)
			require.NotEqual(t, FailureRefused, FailureOf(err))
			require.False(t, strings.ContainsRune(reason(err), '\x1b'), "nothing for the terminal to act upon")
			require.LessOrEqual(t, len(data)-conn.Len(), MaxHandshakeBytes)
		}
	})
}

// firstWords returns what a dialer says first, and what an acceptor answers.
func firstWords(f *testing.F, config *tls.Config) (hello, answer []byte) {
	f.Helper()
	a, b := net.Pipe()
	c, d := net.Pipe()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer a.Close()
	defer d.Close()
	read := func(conn net.Conn) []byte {
		buf := make([]byte, 16<<10)
		n, _ := conn.Read(buf)
		return buf[:n]
	}
	wg.Go(func() { _ = tls.Client(b, config).Handshake() })
	wg.Go(func() { _ = tls.Server(c, config).Handshake() })
	hello = read(a)
	if _, err := d.Write(hello); err != nil {
		f.Fatal(err)
	}
	return hello, read(d)
}
