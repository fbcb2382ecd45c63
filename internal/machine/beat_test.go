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

// Whoever comes first sets the pace of a link: each side sends one heartbeat an
// interval, one of them as an answer, which costs one packet less to
// acknowledge.
func TestALinkHasOneHeartbeatAnIntervalInEachDirection(t *testing.T) {
	for _, part := range []Time{1, 20, 40, 60, 80, 99} { // of the interval, in percent, between the two
		h, x := alone(t)
		h.advance(beatTime * part / 100)
		before, at := x.sent, Time(-beatTime)
		const count = 40
		for range count {
			if h.now-at >= beatTime*3/4 { // as the other side does
				x.beat(h.m.links[0].digest())
				at = h.now
			}
			for range 100 {
				seen := len(x.beats)
				h.advance(beatTime / 100)
				if len(x.beats) > seen && h.now-at >= beatTime/2 {
					x.beat(h.m.links[0].digest())
					at = h.now
				}
			}
		}
		require.InDelta(t, count, len(x.beats), 1, "sent, at %d %%", part)
		require.InDelta(t, count, int(x.sent-before), 1, "come, at %d %%", part)
		require.Equal(t, "a b", h.shown())
	}
}

// An answer proves the link at once, not an interval later.
func TestAnAnswerProvesALink(t *testing.T) {
	h, x := alone(t)
	h.advance(dropTime - 2*beatTime)
	require.Equal(t, dropTime-beatTime, h.running()-h.m.links[0].peer.proof)
	x.deaf = false // answers the next at once
	for h.m.links[0].peer.proof < h.running() {
		h.advance(time.Millisecond)
	}
	require.LessOrEqual(t, h.now-h.m.links[0].beatAt, time.Millisecond)
	require.Equal(t, "a b", h.shown())
}
