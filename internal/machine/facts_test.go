package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

func facts(t *testing.T, h *harness, id wire.ID) Facts {
	t.Helper()
	f, ok := h.m.Facts(h.now, "d", id)
	require.True(t, ok)
	return f
}

func stances(f Facts) map[wire.ID]Stance {
	out := map[wire.ID]Stance{}
	for _, w := range f.Watchers {
		out[w.Record.ID] = w.Stance
	}
	return out
}

func TestFactsTellWhoSaysWhat(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	b, c, e := f[0], f[1], f[2]
	got := facts(t, h, b.id)
	require.True(t, got.Present)
	require.Equal(t, "b:1", got.Record.Address)
	require.True(t, got.Watched)
	require.True(t, got.Linked)
	require.False(t, got.Bad)
	require.LessOrEqual(t, got.LastHeard, time.Second)
	require.Equal(t, map[wire.ID]Stance{h.m.Self(): Vouches, c.id: Vouches, e.id: Vouches}, stances(got))

	c.accuse(b.id, wire.Refused)
	got = facts(t, h, b.id)
	require.Equal(t, map[wire.ID]Stance{h.m.Self(): Vouches, c.id: Accuses, e.id: Vouches}, stances(got))
	require.Empty(t, got.Others)
	e.accuse(b.id, wire.Refused)
	got = facts(t, h, b.id)
	require.False(t, got.Present)
	require.Equal(t, wire.CauseCrashed, got.Gone.Cause)
	require.Equal(t, "b:1", got.Gone.Address)
	require.Len(t, got.Gone.Evidence, 2, "who accused it as it was dropped")
	for _, a := range got.Gone.Evidence {
		require.Contains(t, []wire.ID{c.id, e.id}, a.Watcher)
		require.Equal(t, wire.Refused, a.Reason)
	}

	_, ok := h.m.Facts(h.now, "d", wire.ID{1})
	require.False(t, ok)
	_, ok = h.m.Facts(h.now, "unknown", b.id)
	require.False(t, ok)
}

func TestFactsOfSilence(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	before := facts(t, h, f[0].id)
	require.False(t, before.Bad)
	f[0].goesSilent()
	h.advance(2 * time.Second)
	require.Greater(t, facts(t, h, f[0].id).LastHeard, 1500*time.Millisecond)
}
