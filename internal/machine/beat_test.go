package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// alone is a group of a and one other, who sends heartbeats only when the test
// says so, at a moment when a has just sent one.
func alone(t *testing.T) (*harness, *fake) {
	h, f := settled(t, "b:1")
	x := f[0]
	x.deaf = true
	h.advance(h.m.nextBeat - h.now)
	require.NotEmpty(t, x.beats)
	x.beats = x.beats[:0]
	return h, x
}

func TestAHeartbeatIsAnsweredUnlessOneWasJustSent(t *testing.T) {
	h, x := alone(t)
	digest := h.m.links[0].digest()
	h.advance(beatTime/2 - time.Millisecond)
	x.beat(digest)
	require.Empty(t, x.beats, "one was sent less than half an interval ago")
	h.advance(time.Millisecond)
	x.beat(digest)
	require.Len(t, x.beats, 1, "at once")
	require.Equal(t, x.sent, x.beats[0].Echo)
	for range 100 { // of somebody who never stops
		x.beat(digest)
	}
	require.Len(t, x.beats, 1)
	h.advance(beatTime / 2)
	require.Len(t, x.beats, 1, "the answer stands for the heartbeat that was due")
	h.advance(beatTime)
	require.Len(t, x.beats, 2, "nothing has come meanwhile")
}

// A timer that was late is no reason to leave the next heartbeat out: only an
// answer is.
func TestALateTimerIsFollowedByTheNextHeartbeat(t *testing.T) {
	h, x := alone(t)
	h.stop(h.m.nextBeat - h.now + beatTime*3/10)
	require.Len(t, x.beats, 1)
	h.advance(h.m.nextBeat - h.now)
	require.Len(t, x.beats, 2)
}

// Who goes on after a stop may send a heartbeat before it reads what has come
// meanwhile, with an echo that proves nothing new. So that is answered.
func TestAfterAStopWhatHasComeIsAnswered(t *testing.T) {
	h, x := alone(t)
	digest := h.m.links[0].digest()
	h.stop(2 * beatTime)
	require.Len(t, x.beats, 1, "late")
	x.beat(digest)
	require.Len(t, x.beats, 2)
	require.Equal(t, x.sent, x.beats[1].Echo)
	x.beat(digest)
	require.Len(t, x.beats, 2, "once")
}
