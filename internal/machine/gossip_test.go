package machine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// Eight watchers accuse a member that was killed, over eight links each: sixty
// processes on two processors were busy with frames of one accusation.
func TestWhatSeveralInputsBringIsFloodedTogether(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1", "h:1")
	h.m.More(true)
	f[1].accuse(f[0].id, wire.Refused)
	f[2].accuse(f[0].id, wire.Refused)
	require.Empty(t, told[*wire.Gossip](f[5]), "more comes")
	h.m.More(false)
	f[3].accuse(f[0].id, wire.Refused)
	got := told[*wire.Gossip](f[5])
	require.Len(t, got, 1)
	require.Len(t, got[0].Accusations, 3)
}

// What waits is bounded though more is always said to come.
func TestFloodsDoNotWaitForMoreForEver(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	h.m.More(true)
	crowdComes(h, f[0], "n", tableRecords-1)
	require.Empty(t, told[*wire.Gossip](f[1]))
	crowdComes(h, f[0], "m", 1)
	require.NotEmpty(t, told[*wire.Gossip](f[1]))
}

// Who leaves says so, and closes its links in the same moment. What waits for
// more inputs is not lost with them.
func TestALeaveDoesNotWaitForMore(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	h.m.More(true)
	f[0].accuse(f[1].id, wire.Silent)
	h.input(func() { h.m.SetState(h.now, wire.Left) })
	heard := f[2].take()
	require.Len(t, heard, 2)
	words := heard[0].(*wire.Gossip)
	require.Len(t, words.Accusations, 1)
	require.Equal(t, wire.Left, words.Records[0].State)
	require.Equal(t, &wire.Goodbye{Parting: wire.Departing}, heard[1])
}

// The same goes for the leave of another, whose link may end right after.
func TestTheLeaveOfAnotherIsPassedOnAtOnce(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	h.m.More(true)
	f[0].says(gossip(f[0].record(1, 2, func(r *wire.Record) { r.State = wire.Left })))
	require.Len(t, told[*wire.Gossip](f[1]), 1)
}
