package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

func newcomer(h *harness, address string) *wire.Record {
	f := &fake{h: h, signer: testSigner{testKey(address)}, address: address, role: wire.Member}
	return f.record(1, 1)
}

func TestAChangeIsPublishedTwentyMillisecondsAfterItsFirstEvent(t *testing.T) {
	h, f := settled(t, "b:1")
	f[0].says(gossip(newcomer(h, "x:1")))
	h.advance(settleFirst - 1)
	require.Empty(t, h.events())
	h.advance(1)
	require.Equal(t, []string{"added x joined"}, h.events())
}

func TestAChangeWaitsUntilNothingHasComeForTenMilliseconds(t *testing.T) {
	h, f := settled(t, "b:1")
	f[0].says(gossip(newcomer(h, "x:1")))
	h.advance(settleFirst - 1)
	f[0].says(gossip(newcomer(h, "y:1")))
	h.advance(settleQuiet - 1)
	require.Empty(t, h.events())
	h.advance(1)
	require.Equal(t, []string{"added x joined", "added y joined"}, h.events(), "one change holds both")
	require.EqualValues(t, 3, h.number, "the second view held b")
}

func TestAChangeWaitsAHundredMillisecondsAtMost(t *testing.T) {
	h, f := settled(t, "b:1")
	start := h.now
	for i := 0; h.number < 3; i++ {
		f[0].says(gossip(newcomer(h, "x"+string(rune('a'+i))+":1")))
		require.LessOrEqual(t, h.now-start, settleSoon)
		if h.number < 3 {
			h.advance(min(settleQuiet/2, start+settleSoon-h.now))
		}
	}
	require.Equal(t, settleSoon, h.now-start)
}

func TestSilenceWaitsFiveHundredMillisecondsForMore(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[1].accuse(f[0].id, wire.Silent)
	f[2].goesSilent()
	untilDrop(h, f[2])
	h.advance(1)
	h.quiet()
	h.advance(settleSilent - 1)
	require.Empty(t, h.events(), "e stands accused by some, not enough")
	h.advance(1)
	require.Contains(t, h.events(), "suspected e")
}

func TestDrainingLeavingAndLeftArePublishedAtOnce(t *testing.T) {
	h, f := settled(t, "b:1")
	for i, c := range []struct {
		state wire.State
		want  string
	}{{wire.Draining, "draining b"}, {wire.Leaving, "leaving b"}, {wire.Alive, "updated b"}, {wire.Left, "removed b left"}} {
		f[0].says(gossip(f[0].record(1, uint32(2+i), func(r *wire.Record) { r.State = c.state })))
		require.Equal(t, []string{c.want}, h.events())
	}
}

func TestWhatComesAndGoesWithinOneChangeIsNoEvent(t *testing.T) {
	h, f := settled(t, "b:1")
	x := h.newFake("x:1")
	f[0].says(gossip(x.record(1, 1)))
	f[0].says(gossip(x.record(1, 2, func(r *wire.Record) { r.State = wire.Left })))
	h.advance(time.Second)
	require.Empty(t, h.events())
	require.EqualValues(t, 2, h.number, "and no view")
}

func TestAMemberThatIsDroppedAndBackWithinOneChangeIsUpdated(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[1].accuse(f[0].id, wire.Refused)
	f[2].accuse(f[0].id, wire.Refused)
	f[1].says(gossip(f[0].record(2, 1)))
	h.advance(time.Second)
	require.Equal(t, []string{"updated b returned"}, h.events())
	require.Equal(t, "a b c e", h.shown())
}

func TestSettledSaysWhetherAChangeWaits(t *testing.T) {
	h, f := settled(t, "b:1")
	require.True(t, h.m.Settled("d"))
	require.True(t, h.m.Settled("unknown"))
	f[0].says(gossip(newcomer(h, "x:1")))
	require.False(t, h.m.Settled("d"))
	h.advance(settleFirst)
	require.True(t, h.m.Settled("d"))
}

// crash has a member die, and all others tell of it.
func (h *harness) crash(x *fake) {
	x.dies()
	for _, y := range h.fakes {
		if y.link != 0 {
			y.accuse(x.id, wire.Refused)
		}
	}
}

// Of many that crash at once the first is shown at once, and the rest together,
// although some of it is heard of more than a tenth of a second after the others:
// processors have much to do at such a moment.
func TestTheRestOfManyThatCrashIsOneChange(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1", "k:1")
	number := h.number
	h.crash(f[0])
	h.advance(settleFirst + 5*time.Millisecond)
	require.Equal(t, []string{"removed b crashed"}, h.events())
	require.Equal(t, number+1, h.number)
	h.crash(f[1])
	h.advance(settleCalmMost - 10*time.Millisecond)
	h.crash(f[2])
	h.advance(settleCalmMost - 10*time.Millisecond)
	require.Equal(t, number+1, h.number)
	h.advance(15 * time.Millisecond)
	require.Equal(t, number+2, h.number)
	require.Equal(t, []string{"removed c crashed", "removed e crashed"}, h.events())

	h.advance(2 * time.Second)
	h.crash(f[3])
	h.advance(settleFirst + 5*time.Millisecond)
	require.Equal(t, []string{"removed f crashed"}, h.events(), "that is another matter")
}

// Two of thirty are a good part already: more of them may follow.
func TestTheSecondOfThirtyThatCrashesWaitsForMore(t *testing.T) {
	h, f := settled(t, many(29)...)
	number := h.number
	h.crash(f[0])
	h.advance(settleFirst + 5*time.Millisecond)
	h.crash(f[1])
	h.advance(2 * settleCalm)
	require.Equal(t, number+1, h.number)
	h.advance(settleCalmMost)
	require.Equal(t, number+2, h.number)
}

// many makes addresses.
func many(n int) []string {
	var addresses []string
	for i := range n {
		addresses = append(addresses, fmt.Sprintf("m%d:1", i))
	}
	return addresses
}

// A second one of a large group is shown within a tenth of a second.
func TestTheRestOfAFewThatCrashIsShownSoon(t *testing.T) {
	h, f := settled(t, many(2*settlePart)...)
	number := h.number
	h.crash(f[0])
	h.advance(settleFirst + 5*time.Millisecond)
	require.Equal(t, number+1, h.number)
	h.crash(f[1])
	h.advance(20 * time.Millisecond)
	f[2].says(gossip(f[2].record(1, 2))) // which does not put it off
	require.Equal(t, number+1, h.number)
	h.advance(25 * time.Millisecond)
	require.Equal(t, number+2, h.number)
}
