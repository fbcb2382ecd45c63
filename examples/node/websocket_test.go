package main

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// frame is what a client sends, with the mask 1 2 3 4.
func frame(first byte, payload string) []byte {
	out := []byte{first}
	switch n := len(payload); {
	case n > 0xFFFF:
		out = append(out, 0x80|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	case n > 125:
		out = append(out, 0x80|126, byte(n>>8), byte(n))
	default:
		out = append(out, 0x80|byte(n))
	}
	out = append(out, 1, 2, 3, 4)
	for i := range len(payload) {
		out = append(out, payload[i]^byte(i%4+1))
	}
	return out
}

// echo gives one frame to the node and returns what it sends.
func echo(in []byte) (out string, more bool, err error) {
	var sent bytes.Buffer
	more, err = echoFrame(bufio.NewReadWriter(bufio.NewReader(bytes.NewReader(in)), bufio.NewWriter(&sent)))
	return sent.String(), more, err
}

func TestFramesComeBackWithoutMask(t *testing.T) {
	long, longest := strings.Repeat("x", 126), strings.Repeat("y", maxFrame)
	for _, c := range []struct {
		why  string
		in   []byte
		out  string
		more bool
	}{
		{"a text", frame(0x81, "hello"), "\x81\x05hello", true},
		{"the first piece of a binary message", frame(0x02, "a"), "\x02\x01a", true},
		{"nothing", frame(0x81, ""), "\x81\x00", true},
		{"a length of two bytes", frame(0x82, long), "\x82\x7e\x00\x7e" + long, true},
		{"a length of eight bytes", frame(0x82, longest), "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + longest, true},
		{"a ping is answered by a pong", frame(0x89, "p"), "\x8a\x01p", true},
		{"a pong by nothing", frame(0x8a, "p"), "", true},
		{"a close by a close, and that is the end", frame(0x88, "\x03\xe8"), "\x88\x02\x03\xe8", false},
	} {
		out, more, err := echo(c.in)
		require.NoError(t, err, c.why)
		require.Equal(t, c.out, out, c.why)
		require.Equal(t, c.more, more, c.why)
	}
}

func TestBadFramesEndTheConnection(t *testing.T) {
	for why, in := range map[string][]byte{
		"no mask":    {0x81, 0x01, 'a'},
		"too long":   frame(0x82, strings.Repeat("z", maxFrame+1)),
		"2^64-1":     {0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255},
		"cut short":  frame(0x81, "hello")[:8],
		"no payload": {0x81},
	} {
		out, _, err := echo(in)
		require.Error(t, err, why)
		require.Empty(t, out, why)
	}
}

func TestUpgradeNeedsAKeyAndTheVersion(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/echo", nil)
	r.Header.Set("Upgrade", "WebSocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	status, body := ask(t, r)
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, body, "Sec-WebSocket-Key")
	require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", accept("dGhlIHNhbXBsZSBub25jZQ=="), "the example of the RFC")
}
