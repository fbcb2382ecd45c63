package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// untilDrop advances to one nanosecond before the drop time of a peer ends.
func untilDrop(h *harness, f *fake) {
	p := h.m.peers[f.id]
	h.advance(p.proof + dropTime - h.running() - 1)
}

func TestSilenceAccusesAfterTheDropTimeToTheNanosecond(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[0].goesSilent()
	untilDrop(h, f[0])
	require.Empty(t, f[1].heardAccusations(), "b is merely slow")
	h.advance(1)
	require.Equal(t, []string{"a of b silent"}, f[1].heardAccusations())
	h.advance(settleSilent)
	require.Equal(t, []string{"suspected b"}, h.events())
	require.True(t, h.view[f[0].id].Unreachable, "b is unreachable from here")
}

func TestABeatWithoutAnAdvancingEchoIsNoProof(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[0].goesSilent()
	link := f[0].link
	for i := range 8 { // it goes on talking, but hears nothing of what I send
		h.advance(beatTime)
		h.input(func() { h.m.Beat(h.now, link, wire.Beat{Seq: 1000 + uint64(i), Echo: 3}) })
	}
	require.Contains(t, f[1].heardAccusations(), "a of b silent", "both directions have to work")
}

func TestAnEchoOfABeatNeverSentIsNoProof(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[0].goesSilent()
	link := f[0].link
	for i := range 8 {
		h.advance(beatTime)
		h.input(func() { h.m.Beat(h.now, link, wire.Beat{Seq: 1000 + uint64(i), Echo: 1<<40 + uint64(i)}) })
	}
	require.Contains(t, f[1].heardAccusations(), "a of b silent")
}

func TestAnAccusationIsTakenBackAfterADropTimeOfHealth(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[0].goesSilent()
	untilDrop(h, f[0])
	h.advance(1)
	h.advance(settleSilent)
	h.quiet()
	f[0].deaf = false
	h.meets["b:1"] = func() met { return met{out: Answered, by: f[0]} }
	f[0].dials() // as it would; the machine's own dial is under way
	healthy := h.m.peers[f[0].id].healthy
	require.GreaterOrEqual(t, healthy, Time(0))
	h.advance(healthy + dropTime - h.running() - 1)
	require.Empty(t, f[1].heardAccusations(), "not yet: one lossy link would flood the group")
	require.Empty(t, h.events())
	h.advance(beatTime)
	require.Equal(t, []string{"a of b withdrawn"}, f[1].heardAccusations())
	h.advance(settleSilent)
	require.Equal(t, []string{"recovered b"}, h.events())
}

func TestAStandingAccusationIsRepeated(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[0].goesSilent()
	untilDrop(h, f[0])
	h.advance(1)
	require.Len(t, f[1].heardAccusations(), 1)
	h.advance(repeatEvery - beatTime)
	require.Empty(t, f[1].heardAccusations())
	h.advance(2 * beatTime)
	require.Equal(t, []string{"a of b silent"}, f[1].heardAccusations(), "for whoever missed it")
}

func TestALateLoopDoesNotAccuse(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	h.stop(2 * dropTime)
	require.Empty(t, f[1].heardAccusations(), "it is I who was stopped")
	h.advance(time.Minute)
	require.Empty(t, f[1].heardAccusations(), "both answer")
	require.Empty(t, h.events())

	// Yet a loop that stalls again and again does not go blind.
	f[0].goesSilent()
	for range 12 {
		h.advance(beatTime)
		h.now += 600 * time.Millisecond
		h.input(func() { h.m.Tick(h.now) })
	}
	require.Contains(t, f[1].heardAccusations(), "a of b silent")
}

func TestWhoHearsNobodyKeepsSilenceToItself(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	for _, x := range f {
		x.goesSilent()
	}
	h.advance(dropTime + time.Second)
	for _, x := range f {
		require.Empty(t, x.heardAccusations(), "it may be me who is cut off")
	}
	require.NotContains(t, h.events(), "removed b silent")
	// Whoever answers again voids what was thought meanwhile.
	f[0].deaf = false
	f[0].dials()
	h.advance(100 * time.Millisecond)
	require.Empty(t, f[0].heardAccusations())
}

func TestAFirstLinkHasTheDropTimeAndHalfOfItWhenAnotherAccuses(t *testing.T) {
	for _, hastened := range []bool{false, true} {
		h, f := settled(t, "b:1", "c:1")
		x := h.newFake("x:1")
		x.goesSilent()
		f[0].says(&wire.Gossip{Domain: "d", Records: []*wire.Record{x.record(1, 1)}})
		since := h.now
		if hastened {
			h.advance(time.Second)
			f[0].accuse(x.id, wire.Silent)
		}
		h.quiet()
		for len(f[1].heardAccusations()) == 0 && h.now < since+time.Minute {
			h.advance(10 * time.Millisecond)
		}
		if hastened {
			require.InDelta(t, (dropTime / 2).Seconds(), (h.now - since).Seconds(), beatTime.Seconds()+0.02)
		} else {
			require.InDelta(t, dropTime.Seconds(), (h.now - since).Seconds(), 0.02)
		}
	}
}

func TestAnOldWordOfMineIsAnsweredWithWhatHolds(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	old := &wire.Accusation{Domain: "d", Subject: f[0].id, Incarnation: 1, Raised: true, Reason: wire.Silent, Seq: 1,
		Birth: h.m.Birth()}
	old.Seal(h.m.cfg.Signer)
	f[1].says(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{old}})
	require.Equal(t, []string{"a of b withdrawn"}, f[1].heardAccusations())
	require.Empty(t, h.events())
}

func TestOnlyNewerWordsOfMembersCount(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	stranger := h.newFake("x:1")
	say := func(a *wire.Accusation) {
		f[2].says(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{a}})
	}
	standing := func() int { x := h.group().members.get(f[0].id); return x.inquiry.standing(x) }
	say(stranger.accuses(f[0].id, wire.Silent, true, 5))
	require.Zero(t, standing(), "who is no member has no word")
	later := f[1].accuses(f[0].id, wire.Silent, true, 5)
	later.Incarnation = 2
	later.Seal(f[1].signer)
	say(later)
	require.Zero(t, standing(), "another incarnation")
	say(f[1].accuses(f[0].id, wire.Silent, true, 5))
	require.Equal(t, 1, standing())
	say(f[1].accuses(f[0].id, wire.Silent, false, 4))
	require.Equal(t, 1, standing(), "an older word came late")
	say(f[1].accuses(f[0].id, wire.Silent, false, 6))
	require.Zero(t, standing())
}

func TestABadSignatureClosesTheLinkThatItCameOver(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	bad := f[1].accuses(f[0].id, wire.Silent, true, 5)
	bad.Sig[0]++
	f[2].says(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{bad}})
	require.True(t, f[2].closed)
	require.Equal(t, []string{"e:1 accusation with a bad signature"}, h.reports(BadMessage))

	h, f = settled(t, "b:1", "c:1")
	r := f[0].record(1, 2)
	r.Sig[0]++
	f[1].says(&wire.Gossip{Domain: "d", Records: []*wire.Record{r}})
	require.True(t, f[1].closed)
	require.Equal(t, []string{"c:1 record with a bad signature"}, h.reports(BadMessage))
	require.EqualValues(t, 1, h.group().members.get(f[0].id).rec.Version)
}

// A node that does not keep up with what comes does not take what it has not
// read for silence; but nobody can keep it from noticing for good.
func TestWhatWasNotReadIsNotSilence(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	for _, x := range f {
		x.goesSilent()
	}
	start := h.now
	for h.now < start+2*dropTime {
		h.advance(100 * time.Millisecond)
		h.m.Behind(h.now + 100*time.Millisecond)
	}
	require.Equal(t, "a b c", h.shown(), "it had not read what they said")
	for h.now < start+20*dropTime && h.shown() == "a b c" {
		h.advance(100 * time.Millisecond)
		h.m.Behind(h.now + 100*time.Millisecond)
	}
	require.NotEqual(t, "a b c", h.shown(), "it noticed in the end")
	require.Greater(t, h.now, start+behindMost*dropTime)
}
