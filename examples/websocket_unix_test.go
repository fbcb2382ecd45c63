//go:build unix

package examples_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A WebSocket client written by hand gets its words back through the balancer.
func TestWebSocketThroughTheBalancer(t *testing.T) {
	story(t)
	s := newSite(t)
	s.balancer("-manage", isDomain)
	s.readyNode("one", isDomain)

	conn, err := net.Dial("tcp", s.http)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(silentBound)))
	// The key and its answer are those of RFC 6455, section 1.3.
	key := base64.StdEncoding.EncodeToString([]byte("the sample nonce"))
	require.Equal(t, "dGhlIHNhbXBsZSBub25jZQ==", key)
	fmt.Fprintf(conn, "GET /echo HTTP/1.1\r\nHost: any.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", key)
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", resp.Header.Get("Sec-WebSocket-Accept"))

	for _, text := range []string{"hello", strings.Repeat("long ", 100)} {
		_, err = conn.Write(clientFrame(0x81, text)) // a whole text message
		require.NoError(t, err)
		first, echo := serverFrame(t, r)
		require.Equal(t, byte(0x81), first)
		require.Equal(t, text, echo)
	}
	_, err = conn.Write(clientFrame(0x88, "\x03\xe8")) // close, normal
	require.NoError(t, err)
	first, _ := serverFrame(t, r)
	require.Equal(t, byte(0x88), first, "a close is answered")
	_, err = r.ReadByte()
	require.ErrorIs(t, err, io.EOF, "and ends the connection")
}

// clientFrame makes a frame with a mask, as clients have to; up to 64 KiB.
func clientFrame(first byte, text string) []byte {
	mask := []byte{1, 2, 3, 4}
	frame := []byte{first, 0x80 | byte(len(text))}
	if len(text) > 125 {
		frame = []byte{first, 0x80 | 126, byte(len(text) >> 8), byte(len(text))}
	}
	frame = append(frame, mask...)
	for i := range len(text) {
		frame = append(frame, text[i]^mask[i%4])
	}
	return frame
}

// serverFrame reads a frame, which has no mask.
func serverFrame(t *testing.T, r io.Reader) (first byte, text string) {
	t.Helper()
	head := make([]byte, 2)
	_, err := io.ReadFull(r, head)
	require.NoError(t, err)
	size := int(head[1])
	if size == 126 {
		long := make([]byte, 2)
		_, err = io.ReadFull(r, long)
		require.NoError(t, err)
		size = int(long[0])<<8 | int(long[1])
	}
	payload := make([]byte, size)
	_, err = io.ReadFull(r, payload)
	require.NoError(t, err)
	return head[0], string(payload)
}
