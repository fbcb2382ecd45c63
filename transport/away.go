package transport

import (
	"net"
	"time"
)

const (
	awayMost = 256                    // connections that have been told, and are not closed yet
	awayFor  = 250 * time.Millisecond // that they have to hear it
)

// sendAway tells a connection, in plain and before it has said anything, that
// there is no room, and closes it a moment later. A connection that is closed
// without a word looks like a process that has gone: whoever crowds a node must
// not be able to make it look so. Beyond awayMost it is closed at once.
func (e *Endpoint) sendAway(conn net.Conn) {
	e.mu.Lock()
	room := !e.closed && len(e.away) < awayMost
	if room {
		if e.away == nil {
			e.away = make(map[net.Conn]*time.Timer)
		}
		e.away[conn] = time.AfterFunc(awayFor, func() {
			e.mu.Lock()
			delete(e.away, conn)
			e.mu.Unlock()
			_ = conn.Close()
		})
	}
	e.mu.Unlock()
	if !room {
		_ = conn.Close()
		return
	}
	_ = conn.SetWriteDeadline(time.Now().Add(awayFor))
	h := handshake{conn: conn}
	if h.write(encodeRefusal(CodeBusy, "too many handshakes at once; try again later")) == nil {
		if half, ok := conn.(halfCloser); ok {
			_ = half.CloseWrite()
		}
	}
}
