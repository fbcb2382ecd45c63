package gateway_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/members"
)

// Types of frames, RFC 9113, section 6.
const (
	frameData, frameHeaders, frameSettings, framePing, frameGoAway, frameContinuation = 0, 1, 4, 6, 7, 9
)

// frame makes a frame of HTTP/2.
func frame(kind, flags byte, stream uint32, payload string) string {
	n := len(payload)
	head := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	return string(binary.BigEndian.AppendUint32(head, stream)) + payload
}

// fields makes a block of header fields without any compression; a name may be
// empty for none.
func fields(pairs ...string) string {
	var out strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		out.WriteString("\x00" + string(rune(len(pairs[i]))) + pairs[i] + string(rune(len(pairs[i+1]))) + pairs[i+1])
	}
	return out.String()
}

// Frames and requests of HTTP/2 that must not be: no member sees one, and the
// gateway goes on.
func TestMalformedHTTP2(t *testing.T) {
	get := []string{":method", "GET", ":scheme", "https", ":path", "/evil", ":authority", "d.test"}
	request := func(pairs ...string) string { return frame(frameHeaders, 5, 1, fields(pairs...)) } // ends headers and stream
	for why, text := range map[string]string{
		"data on no stream":              frame(frameData, 0, 1, "x"),
		"headers on stream 0":            frame(frameHeaders, 5, 0, fields(get...)),
		"headers on an even stream":      frame(frameHeaders, 5, 2, fields(get...)),
		"a frame without measure":        frame(frameHeaders, 5, 1, strings.Repeat("x", 1<<20)),
		"a ping of 7 bytes":              frame(framePing, 0, 0, "1234567"),
		"settings of 5 bytes":            frame(frameSettings, 0, 0, "12345"),
		"a continuation of nothing":      frame(frameContinuation, 4, 1, fields(get...)),
		"a block that is no compression": frame(frameHeaders, 5, 1, "\xff\xff\xff\xff\xff\xff\xff\xff"),
		"another frame within headers":   frame(frameHeaders, 1, 1, fields(get...)) + frame(framePing, 0, 0, "12345678"),
		"a field in upper case":          request(append(get, "X-Upper", "1")...),
		"connection":                     request(append(get, "connection", "close")...),
		"transfer-encoding":              request(append(get, "transfer-encoding", "chunked")...),
		"a line end in a value":          request(append(get, "x", "a\r\nb: c")...),
		"no path":                        request(":method", "GET", ":scheme", "https", ":authority", "d.test"),
		"two paths":                      request(append(get, ":path", "/other")...),
		"an unknown pseudo-field":        request(append([]string{":evil", "1"}, get...)...),
		"a pseudo-field behind others":   request(":method", "GET", ":scheme", "https", "x", "1", ":path", "/evil", ":authority", "d.test"),
		"nothing but noise":              strings.Repeat("\xa5", 1000),
	} {
		t.Run(why, func(t *testing.T) {
			f := newFront(t, gateway.Options{Members: gateway.HTTPScheme}, members.Options{})
			seen := make(chan string, 10)
			f.all.set("d", backend(t, 1, func(w http.ResponseWriter, r *http.Request) {
				seen <- r.URL.Path
				io.WriteString(w, "served")
			}))
			conn, err := tls.Dial("tcp", f.tls.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
			require.NoError(t, err)
			defer conn.Close()
			require.Equal(t, "h2", conn.ConnectionState().NegotiatedProtocol)
			require.NoError(t, conn.SetDeadline(time.Now().Add(bound)))
			_, err = io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+frame(frameSettings, 0, 0, "")+text)
			require.NoError(t, err)
			kinds := framesUntilAnswer(t, conn)
			require.True(t, slices.Contains(kinds, frameGoAway) || slices.Contains(kinds, 3) || slices.Contains(kinds, frameHeaders),
				"the connection ends, the stream is reset (3), or the answer is an error: %v", kinds)
			_, body := f.do(f.request("GET", f.tls.URL+"/good", "d.test", nil))
			require.Equal(t, "served", body)
			require.Equal(t, "/good", <-seen, "nothing else reached the member")
			require.Empty(t, seen)
		})
	}
}

// framesUntilAnswer reads until the server has said what it makes of it, and
// returns the types of its frames.
func framesUntilAnswer(t *testing.T, conn io.Reader) []byte {
	t.Helper()
	var kinds []byte
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(conn, head); err != nil {
			require.ErrorIs(t, err, io.EOF)
			return append(kinds, frameGoAway) // it ends
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		_, err := io.ReadFull(conn, payload)
		require.NoError(t, err)
		kinds = append(kinds, head[3])
		if slices.Contains([]byte{frameGoAway, 3, frameHeaders}, head[3]) {
			return kinds
		}
	}
}
