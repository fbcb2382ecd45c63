package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// starve lets about d pass, in which the machine's loop runs later than it
// should each time, as that of a process does that gets too little of a
// processor.
func (h *harness) starve(d, late Time) {
	for end := h.now + d; h.now < end; {
		h.now = max(h.now, h.m.Next()) + late
		h.input(func() { h.m.Tick(h.now) })
	}
}

// A starved node's dials run out of time though the other side answers. Two
// hundred nodes that started in one process on two processors took each other
// for silent; what followed, accusations to check and looks to make, kept them
// starved for ever.
func TestAStarvedNodeDoesNotAccuseWhomItCouldNotDial(t *testing.T) {
	for _, late := range []Time{0, 400 * time.Millisecond} {
		h, f := settled(t, "b:1", "c:1", "e:1")
		n := h.newFake("n:1")
		n.goesSilent() // as far as this node can tell
		f[0].says(gossip(n.record(1, 1)))
		if late > 0 {
			h.starve(20*time.Second, late)
			require.Greater(t, h.m.running()-h.m.peers[n.id].proof, dropTime, "silent for long, even of the time that this node ran")
		} else {
			h.advance(20 * time.Second)
		}
		accuses := h.group().words[n.id] != nil
		require.Equal(t, late == 0, accuses, "late by %s", late)
		if late > 0 { // as soon as it gets enough, a dial proves something
			h.advance(h.m.dialTimeout() + redialMost + dropTime)
			require.NotNil(t, h.group().words[n.id])
		}
	}
}

// A dial that has run out of time while its node did not run is no evidence of
// the other's silence.
func TestAStarvedDialProvesNothing(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	n := h.newFake("n:1")
	n.goesSilent()
	f[0].says(gossip(n.record(1, 1)))
	h.starve(8*time.Second, 400*time.Millisecond)
	p := h.m.peers[n.id]
	require.NotZero(t, p.failures, "it was dialled")
	require.Zero(t, p.failed)
	require.False(t, p.tried)
}

// crowdComes makes some come over one link, all in one moment.
func crowdComes(h *harness, from *fake, prefix string, n int) {
	var records []*wire.Record
	for i := range n {
		records = append(records, h.newFake(fmt.Sprintf("%s%d:1", prefix, i)).record(1, 1))
	}
	from.says(gossip(records...))
}

// While many come, each takes the place of another as neighbour. Whoever is
// dialled at once is not needed a moment later.
func TestNeighboursAreDialledOnceNoMoreCome(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	for round := range 4 {
		crowdComes(h, f[0], fmt.Sprint("n", round, "-"), everybodyUpTo+1)
		h.advance(growRest - 100*time.Millisecond)
		require.Empty(t, h.dials, "more come")
	}
	h.advance(100*time.Millisecond + newcomerDials + higherWaits)
	require.NotEmpty(t, h.dials)
	require.LessOrEqual(t, len(h.dials), 2*wire.Rings)
}

// They are not waited for for ever.
func TestNeighboursAreDialledThoughMoreCome(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	for i := 0; h.now < 20*time.Second && len(h.dials) == 0; i++ {
		crowdComes(h, f[0], fmt.Sprint("n", i, "-"), everybodyUpTo+1)
		h.advance(growRest / 2)
	}
	require.NotEmpty(t, h.dials)
	require.LessOrEqual(t, h.now, 10*time.Second+growMost+growRest)
}

// Nor is a neighbour that somebody accuses.
func TestAnAccusedNeighbourIsDialledThoughMoreCome(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	crowdComes(h, f[0], "n", 2)
	crowdComes(h, f[0], "m", 3)
	crowdComes(h, f[0], "k", 5)
	require.Empty(t, h.dials)
	var x *member
	for _, y := range h.group().neighbour {
		if h.m.peers[y.rec.ID].link == nil {
			x = y
		}
	}
	require.NotNil(t, x)
	f[0].accuse(x.rec.ID, wire.Refused)
	h.advance(newcomerDials + higherWaits)
	require.Len(t, h.dials, 1)
	require.Equal(t, x.rec.Address, h.dials[0].Address)
}

// Arrivals that follow each other closely go together; while many come at once,
// more of them do.
func TestFloodsOfACrowdRestLonger(t *testing.T) {
	for _, crowd := range []bool{false, true} {
		h, f := settled(t, "b:1", "c:1", "e:1")
		if crowd {
			crowdComes(h, f[0], "m", everybodyUpTo+1)
		} else {
			crowdComes(h, f[0], "m", 1)
		}
		h.quiet()
		for i := range 10 {
			h.advance(gossipRest)
			crowdComes(h, f[0], fmt.Sprint("n", i, "-"), 1)
		}
		h.advance(gossipCrowd)
		n := len(told[*wire.Gossip](f[1]))
		if crowd {
			require.LessOrEqual(t, n, 3)
		} else {
			require.GreaterOrEqual(t, n, 8)
		}
	}
}

// While many come, a neighbour that came by itself is not looked at yet; that
// is not put off for ever either.
func TestInboundNeighboursAreLookedAtOnceNoMoreCome(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	crowdComes(h, f[0], "m", everybodyUpTo+1)
	var x *fake
	for _, y := range h.fakes[len(f):] {
		if m := h.group().members.get(y.id); m != nil && m.neighbour {
			x = y
		}
	}
	require.NotNil(t, x)
	x.dials()
	h.advance(growRest - time.Millisecond)
	require.Empty(t, h.looks)
	crowdComes(h, f[0], "n", everybodyUpTo+1)
	h.advance(2*growRest + 2*verifyWithin)
	require.NotEmpty(t, h.looks, "nobody has come for a while")

	h, f = settled(t, "b:1", "c:1", "e:1")
	crowdComes(h, f[0], "m", everybodyUpTo+1)
	for _, y := range h.fakes[len(f):] {
		if m := h.group().members.get(y.id); m != nil && m.neighbour {
			y.dials()
		}
	}
	since := h.now
	for i := 0; len(h.looks) == 0 && h.now < since+time.Minute; i++ {
		crowdComes(h, f[0], fmt.Sprint("n", i, "-"), 1)
		h.advance(growRest / 2)
	}
	require.LessOrEqual(t, h.now-since, growMost+growRest+verifyWithin+growRest/2)
}

// Digests differ while many come, and will be equal without help; but if they
// are not, it is not waited for for ever.
func TestDigestsOfACrowdAreNotLookedIntoAtOnce(t *testing.T) {
	h, f := differing(t, false)
	for i := range 2 + differsCrowd {
		require.Empty(t, told[*wire.Digests](f), "beat %d", i)
		crowdComes(h, f, fmt.Sprint("n", i, "-"), everybodyUpTo+1)
		f.beat(42)
	}
	require.NotEmpty(t, told[*wire.Digests](f))
}
