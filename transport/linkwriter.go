package transport

import (
	"fmt"
	"time"

	"github.com/gotribes/tribes/internal/wire"
)

// bufferTimes is after how many small frames in a row a link lets go of a buffer
// that a large one needed.
const bufferTimes = 16

// write sends what is queued until the link goes down. All frames queued while
// one write is under way leave with the next.
func (l *Link) write() {
	var spare []byte
	var slack wire.Slack
	for {
		frames, count, ok := l.take(spare)
		if !ok {
			return
		}
		if len(frames) == 0 {
			l.finish()
			return
		}
		for rest := frames; len(rest) > 0; {
			n, err := l.writeSome(rest[:min(len(rest), readChunk)])
			if err != nil {
				_ = l.fail(err)
				return
			}
			rest = rest[n:]
		}
		l.framesOut.Add(count)
		if spare = frames; cap(spare) > readChunk || slack.Over(len(frames), cap(frames), bufferTimes) {
			spare = nil // do not keep the memory of one burst
		}
	}
}

// take waits for something to send and exchanges the queue's memory for spare.
// Nothing to send means that the flush is over; ok is false once the link is
// down.
func (l *Link) take(spare []byte) (frames []byte, count uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = false
	for len(l.out) == 0 && l.err == nil && !l.flushing {
		if l.direct != nil && cap(spare) > wire.SlackKeep {
			spare = nil // heartbeats will not wake the writer to see that it is too large
		}
		l.wake.Wait()
	}
	l.writing = true
	if l.err != nil {
		return nil, 0, false
	}
	frames, count = l.out, l.outCount
	l.out, l.outCount = spare[:0], 0
	return frames, count, true
}

// writeSome writes one chunk within the time allowed.
func (l *Link) writeSome(chunk []byte) (int, error) {
	_ = l.conn.SetWriteDeadline(l.deadline())
	n, err := l.conn.Write(chunk)
	l.bytesOut.Add(uint64(n))
	l.mu.Lock()
	l.queued -= n
	l.mu.Unlock()
	if err == nil {
		return n, nil
	}
	if FailureOf(err) == FailureSilent {
		return n, fmt.Errorf("%w: writing to %s: %w", ErrSlowPeer, l.RemoteAddr(), err)
	}
	return n, fmt.Errorf("writing to %s: %w", l.RemoteAddr(), err)
}

// deadline returns until when the next write may take, zero for ever.
func (l *Link) deadline() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flushing {
		return l.flushBy
	}
	if t := l.endpoint.cfg.WriteTimeout; t > 0 {
		return time.Now().Add(t)
	}
	return time.Time{}
}

// finish ends this side's direction when all is sent, gives the peer a while
// to read it and to end its own, and takes the link down.
func (l *Link) finish() {
	half, ok := l.conn.(halfCloser)
	if ok && half.CloseWrite() == nil {
		timer := time.NewTimer(lingerTime)
		defer timer.Stop()
		select {
		case <-l.readEnd: // the peer's end, or a Close
		case <-timer.C:
		}
	}
	_ = l.fail(l.reason)
}
