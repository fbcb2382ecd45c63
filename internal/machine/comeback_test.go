package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// heldDown tells the machine over a link that it is held as down.
func (f *fake) holdsDown(incarnation uint32) {
	f.says(&wire.HeldDown{Domain: "d", Incarnation: incarnation, Cause: wire.CauseSilent})
}

// table hands over the records of these fakes.
func (f *fake) handsOver(members ...*fake) {
	t := &wire.Table{Domain: "d", Last: true}
	for _, m := range members {
		t.Records = append(t.Records, m.record(1, 1))
	}
	f.says(t)
}

func (h *harness) incarnation() uint32 { return h.group().me.rec.Incarnation }

func TestWhoIsHeldDownTakesOverATableAndReturns(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[0].holdsDown(1)
	h.advance(0)
	asked := 0
	for _, x := range f {
		asked += len(told[*wire.Join](x))
	}
	require.Equal(t, 1, asked, "one table is enough")
	require.EqualValues(t, 1, h.incarnation())
	f[0].handsOver(f...)
	h.advance(beatTime)
	require.EqualValues(t, 2, h.incarnation())
	require.EqualValues(t, 1, h.group().me.rec.Version)
	require.Len(t, h.reports(Returned), 1)
	require.NotEmpty(t, told[*wire.Gossip](f[1]), "and tells everybody")
}

func TestAnOldWordThatIAmDownIsIgnored(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[0].holdsDown(7)
	h.advance(time.Minute)
	require.EqualValues(t, 1, h.incarnation())
}

func TestWhoIsHeldDownAccusesNobody(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[0].holdsDown(1)
	f[1].dies()
	h.advance(time.Second)
	require.Empty(t, f[2].heardAccusations())
	require.NotNil(t, h.group().members.get(f[1].id))
}

func TestAReturnNeedsMostOfTheWatchersWithinOneHeartbeat(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[0].holdsDown(1)
	h.advance(0)
	// Of its four watchers-to-be only b has a link; two others answer late.
	x, y, z := h.newFake("x:1"), h.newFake("y:1"), h.newFake("z:1")
	tardy := func(f *fake, after Time) func() met {
		return func() met { return met{out: Answered, by: f, after: after} }
	}
	h.meets["x:1"], h.meets["y:1"] = tardy(x, beatTime+time.Millisecond), tardy(y, beatTime+time.Millisecond)
	delete(h.meets, "z:1")
	f[0].handsOver(f[0], x, y, z)
	h.advance(beatTime + 100*time.Millisecond)
	require.EqualValues(t, 1, h.incarnation(), "with TCP everything arrives in the end: late is no answer")
	// In a later round they are quick.
	h.meets["x:1"], h.meets["y:1"] = tardy(x, time.Millisecond), tardy(y, time.Millisecond)
	h.advance(3 * time.Second)
	f[0].handsOver(f[0], x, y, z)
	h.advance(2 * time.Second)
	require.EqualValues(t, 2, h.incarnation())
}

func TestWhoWasAloneReturnsAtOnce(t *testing.T) {
	h := newHarness(t)
	f := h.newFake("b:1")
	f.dials()
	f.holdsDown(1)
	h.advance(0)
	f.handsOver() // nobody else is in that table
	h.advance(time.Millisecond)
	require.EqualValues(t, 2, h.incarnation(), "0 of 0 is a majority here")
}

// cutOff lets the machine be held down by the only peer that it has a lasting
// link with, so that it is an offence, and returns how long its return takes.
func cutOff(t *testing.T, h *harness, f *fake) Time {
	start, was := h.now, h.incarnation()
	f.holdsDown(was)
	for h.incarnation() == was {
		require.Less(t, h.now-start, 5*time.Minute, "it never returns")
		h.advance(10 * time.Millisecond)
		if len(told[*wire.Join](f)) > 0 {
			f.handsOver(f)
		}
	}
	return h.now - start
}

func TestTheWaitGrowsWithEveryOffenceUpToAMinute(t *testing.T) {
	h, f := settled(t, "b:1")
	var waits []Time
	for range 8 {
		waits = append(waits, cutOff(t, h, f[0]))
		h.advance(10 * time.Second)
	}
	want := []Time{0, 5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute, time.Minute}
	for i, w := range want {
		require.GreaterOrEqual(t, waits[i], w, "offence %d", i)
		// From the second offence on most must answer in six rounds in a row.
		rounds := Time(0)
		if i > 0 {
			rounds = roundsLater * beatTime
			require.GreaterOrEqual(t, waits[i], w+rounds-beatTime, "offence %d", i)
		}
		require.LessOrEqual(t, waits[i], w+rounds+time.Second, "offence %d", i)
	}
	h.advance(quietResets + time.Minute)
	require.Less(t, cutOff(t, h, f[0]), time.Second, "ten quiet minutes later it is forgotten")
}

func TestWhoKeepsLastingLinksInItsIslandCommitsNoOffence(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	for range 5 {
		x := h.newFake("x:1") // the other island's, met just now
		x.dials()
		was, start := h.incarnation(), h.now
		x.holdsDown(was)
		x.take()
		f[0].take()
		for h.incarnation() == was && h.now-start < time.Minute {
			h.advance(10 * time.Millisecond)
			for _, y := range append(f, x) {
				if len(told[*wire.Join](y)) > 0 {
					y.handsOver(f...)
				}
			}
		}
		require.Less(t, h.now-start, time.Second)
		x.breaks()
		h.advance(20 * time.Second)
	}
}

// A member that hears little keeps a link or two, by luck, and is told over another:
// that looks like an island. Nobody helps it back, though, and after a drop time
// that counts.
func TestWhoIsNotHelpedBackForADropTimeHasCommittedAnOffence(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	cutOff(t, h, f[0]) // once before
	h.advance(20 * time.Second)
	x := h.newFake("x:1")
	x.dials()
	was := h.incarnation()
	x.holdsDown(was)
	require.False(t, h.group().back.offence)
	h.advance(dropTime + beatTime)
	require.True(t, h.group().back.offence)
	require.Equal(t, was, h.incarnation(), "no table has come")
	x.handsOver(f...)
	h.advance((roundsLater - 1) * beatTime)
	require.Equal(t, was, h.incarnation(), "so it takes more than one good round")
	h.advance(2 * beatTime)
	require.Equal(t, was+1, h.incarnation())
}

func TestANeighbourWithALastingLinkThatHoldsMeDownMakesItAnOffence(t *testing.T) {
	for i, teller := range []int{0, 1, 2} { // whichever of the neighbours it is
		h, f := settled(t, "b:1", "c:1", "e:1")
		f[teller].holdsDown(1)
		require.True(t, h.group().back.offence, "neighbour %d", i)
	}
}

func TestWhoseAddressAnswersAsAnotherIsReplaced(t *testing.T) {
	h, f := settled(t, "b:1")
	other := h.newFake("other:1")
	h.meets["a:1"] = func() met { return met{out: Answered, by: other} }
	f[0].says(&wire.HeldDown{Domain: "d", Incarnation: 1, Cause: wire.CauseReplaced})
	h.advance(time.Millisecond)
	require.Len(t, h.reports(ReplacedSelf), 1)
	h.quiet()
	h.advance(20 * time.Second)
	require.Empty(t, h.dials, "it is out, and troubles nobody")
	require.EqualValues(t, 1, h.incarnation())

	// If I answer there myself the word was wrong.
	h, f = settled(t, "b:1")
	h.meets["a:1"] = func() met { return met{out: OutSelf} }
	f[0].says(&wire.HeldDown{Domain: "d", Incarnation: 1, Cause: wire.CauseReplaced})
	h.advance(time.Second)
	require.Empty(t, h.reports(ReplacedSelf))
}

func TestWhoSleptForLongerThanOthersRememberJoinsAnew(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[0].take()
	h.stop(forgetTable + time.Second)
	require.True(t, h.m.isolated, "what it knew may be long gone")
	f[0].dials()
	h.advance(100 * time.Millisecond)
	require.NotEmpty(t, told[*wire.Join](f[0]))
	f[0].handsOver(f[0])
	h.advance(time.Second)
	require.Contains(t, h.events(), "rejoined a returned")
	require.Equal(t, "a b", h.shown())
}

// After a pause the first to tell may have closed its link long ago: then
// another is asked, at once.
func TestWhoIsHeldDownAsksAnotherWhenALinkIsLost(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[0].holdsDown(1)
	h.advance(time.Millisecond)
	require.Len(t, told[*wire.Join](f[0]), 1)
	f[0].breaks()
	h.advance(time.Millisecond)
	require.Equal(t, 1, len(told[*wire.Join](f[1]))+len(told[*wire.Join](f[2])))
}

// So it does when the other side has dialled afresh, as it does to one that was
// silent, and the new link takes the place of the old: what was asked over that is
// not read any more.
func TestWhoIsHeldDownAsksAgainWhenALinkIsReplaced(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[0].holdsDown(1)
	h.advance(time.Millisecond)
	require.Len(t, told[*wire.Join](f[0]), 1)
	h.advance(youngLink)
	f[0].holdsDown(1)
	for _, x := range f {
		x.take()
	}
	f[0].dials()
	h.advance(time.Millisecond)
	asked := 0
	for _, x := range f {
		asked += len(told[*wire.Join](x))
	}
	require.Equal(t, 1, asked)
}

// After a cut the old link to a member may be silent for longer than the cut: its
// next packet goes out seconds later. When the member is back, that does not make
// it silent again, and a new link is dialled at once.
func TestAnOldLinkDoesNotAccuseWhoIsBack(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[0].goesSilent()
	untilDrop(h, f[0])
	f[1].accuse(f[0].id, wire.Silent)
	h.advance(1)
	require.Nil(t, h.group().members.get(f[0].id))
	require.NotNil(t, h.m.peers[f[0].id].link)
	h.advance(50 * time.Millisecond)
	f[2].take()
	f[1].says(gossip(f[0].record(2, 1)))
	require.NotNil(t, h.group().members.get(f[0].id))
	h.advance(dropTime/2 - 10*time.Millisecond)
	require.Empty(t, f[2].heardAccusations())
	h.advance(20 * time.Millisecond)
	require.Equal(t, []string{"a of b silent"}, f[2].heardAccusations(), "not for ever")
}
