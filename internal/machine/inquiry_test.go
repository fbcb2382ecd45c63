package machine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// naiveWatchers finds the watchers of x as the protocol's text says: the next
// and the previous in each ring, everybody in a group of nine or fewer.
func naiveWatchers(all []*member, x *member) map[*member]bool {
	out := map[*member]bool{}
	if len(all) <= 9 {
		for _, y := range all {
			if y != x {
				out[y] = true
			}
		}
		return out
	}
	for r := range wire.Rings {
		ring := slices.Clone(all)
		slices.SortFunc(ring, func(a, b *member) int {
			if a.rec.Places[r] < b.rec.Places[r] {
				return -1
			}
			return 1
		})
		i := slices.Index(ring, x)
		out[ring[(i+1)%len(ring)]] = true
		out[ring[(i+len(ring)-1)%len(ring)]] = true
	}
	return out
}

// naiveCount counts who accuses x and who vouches for it.
func naiveCount(all []*member, x *member) (accusers, vouching int) {
	accuses := func(w, x *member) bool {
		if x.inquiry == nil {
			return false
		}
		for _, a := range x.inquiry.words {
			if a.Watcher == w.rec.ID && a.Raised && a.Incarnation == x.rec.Incarnation {
				return true
			}
		}
		return false
	}
	for w := range naiveWatchers(all, x) {
		if accuses(w, x) {
			accusers++
			continue
		}
		against := 0
		for y := range naiveWatchers(all, w) {
			if y != x && accuses(y, w) {
				against++
			}
		}
		discarded := slices.Contains(x.inquiry.dismissed, w.rec.ID) || slices.Contains(x.inquiry.holders, w.rec.ID)
		if against < 2 && !discarded {
			vouching++
		}
	}
	return accusers, vouching
}

func TestCountingAgreesWithANaiveRecount(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		h := newHarness(t)
		g := h.group()
		n := 2 + rng.IntN(24)
		for i := range n - 1 {
			f := &fake{h: h, signer: testSigner{testKey(fmt.Sprint(round, i))}, address: fmt.Sprintf("m%d:1", i), role: wire.Member}
			g.insert(f.record(1+rng.Uint32N(2), 1), CauseJoined)

		}
		all := g.rings.all()
		for range rng.IntN(4 * n) {
			w, x := all[rng.IntN(n)], all[rng.IntN(n)]
			a := &wire.Accusation{Watcher: w.rec.ID, Domain: "d", Subject: x.rec.ID, Incarnation: 1 + rng.Uint32N(2),
				Raised: rng.IntN(4) > 0, Reason: wire.Reason(1 + rng.IntN(3)), Seq: rng.Uint64N(8)}
			if q := g.open(x); q.news(a) {
				g.keep(x, a)
			}
			if rng.IntN(8) == 0 {
				x.inquiry.dismissed = append(x.inquiry.dismissed, all[rng.IntN(n)].rec.ID)
			}
			if rng.IntN(8) == 0 {
				x.inquiry.holders = append(x.inquiry.holders, all[rng.IntN(n)].rec.ID)
			}
		}
		for _, x := range all {
			if x.inquiry == nil {
				continue
			}
			accusers, vouching := naiveCount(all, x)
			got := g.count(x)
			require.Len(t, got.accusers, accusers, "round %d, %d participants", round, n)
			require.Len(t, got.vouching, vouching, "round %d, %d participants", round, n)
			require.Equal(t, len(naiveWatchers(all, x)), got.watchers)
			require.True(t, slices.IsSortedFunc(x.inquiry.words, func(a, b *wire.Accusation) int { return a.Watcher.Compare(b.Watcher) }))
		}
	}
}

func TestWatchersAreSymmetricAndAtMostEight(t *testing.T) {
	for _, n := range []int{1, 2, 9, 10, 11, 50, 300} {
		var rs rings
		for i := range n {
			r := &wire.Record{Domain: "d", Address: "x:1"}
			r.Seal(testSigner{testKey(fmt.Sprint("ring", n, i))})
			rs.add(&member{rec: r})
		}
		for _, x := range rs.all() {
			got := rs.watchers(x, nil)
			require.Len(t, got, len(naiveWatchers(rs.all(), x)))
			if n > everybodyUpTo {
				require.LessOrEqual(t, len(got), 8)
			}
			for _, y := range got {
				require.Contains(t, rs.watchers(y, nil), x, "I watch those who watch me")
				require.True(t, naiveWatchers(rs.all(), x)[y])
			}
			require.NotContains(t, got, x)
		}
		for len(rs.all()) > 0 {
			rs.remove(rs.all()[0])
		}
		for r := range rs.sorted {
			require.Empty(t, rs.sorted[r])
		}
	}
}

func TestWouldBeWatchersAreThoseThatItGetsWhenItComes(t *testing.T) {
	for _, n := range []int{3, 8, 9, 10, 40} {
		var rs rings
		fresh := func(i int) *member {
			r := &wire.Record{Domain: "d", Address: "x:1"}
			r.Seal(testSigner{testKey(fmt.Sprint("around", n, i))})
			return &member{rec: r}
		}
		for i := range n {
			rs.add(fresh(i))
		}
		x := fresh(n)
		before := rs.around(x.rec.Places, nil)
		rs.add(x)
		require.ElementsMatch(t, rs.watchers(x, nil), before, "of %d", n)
	}
}

func TestTwoAccusersOfThreeWatchersDropAndOneDoesNot(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[1].accuse(f[0].id, wire.Refused)
	h.advance(time.Minute)
	require.Empty(t, h.events(), "one of three, and a's own link to b is well")
	f[2].accuse(f[0].id, wire.Silent)
	h.advance(settleSilent)
	require.Equal(t, []string{"removed b crashed"}, h.events(), "the cause is the weightiest reason")
}

func TestAccusationsOfOthersThanWatchersAreKeptButNotCounted(t *testing.T) {
	h := newHarness(t)
	var all []*fake
	for i := range 30 {
		all = append(all, h.member(fmt.Sprintf("m%02d:1", i)))
	}
	h.advance(10 * time.Second)
	h.quiet()
	g := h.group()
	subject := all[0]
	x := g.members.get(subject.id)
	watchers := naiveWatchers(g.rings.all(), x)
	said := 0
	for _, f := range all[1:] {
		if !watchers[g.members.get(f.id)] {
			f.accuse(subject.id, wire.Refused)
			said++
		}
	}
	require.Greater(t, said, 15)
	require.NotNil(t, g.members.get(subject.id), "two bad mouths, or twenty, drop nobody whom they do not watch")
	require.False(t, x.suspect)
	for _, f := range all[1:] {
		if watchers[g.members.get(f.id)] {
			f.accuse(subject.id, wire.Refused)
		}
	}
	require.Nil(t, g.members.get(subject.id))
}

func TestAVerdictThatRestsOnOneSilentWatcherIsConfirmedByThreeDials(t *testing.T) {
	h, f := settled(t, "b:1")
	f[0].goesSilent()
	untilDrop(h, f[0])
	h.advance(1)
	looks := func() (n int) {
		for _, e := range h.looks {
			if e.Address == "b:1" {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1, looks())
	h.advance(confirmEvery)
	require.Equal(t, 2, looks())
	h.advance(confirmEvery)
	require.Equal(t, 3, looks())
	h.advance(lookTime - 1)
	require.NotNil(t, h.group().members.get(f[0].id), "the last look has not ended")
	h.advance(1 + settleSilent)
	require.Equal(t, []string{"suspected b", "removed b silent"}, h.events())

	// One answer of the three is enough to keep it.
	h, f = settled(t, "b:1")
	f[0].goesSilent()
	untilDrop(h, f[0])
	h.advance(1 + confirmEvery)
	h.meets["b:1"] = func() met { return met{out: Answered, by: f[0]} }
	h.advance(2 * time.Second)
	require.NotNil(t, h.group().members.get(f[0].id), "late is not lost")
}

func TestAVerdictThatMyRingsBearOutIsAcceptedAndPassedOn(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	verdict := wire.Verdict{Subject: f[0].id, Incarnation: 1, Held: true, Accusations: []*wire.Accusation{
		f[1].accuses(f[0].id, wire.Silent, true, 9), f[2].accuses(f[0].id, wire.Silent, true, 9)}}
	f[1].says(&wire.Gossip{Domain: "d", Verdicts: []wire.Verdict{verdict}})
	require.Nil(t, h.group().members.get(f[0].id))
	var passed []wire.Verdict
	for _, g := range told[*wire.Gossip](f[2]) {
		passed = append(passed, g.Verdicts...)
	}
	require.Len(t, passed, 1)
	require.Len(t, passed[0].Accusations, 2, "a verdict carries its proof")
	require.Empty(t, h.looks, "and nobody had to look")
}

// doubtful delivers a verdict that a's rings do not bear out: it rests on one
// accuser of three watchers.
func doubtful(t *testing.T) (*harness, []*fake) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	proof := []*wire.Accusation{f[1].accuses(f[0].id, wire.Silent, true, 9)}
	v := wire.Verdict{Subject: f[0].id, Incarnation: 1, Held: true, Accusations: proof}
	f[1].says(&wire.Gossip{Domain: "d", Verdicts: []wire.Verdict{v}})
	return h, f
}

func TestADoubtfulVerdictIsLookedAtAndAnAnswerRefutesIt(t *testing.T) {
	h, f := doubtful(t)
	h.advance(conflictWithin + time.Second)
	require.NotEmpty(t, h.looks)
	require.Equal(t, "b:1", h.looks[0].Address)
	require.NotNil(t, h.group().members.get(f[0].id))
	require.NotEmpty(t, told[*wire.HeldDown](f[0]), "only it can bring itself back, so it has to hear")
	looked := told[*wire.Looked](f[2])
	require.Len(t, looked, 1, "others need not look")
	require.True(t, looked[0].Answers)
}

func TestADoubtfulVerdictOfWhomNobodyAnswersIsJudgedByTheLook(t *testing.T) {
	for _, c := range []struct {
		name string
		met  func() met
		want []string
	}{
		{"refused", refused, []string{"removed b crashed"}},
		{"another answers", func() met { return met{out: OutForeign} }, []string{"removed b replaced"}},
	} {
		h, f := doubtful(t)
		h.meets["b:1"] = c.met
		h.advance(conflictWithin + time.Second)
		require.Equal(t, c.want, h.events(), c.name)
		_ = f
	}
	// Silence counts when half of the healthy neighbours hold it as down.
	h, f := doubtful(t)
	delete(h.meets, "b:1")
	h.advance(2500 * time.Millisecond)
	require.NotNil(t, h.group().members.get(f[0].id), "one of three healthy neighbours holds it as down")
	h, f = doubtful(t)
	delete(h.meets, "b:1")
	f[2].says(&wire.Sync{Domain: "d", Departures: []wire.Departure{{ID: f[0].id, Incarnation: 1, Cause: wire.CauseSilent, Address: "b:1"}}})
	h.advance(2500 * time.Millisecond)
	require.Nil(t, h.group().members.get(f[0].id), "two of three do")
}

func TestWhoHearsThatAnotherHasLookedDoesNotLook(t *testing.T) {
	h, f := doubtful(t)
	f[2].says(&wire.Looked{Domain: "d", Subject: f[0].id, Incarnation: 1, Answers: true})
	require.NotEmpty(t, told[*wire.Looked](f[1]), "it is passed on")
	h.advance(conflictWithin + time.Second)
	require.Empty(t, h.looks)
}

func TestAnUndecidedAccusationMakesItsWatcherLookAtTheOthers(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[0].goesSilent()
	untilDrop(h, f[0])
	h.advance(1)
	f[1].goesSilent() // so that c cannot vouch, although its link is not stale yet
	f[2].goesSilent()
	h.advance(pressAfter - 1)
	require.Empty(t, h.looksAt("c:1"))
	h.advance(beatTime)
	require.NotEmpty(t, h.looksAt("c:1"))
	require.NotEmpty(t, h.looksAt("e:1"))
}

func (h *harness) looksAt(address string) (out []Effect) {
	for _, e := range h.looks {
		if e.Address == address {
			out = append(out, e)
		}
	}
	return out
}

func TestAWordOnOneIncarnationDoesNotCountForTheNext(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[1].accuse(f[0].id, wire.Silent)
	f[0].says(&wire.Gossip{Domain: "d", Records: []*wire.Record{f[0].record(2, 1)}})
	f[2].accuse(f[0].id, wire.Silent) // of the first
	h.advance(time.Second)
	require.NotNil(t, h.group().members.get(f[0].id))
	// A new version voids nothing.
	h, f = settled(t, "b:1", "c:1", "e:1")
	f[1].accuse(f[0].id, wire.Silent)
	f[0].says(&wire.Gossip{Domain: "d", Records: []*wire.Record{f[0].record(1, 2)}})
	f[2].accuse(f[0].id, wire.Silent)
	require.Nil(t, h.group().members.get(f[0].id))
}
