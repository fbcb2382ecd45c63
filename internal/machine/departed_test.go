package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

func TestDeparturesAreBoundedByAThousandOrTheGroupsLargestSize(t *testing.T) {
	h := newHarness(t)
	g := h.group()
	for i := range 3 * departedLeast {
		g.depart(wire.IDOf(testKey(fmt.Sprint(i)), wire.Birth{}), 1, wire.CauseLeft, fmt.Sprintf("x%d:1", i))
		require.LessOrEqual(t, len(g.gone.byID), departedLeast)
	}
	require.Nil(t, g.gone.get(wire.IDOf(testKey("0"), wire.Birth{})), "the oldest are forgotten")
	require.NotNil(t, g.gone.get(wire.IDOf(testKey(fmt.Sprint(3*departedLeast-1)), wire.Birth{})))
	require.LessOrEqual(t, len(g.gone.order), 2*departedLeast)
}

// Seen by: go run ./internal/sim -case most-lose-power -n 2000
func TestMoreThanAThousandMayGoAtOnce(t *testing.T) {
	m, known := large(t, 2*departedLeast)
	g := m.group("d")
	gone := departedLeast + departedLeast/2
	for _, r := range known[:gone] {
		g.down(g.members.get(r.ID), wire.CauseSilent, nil, false)
	}
	require.Equal(t, 2*departedLeast-gone, g.members.len())
	for _, r := range known[:gone] {
		require.NotNil(t, g.gone.get(r.ID))
	}
	m.Receive(settleSilent+2, 1, &wire.Table{Domain: "d", Records: known[:1], Last: true})
	require.Nil(t, g.members.get(known[0].ID), "an old record brought it back")
}

func TestWhoComesAndGoesIsRememberedOnce(t *testing.T) {
	h := newHarness(t)
	g := h.group()
	g.depart(wire.IDOf(testKey("stays away"), wire.Birth{}), 1, wire.CauseSilent, "y:1")
	for i := range 1000 {
		e := g.depart(wire.IDOf(testKey("x"), wire.Birth{}), uint32(i), wire.CauseSilent, "x:1")
		require.LessOrEqual(t, len(g.gone.order), 21)
		if i%2 == 0 {
			g.gone.takeBack(e)
		}
	}
	require.Len(t, g.gone.byID, 2)
	require.Equal(t, "y:1", g.gone.order[0].address)
}

func TestDeparturesAreForgottenAfterAnHour(t *testing.T) {
	h, f := dropped(t)
	g := h.group()
	require.NotNil(t, g.gone.get(f[0].id))
	h.advance(departedFor - time.Second)
	require.NotNil(t, g.gone.get(f[0].id))
	h.advance(time.Second + downTryLater)
	require.Nil(t, g.gone.get(f[0].id))
}

func TestAFinalDepartureIsNotOverwritten(t *testing.T) {
	h := newHarness(t)
	g := h.group()
	id := wire.IDOf(testKey("x"), wire.Birth{})
	g.depart(id, 1, wire.CauseSilent, "x:1")
	g.depart(id, 1, wire.CauseCrashed, "x:1")
	require.Equal(t, wire.CauseSilent, g.gone.get(id).cause, "the first word stays for an incarnation")
	g.depart(id, 2, wire.CauseCrashed, "x:1")
	require.Equal(t, wire.CauseCrashed, g.gone.get(id).cause)
	g.depart(id, 1, wire.CauseLeft, "x:1")
	g.depart(id, 9, wire.CauseSilent, "x:1")
	require.Equal(t, wire.CauseLeft, g.gone.get(id).cause)
}

func TestADroppedMemberIsTriedWithBackoffUntilItIsForgotten(t *testing.T) {
	h, _ := dropped(t)
	at := []Time{h.now}
	for h.now < 20*time.Minute {
		h.dials = nil
		h.advance(100 * time.Millisecond)
		for _, e := range h.dials {
			if e.Address == "b:1" {
				at = append(at, h.now)
			}
		}
	}
	for i := 1; i < len(at); i++ {
		gap, most := at[i]-at[i-1], 2*downTryMost+time.Second
		if at[i]-at[0] > downTrySoon+downTryMost {
			most = 2*downTryLater + time.Second
		}
		require.LessOrEqual(t, gap, most, "try %d at %s", i, at[i])
	}
	soon, late := 0, 0
	for _, a := range at {
		if a-at[0] < downTrySoon {
			soon++
		} else {
			late++
		}
	}
	require.Greater(t, soon, 60, "about every 4 s for 10 minutes")
	require.Less(t, late, 40, "then about every 30 s")
	require.Greater(t, late, 8)
}

func TestADroppedMemberThatAnswersHearsThatItIsHeldDown(t *testing.T) {
	h, f := dropped(t)
	f[0].deaf = false
	h.meets["b:1"] = func() met { return met{out: Answered, by: f[0]} }
	f[0].take()
	h.dials = nil
	h.advance(time.Second + beatTime)
	for _, e := range h.dials {
		if e.Address == "b:1" {
			f[0].answers(e)
		}
	}
	got := told[*wire.HeldDown](f[0])
	require.NotEmpty(t, got)
	require.EqualValues(t, 1, got[0].Incarnation)
	require.Equal(t, wire.CauseSilent, got[0].Cause)
}
