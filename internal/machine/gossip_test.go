package machine

import (
	"testing"
	"time"

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
	f[3].says(gossip(f[3].record(1, 2, func(r *wire.Record) { r.State = wire.Draining }))) // which does not wait
	got := told[*wire.Gossip](f[5])
	require.Len(t, got, 1)
	require.Len(t, got[0].Accusations, 2)
}

// Words of others wait for more of them, for no longer than gossipRelay, and do
// not go to where they came from as well meanwhile.
func TestWordsOfOthersArePassedOnTogether(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1", "h:1", "i:1")
	word := f[1].accuses(f[0].id, wire.Refused, true, 5)
	f[1].says(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{word}})
	h.advance(gossipRelay / 2)
	require.Empty(t, f[5].heardAccusations(), "others follow")
	f[2].says(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{word}})
	f[2].accuse(f[0].id, wire.Refused)
	h.advance(gossipRelay/2 - time.Millisecond)
	require.Empty(t, f[5].heardAccusations())
	h.advance(time.Millisecond)
	got := told[*wire.Gossip](f[5])
	require.Len(t, got, 1, "counted from the first")
	require.Len(t, got[0].Accusations, 2)
	require.Equal(t, []string{"e of b refused"}, f[1].heardAccusations())
	require.Empty(t, f[2].heardAccusations(), "it has sent both")
}

// One's own word goes at once, and takes along what waits.
func TestOnesOwnWordDoesNotWait(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1", "h:1", "i:1")
	f[1].accuse(f[0].id, wire.Refused)
	require.Empty(t, f[5].heardAccusations())
	h.meets["b:1"] = func() met { return met{out: OutRefused} }
	f[0].dies()
	for range 10 {
		h.advance(time.Millisecond / 2)
	}
	require.Subset(t, f[5].heardAccusations(), []string{"a of b refused", "c of b refused"})
}

// Nor if it is the one that decides: then the verdict goes at once.
func TestOnesOwnDecidingWordDoesNotWait(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1", "h:1", "i:1")
	for _, x := range f[1:4] {
		x.accuse(f[0].id, wire.Refused)
	}
	h.advance(gossipRelay)
	h.quiet()
	h.meets["b:1"] = func() met { return met{out: OutRefused} }
	f[0].dies()
	for range 100 {
		if h.group().members.get(f[0].id) == nil {
			break
		}
		h.advance(time.Millisecond / 2)
	}
	require.Contains(t, f[5].heardAccusations(), "a of b refused")
}

// A word that comes in a verdict is passed on, in whatever verdict it comes.
func TestWordsInVerdictsArePassedOn(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1", "h:1", "i:1")
	says := func(words ...*wire.Accusation) {
		f[1].says(&wire.Gossip{Domain: "d", Verdicts: []wire.Verdict{{Subject: f[0].id, Incarnation: 1, Held: true, Accusations: words}}})
		h.advance(gossipRelay)
	}
	first, second := f[1].accuses(f[0].id, wire.Refused, true, 1), f[2].accuses(f[0].id, wire.Refused, true, 1)
	says(first)
	require.Equal(t, []string{"c of b refused"}, f[6].heardAccusations(), "once, in a verdict")
	says(first, second)
	require.Equal(t, []string{"e of b refused"}, f[6].heardAccusations())
	require.NotNil(t, h.group().members.get(f[0].id))
}

// A verdict holds the accusations that it rests on: they are not sent beside it.
func TestAVerdictTakesThePlaceOfTheWordsItHolds(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1", "h:1", "i:1")
	for _, x := range f[1:5] {
		x.accuse(f[0].id, wire.Refused)
	}
	require.Nil(t, h.group().members.get(f[0].id), "four of seven accuse it")
	h.advance(gossipRelay)
	got := told[*wire.Gossip](f[6])
	require.Len(t, got, 1)
	require.Empty(t, got[0].Accusations)
	require.Len(t, got[0].Verdicts, 1)
	require.Len(t, got[0].Verdicts[0].Accusations, 4)
}

// Who has said that it holds a member as down is not told so.
func TestAVerdictDoesNotGoToWhoSaidItToo(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1", "h:1", "i:1")
	var words []*wire.Accusation
	for i, x := range f[1:5] {
		words = append(words, x.accuses(f[0].id, wire.Refused, true, uint64(i+1)))
	}
	verdict := &wire.Gossip{Domain: "d", Verdicts: []wire.Verdict{{Subject: f[0].id, Incarnation: 1, Held: true, Accusations: words}}}
	f[1].says(verdict)
	require.Nil(t, h.group().members.get(f[0].id))
	f[2].says(verdict)
	h.advance(gossipRelay)
	require.Len(t, told[*wire.Gossip](f[3]), 1)
	require.Empty(t, told[*wire.Gossip](f[2]))
}

// Who joins is handed a table that all who stand in it have, or get from where it
// came from. Whoever does not stand in it is told.
func TestAHandedTableIsNotFloodedToThoseWhoStandInIt(t *testing.T) {
	h := newHarness(t, knows("b:1"))
	b, c, e := h.newFake("b:1"), h.newFake("c:1"), h.newFake("e:1")
	h.advance(0)
	b.answers(h.dials[0])
	c.dials()
	e.dials()
	h.quiet()
	b.handsOver(b, c)
	h.advance(100 * time.Millisecond)
	require.Zero(t, recordsIn(told[*wire.Gossip](c)), "it stands in it")
	require.Equal(t, 2, recordsIn(told[*wire.Gossip](e)), "it does not")
}

func recordsIn(list []*wire.Gossip) int {
	n := 0
	for _, g := range list {
		n += len(g.Records)
	}
	return n
}

// If what was said to come is a heartbeat that changes nothing, what waits for
// it leaves all the same.
func TestWhatWaitsForMoreLeavesWithAHeartbeat(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1", "h:1", "i:1")
	f[1].accuse(f[0].id, wire.Silent)
	f[2].accuse(f[0].id, wire.Silent)
	h.advance(6*time.Second + 130*time.Millisecond)
	h.quiet()
	h.m.More(true)
	f[2].says(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{f[2].accuses(f[0].id, wire.Silent, false, 1<<40)}})
	require.Empty(t, f[5].heardAccusations())
	h.m.More(false)
	link := f[3].link
	h.input(func() { h.m.Beat(h.now, link, wire.Beat{Seq: 1}) })
	h.advance(gossipRest)
	require.Equal(t, []string{"e of b withdrawn"}, f[5].heardAccusations())
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
