package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// As much of the WebSocket protocol (RFC 6455) as an echo needs, so that one
// can see that upgrades pass a balancer.

// acceptSuffix is what section 1.3 of the RFC has a server add to the key.
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// Opcodes, section 5.2.
const (
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA
)

const (
	maxFrame     = 64 << 10        // bytes of one frame's payload
	maxWebSocket = 5 * time.Minute // of silence, then the connection is dropped
)

// isWebSocket tells whether a request asks for an upgrade to a WebSocket.
func isWebSocket(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// accept is the answer to a client's Sec-WebSocket-Key.
func accept(key string) string {
	sum := sha1.Sum([]byte(key + acceptSuffix)) // what the RFC prescribes; it guards nothing
	return base64.StdEncoding.EncodeToString(sum[:])
}

// echoWebSocket upgrades the connection and sends every frame back until the
// client closes it.
func echoWebSocket(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if key == "" || r.Header.Get("Sec-WebSocket-Version") != "13" {
		w.Header().Set("Sec-WebSocket-Version", "13")
		http.Error(w, "want a Sec-WebSocket-Key and Sec-WebSocket-Version 13", http.StatusBadRequest)
		return
	}
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Sec-WebSocket-Accept", accept(key))
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		if conn.SetDeadline(time.Now().Add(maxWebSocket)) != nil {
			return
		}
		if more, err := echoFrame(rw); err != nil || !more {
			return
		}
	}
}

// echoFrame reads one frame of a client and answers it; more is false after a
// close. Frames of a message that comes in pieces go back piece by piece.
func echoFrame(rw *bufio.ReadWriter) (more bool, err error) {
	first, payload, err := readFrame(rw)
	if err != nil {
		return false, err
	}
	switch first & 0x0F {
	case opPing:
		first = first&^0x0F | opPong
	case opPong:
		return true, nil // not asked for; ignored
	}
	if err := writeFrame(rw, first, payload); err != nil {
		return false, err
	}
	return first&0x0F != opClose, nil
}

// readFrame returns a frame's first byte (flags and opcode) and its payload,
// without the mask that every client has to put on it.
func readFrame(r io.Reader) (first byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[1]&0x80 == 0 {
		return 0, nil, errors.New("a client's frame has no mask")
	}
	size := uint64(head[1] & 0x7F)
	// 126 and 127 announce a length of two and eight bytes behind the head.
	if long := map[uint64]int{126: 2, 127: 8}[size]; long > 0 {
		var b [8]byte
		if _, err := io.ReadFull(r, b[8-long:]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(b[:])
	}
	if size > maxFrame {
		return 0, nil, errors.New("the frame is too long")
	}
	masked := make([]byte, 4+size)
	if _, err := io.ReadFull(r, masked); err != nil {
		return 0, nil, err
	}
	mask, payload := masked[:4], masked[4:]
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return head[0], payload, nil
}

// writeFrame sends a frame as servers do, without a mask.
func writeFrame(w *bufio.ReadWriter, first byte, payload []byte) error {
	head := []byte{first, byte(len(payload))}
	switch {
	case len(payload) > 0xFFFF:
		head[1] = 127
		head = binary.BigEndian.AppendUint64(head, uint64(len(payload)))
	case len(payload) > 125:
		head[1] = 126
		head = binary.BigEndian.AppendUint16(head, uint16(len(payload)))
	}
	// A bufio.Writer keeps the first error for Flush.
	_, _ = w.Write(head)
	_, _ = w.Write(payload)
	return w.Flush()
}
