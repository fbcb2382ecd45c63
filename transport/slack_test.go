package transport

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// After a table come heartbeats, and its memory is let go; a stream of tables
// keeps it.
func TestAReaderThatIsIdleKeepsLittle(t *testing.T) {
	large, small := make([]byte, 30000), make([]byte, 30)
	var stream []byte
	for range 3 {
		stream = append(stream, framed(large)...)
		for range bufferTimes - 2 {
			stream = append(stream, framed(small)...)
		}
	}
	for range 10 * bufferTimes {
		stream = append(stream, framed(small)...)
	}
	f := trusted(&oneFrame{rest: stream})
	grown, frames := 0, 0
	for len(f.r.(*oneFrame).rest) > 0 {
		payload, err := f.next()
		require.NoError(t, err)
		if frames++; frames <= 3*(bufferTimes-1) {
			require.GreaterOrEqual(t, len(f.buf), 30000, "after %d frames", frames)
		}
		if len(payload) > wire.SlackKeep {
			grown++
		}
	}
	require.Equal(t, 3, grown)
	require.LessOrEqual(t, len(f.buf), wire.SlackKeep)
}

// oneFrame gives out what was sent frame by frame, as an idle link does.
type oneFrame struct {
	rest []byte
	left int // of the present frame
}

func (r *oneFrame) Read(p []byte) (int, error) {
	if r.left == 0 {
		r.left = headerSize + int(r.rest[2])<<8 + int(r.rest[3])
	}
	n := copy(p, r.rest[:r.left])
	r.rest, r.left = r.rest[n:], r.left-n
	return n, nil
}

// sendNow queues a payload and sets it off.
func sendNow(l *Link, payload []byte) error {
	if err := l.SendLater(payload); err != nil {
		return err
	}
	return l.Flush()
}

func TestAWriterThatIsIdleKeepsLittle(t *testing.T) {
	for name, direct := range map[string]bool{"written directly": true, "by the writer": false} {
		t.Run(name, func(t *testing.T) {
			l, peer := loopback(t, nil)
			if !direct {
				l.direct = nil
			}
			peer.Start(func([]byte) error { return nil }, func(error) {})
			l.Start(func([]byte) error { return nil }, func(error) {})
			sent := uint64(0)
			send := func(payload []byte) {
				t.Helper()
				require.NoError(t, sendNow(l, payload))
				sent++
				require.Eventually(t, func() bool { return l.Stats().FramesOut == sent && peer.Stats().FramesIn == sent },
					10*time.Second, 100*time.Microsecond)
			}
			for range 3 {
				require.NoError(t, l.Send(bytes.Repeat([]byte{1}, 30000)))
				sent++
			}
			require.Eventually(t, func() bool { return l.Stats().FramesOut == sent }, 10*time.Second, 100*time.Microsecond)
			l.mu.Lock()
			l.out = make([]byte, 0, 30000) // as two bursts in a row leave it
			l.mu.Unlock()
			for range 3 * bufferTimes {
				send([]byte("heartbeat"))
			}
			for range 2 { // the writer has two buffers, which take turns
				send([]byte("heartbeat"))
				l.mu.Lock()
				kept := cap(l.out)
				l.mu.Unlock()
				require.LessOrEqual(t, kept, wire.SlackKeep)
			}
		})
	}
}
