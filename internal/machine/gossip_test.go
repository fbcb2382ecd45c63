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
