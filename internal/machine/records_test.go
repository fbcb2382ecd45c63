package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

func gossip(records ...*wire.Record) *wire.Gossip {
	return &wire.Gossip{Domain: "d", Records: records}
}

func TestNewsIsPassedOnOnceAndNotToWhereItCameFrom(t *testing.T) {
	_, f := settled(t, "b:1", "c:1")
	r := f[0].record(1, 2)
	f[0].says(gossip(r))
	require.Empty(t, told[*wire.Gossip](f[0]))
	require.Len(t, told[*wire.Gossip](f[1]), 1)
	f[1].says(gossip(r))
	f[0].says(gossip(r))
	require.Empty(t, told[*wire.Gossip](f[0]))
	require.Empty(t, told[*wire.Gossip](f[1]))
}

func TestAnOlderRecordChangesNothing(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	held := func() *wire.Record { return h.group().members.get(f[0].id).rec }
	f[0].says(gossip(f[0].record(2, 5)))
	f[1].says(gossip(f[0].record(2, 4)))
	f[1].says(gossip(f[0].record(1, 9)))
	require.EqualValues(t, 2, held().Incarnation)
	require.EqualValues(t, 5, held().Version)
	require.Empty(t, told[*wire.Gossip](f[0]))
}

func TestNobodyElseWritesMyRecord(t *testing.T) {
	h, f := settled(t, "b:1")
	mine := *h.group().me.rec
	mine.Version, mine.State = 99, wire.Left
	mine.Seal(h.m.cfg.Signer)
	f[0].says(gossip(&mine))
	require.EqualValues(t, 1, h.group().me.rec.Version)
	require.Equal(t, wire.Alive, h.group().me.rec.State)
}

// dropped is a group from whose view b has just been dropped by a verdict.
func dropped(t *testing.T) (*harness, []*fake) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[0].goesSilent()
	f[1].accuse(f[0].id, wire.Silent)
	f[2].accuse(f[0].id, wire.Silent)
	h.advance(settleSilent)
	require.Equal(t, []string{"removed b silent"}, h.events())
	return h, f
}

func TestOnlyAHigherIncarnationBringsADroppedMemberBack(t *testing.T) {
	h, f := dropped(t)
	f[1].says(gossip(f[0].record(1, 9)))
	h.advance(settleSilent)
	require.Empty(t, h.events(), "an old record, or a replay")
	f[1].says(gossip(f[0].record(2, 1)))
	h.advance(settleSilent)
	require.Equal(t, []string{"added b returned"}, h.events())
}

func TestWhoHasLeftNeverReturns(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[0].says(gossip(f[0].record(1, 2, func(r *wire.Record) { r.State = wire.Left })))
	require.Equal(t, []string{"removed b left"}, h.events(), "at once")
	f[1].says(gossip(f[0].record(7, 1)))
	h.advance(time.Second)
	require.Empty(t, h.events())
	// Nor one of whom nobody here has heard before.
	x := h.newFake("x:1")
	f[1].says(gossip(x.record(1, 2, func(r *wire.Record) { r.State = wire.Left })))
	f[1].says(gossip(x.record(1, 1)))
	h.advance(time.Second)
	require.Empty(t, h.events())
}

// rival is another process at b's address.
func rival(h *harness) *fake {
	return &fake{h: h, signer: testSigner{testKey("rival")}, address: "b:1", role: wire.Member,
		id: wire.IDOf(testKey("rival"), wire.Birth{})}
}

func TestOfTwoIDsAtOneAddressTheOneThatAnswersStays(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	r := rival(h)
	h.meets["b:1"] = func() met { return met{out: Answered, by: r} }
	f[1].says(gossip(r.record(1, 1)))
	h.advance(conflictWithin)
	require.Equal(t, []string{"removed b replaced", "added b joined"}, h.events())
	require.NotNil(t, h.group().members.get(r.id))
	f[1].says(gossip(f[0].record(3, 1)))
	h.advance(conflictWithin)
	require.Empty(t, h.events(), "who was replaced does not come back")

	h, f = settled(t, "b:1", "c:1")
	r = rival(h)
	f[1].says(gossip(r.record(1, 1))) // b answers there
	h.advance(conflictWithin)
	require.Empty(t, h.events())
	require.NotNil(t, h.group().members.get(f[0].id))
	require.Nil(t, h.group().members.get(r.id))
	f[1].says(gossip(r.record(2, 1)))
	h.advance(conflictWithin)
	require.Empty(t, h.events())
}

func TestOfTwoIDsAtOneAddressThatRefusesBothAreOut(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	r := rival(h)
	h.meets["b:1"] = refused
	f[1].says(gossip(r.record(1, 1)))
	h.advance(conflictWithin)
	require.Equal(t, []string{"removed b crashed"}, h.events())
	require.Nil(t, h.group().members.get(r.id))
}

func TestARivalOfMyOwnAddressIsMistaken(t *testing.T) {
	h, f := settled(t, "b:1")
	x := &fake{h: h, signer: testSigner{testKey("x")}, address: "a:1", role: wire.Member}
	f[0].says(gossip(x.record(1, 1)))
	h.advance(time.Minute)
	require.Empty(t, h.events())
}

func TestAGroupTakesNoMoreThanItsBound(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.MaxMembers = 5 })
	f := h.member("b:1")
	for i := range 20 {
		x := &fake{h: h, signer: testSigner{testKey(fmt.Sprint(i))}, address: fmt.Sprintf("x%d:1", i), role: wire.Member}
		f.says(gossip(x.record(1, 1)))
	}
	require.Equal(t, 5, h.group().members.len())
}

func TestNewcomersThatWaitForAnAddressAreBounded(t *testing.T) {
	h, f := settled(t, "b:1")
	delete(h.meets, "b:1")
	for i := range 2 * waitingMost {
		x := &fake{h: h, signer: testSigner{testKey(fmt.Sprint("w", i))}, address: fmt.Sprintf("y%d:1", i), role: wire.Member}
		f[0].says(gossip(x.record(1, 1)))
		y := &fake{h: h, signer: testSigner{testKey(fmt.Sprint("v", i))}, address: x.address, role: wire.Member}
		f[0].says(gossip(y.record(1, 1)))
		require.LessOrEqual(t, len(h.group().waiting), waitingMost)
	}
}

func TestTwoMembersOfOneNameAreMarked(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	x := h.newFake("x:1")
	named := func(r *wire.Record) { r.Name = "b:1" }
	f[1].says(gossip(x.record(1, 1, named)))
	h.advance(settleSilent)
	require.Equal(t, []string{"added x joined", "updated b"}, h.events())
	require.True(t, h.view[f[0].id].NameConflict && h.view[x.id].NameConflict)
	f[1].says(gossip(x.record(1, 2, named, func(r *wire.Record) { r.State = wire.Left })))
	h.advance(settleSilent)
	require.False(t, h.view[f[0].id].NameConflict)
}

func TestAMemberKeepsItsName(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[1].says(gossip(f[1].record(1, 2, func(r *wire.Record) { r.Name = "b:1" })))
	f[1].says(gossip(f[1].record(2, 1, func(r *wire.Record) { r.Name = "b:1" })))
	h.advance(settleSilent)
	require.Empty(t, h.events(), "the name of a live member cannot be taken later")
	require.False(t, h.view[f[0].id].NameConflict)
	f[1].says(gossip(f[1].record(2, 1)))
	h.advance(settleSilent)
	require.NotEmpty(t, h.events(), "with its own name it is heard")
}

func TestWhoOthersRememberAsGoneIsLookedAt(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	gone := wire.Departure{ID: f[0].id, Incarnation: 1, Cause: wire.CauseCrashed, Address: "b:1"}
	f[1].says(&wire.Sync{Domain: "d", Departures: []wire.Departure{gone}})
	h.advance(conflictWithin + time.Second)
	require.NotEmpty(t, h.looksAt("b:1"))
	require.NotNil(t, h.group().members.get(f[0].id), "it answers")
	// One that is not known is remembered as gone here too.
	x := h.newFake("x:1")
	f[1].says(&wire.Sync{Domain: "d", Departures: []wire.Departure{{ID: x.id, Incarnation: 3, Cause: wire.CauseCrashed, Address: "x:1"}}})
	f[1].says(gossip(x.record(3, 1)))
	require.Nil(t, h.group().members.get(x.id))
	f[1].says(gossip(x.record(4, 1)))
	require.NotNil(t, h.group().members.get(x.id))
}
