package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

func TestPropertiesAndStatesAreFlooded(t *testing.T) {
	h, f := settled(t, "b:1")
	h.input(func() { h.m.SetProperties(h.now, []wire.Property{{Key: "k", Value: "v"}}) })
	h.input(func() { h.m.SetState(h.now, wire.Draining) })
	h.input(func() { h.m.SetState(h.now, wire.Draining) })
	got := told[*wire.Gossip](f[0])
	require.Len(t, got, 2, "the same state again is no news")
	require.EqualValues(t, 2, got[0].Records[0].Version)
	require.EqualValues(t, 3, got[1].Records[0].Version)
	require.Equal(t, "k", got[1].Records[0].Properties[0].Key)
	require.True(t, got[1].Records[0].Verify(testVerify))
	require.Equal(t, wire.Draining, h.m.Own("d").State)
	require.Nil(t, h.m.Own("other"))
}

// The first record needs no signature, for the ID is made of it. All that comes
// later, or in another domain, is signed, and keeps that ID.
func TestTheIDIsMadeOfTheFirstRecord(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Manage = []string{"other"} })
	first := h.m.Own("d")
	require.True(t, first.First)
	require.Equal(t, h.m.Self(), first.ID)
	require.Equal(t, h.m.Birth(), first.Birth)
	other := h.m.Own("other")
	require.False(t, other.First)
	require.Equal(t, h.m.Self(), other.ID)
	require.True(t, other.Verify(testVerify))
	h.input(func() { h.m.SetState(h.now, wire.Draining) })
	later := h.m.Own("d")
	require.False(t, later.First)
	require.Equal(t, h.m.Self(), later.ID)
	require.True(t, later.Verify(testVerify))

	f := h.member("b:1")
	f.goesSilent()
	untilDrop(h, f)
	h.advance(1)
	word := h.group().words[f.id]
	require.NotNil(t, word)
	require.Equal(t, h.m.Self(), h.group().accusation(f.id, 1, true, wire.Silent).Watcher)

	again := newHarness(t, func(c *Config) { c.SubDomain = "x" })
	require.NotEqual(t, h.m.Self(), again.m.Self(), "the same key, another first record")
}

// What carries no signature is taken for whoever it belongs to, and for nobody
// else: another's record cannot be changed so.
func TestAnUnsignedRecordChangesNobodyElse(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	own := f[0].record(1, 1)
	claim := *own
	claim.SubDomain = "elsewhere"
	claim.SealFirst(own.Key)
	require.NotEqual(t, own.ID, claim.ID)
	f[1].says(gossip(&claim))
	h.advance(2 * time.Second)
	x := h.group().members.at("b:1")
	require.Equal(t, own.ID, x.rec.ID, "b answers there, with its own ID")
	require.Empty(t, x.rec.SubDomain)
	require.Nil(t, h.group().members.get(claim.ID))
}

// A ghost with a member's key, name and address that comes before the member does
// is shown until somebody looks, as any invention is, and then gives way.
func TestAGhostGivesWayToWhoAnswers(t *testing.T) {
	h, f := settled(t, "c:1")
	b := h.newFake("b:1")
	real, ghost := b.record(1, 1), b.record(1, 1)
	real.SealFirst(b.signer.key)
	b.id = real.ID
	ghost.SubDomain = "elsewhere"
	ghost.SealFirst(b.signer.key)
	f[0].says(gossip(ghost))
	h.advance(10 * time.Millisecond)
	require.NotNil(t, h.group().members.get(ghost.ID))
	f[0].says(gossip(real))
	h.advance(2 * time.Second)
	require.Nil(t, h.group().members.get(ghost.ID))
	require.Equal(t, real, h.group().members.get(real.ID).rec)

	// What it says later is signed, and its first word counts no more.
	later := *real
	later.Version, later.SubDomain = 2, "moved"
	later.Seal(b.signer)
	f[0].says(gossip(&later))
	f[0].says(gossip(real))
	require.Equal(t, "moved", h.group().members.get(real.ID).rec.SubDomain)
	forged := later
	forged.Version, forged.SubDomain = 3, "forged"
	forged.Seal(f[0].signer)
	forged.Key, forged.ID = later.Key, later.ID
	f[0].says(gossip(&forged))
	require.Equal(t, "moved", h.group().members.get(real.ID).rec.SubDomain)
	require.True(t, f[0].closed, "who relays a forgery loses the link")
}

func TestLeavingFloodsAndThenSaysGoodbye(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	h.input(func() { h.m.SetState(h.now, wire.Left) })
	for _, x := range f {
		said := x.take()
		require.Len(t, said, 2)
		require.Equal(t, wire.Left, said[0].(*wire.Gossip).Records[0].State)
		require.Equal(t, wire.Departing, said[1].(*wire.Goodbye).Parting)
		require.True(t, x.closed)
	}
	h.quiet()
	h.advance(time.Minute)
	require.Empty(t, h.dials, "nothing comes after it")
}

// managed is a manager of d with one member.
func managed(t *testing.T) (*harness, *fake) {
	h := newHarness(t, func(c *Config) { c.Domain, c.Manage = "front", []string{"d"} })
	f := h.member("b:1")
	h.advance(time.Second)
	return h, f
}

func TestAManagerConfirmsWhatItsApplicationHasApplied(t *testing.T) {
	h, f := managed(t)
	require.Empty(t, told[*wire.Confirm](f), "not before")
	h.input(func() { h.m.Applied(h.now, "d", h.number) })
	require.Equal(t, []*wire.Confirm{{Domain: "d", Subject: f.id, Incarnation: 1, Version: 1}}, told[*wire.Confirm](f), "its arrival")
	f.says(gossip(f.record(1, 2, func(r *wire.Record) { r.State = wire.Leaving })))
	f.take()
	h.input(func() { h.m.Applied(h.now, "d", h.number-1) })
	require.Empty(t, told[*wire.Confirm](f), "an older view")
	h.input(func() { h.m.Applied(h.now, "d", h.number) })
	require.EqualValues(t, 2, told[*wire.Confirm](f)[0].Version)
	h.input(func() { h.m.Applied(h.now, "d", h.number) })
	require.Empty(t, told[*wire.Confirm](f), "once")
	h.input(func() { h.m.Applied(h.now, "unknown", 1) })
}

func TestAMemberThatIsLinkedToNoMoreGetsItsConfirmationOverALinkDialledForIt(t *testing.T) {
	h, f := managed(t)
	f.breaks()
	h.input(func() { h.m.Applied(h.now, "d", h.number) })
	require.NotEmpty(t, h.dials)
	f.answers(h.dials[len(h.dials)-1])
	require.NotEmpty(t, told[*wire.Confirm](f))
}

// Of crossing dials the member closes one, and what was said on it may be unread.
func TestAConfirmationIsSaidAgainOnALinkThatTakesThePlaceOfAnother(t *testing.T) {
	h, f := managed(t)
	h.input(func() { h.m.Applied(h.now, "d", h.number) })
	f.take() // lost
	f.dials()
	require.Equal(t, []*wire.Confirm{{Domain: "d", Subject: f.id, Incarnation: 1, Version: 1}}, told[*wire.Confirm](f))
}

// boss makes a manager of d that has joined over a link of its own.
func (h *harness) boss() *fake {
	f := h.newFake("lb:1")
	f.role = wire.Manager
	f.dials()
	f.joins()
	return f
}

// A confirmation may be lost with a link that the member was just closing. Then
// the member says again what it waits for.
func TestAConfirmationIsSaidAgainToWhoAsks(t *testing.T) {
	h, f := managed(t)
	other := h.member("c:1")
	h.advance(time.Second)
	first := f.record(1, 1)
	f.take()
	f.says(gossip(first))
	require.Empty(t, told[*wire.Confirm](f), "the application has not applied it")
	h.input(func() { h.m.Applied(h.now, "d", h.number) })
	f.take()
	other.take()
	other.says(gossip(first))
	require.Empty(t, told[*wire.Confirm](other), "of somebody else")
	require.Empty(t, told[*wire.Confirm](f))
	f.says(gossip(first))
	require.Equal(t, []*wire.Confirm{{Domain: "d", Subject: f.id, Incarnation: 1, Version: 1}}, told[*wire.Confirm](f))
	f.says(gossip(f.record(1, 2, func(r *wire.Record) { r.State = wire.Leaving })))
	require.Empty(t, told[*wire.Confirm](f), "not applied yet")
}

func TestAMemberAsksAManagerAgain(t *testing.T) {
	h, f := settled(t, "b:1")
	boss := h.boss()
	h.advance(time.Second)
	h.quiet()
	ask := func(id wire.ID) { h.input(func() { h.m.AskConfirm(h.now, "d", id) }) }
	ask(boss.id)
	require.Equal(t, []*wire.Record{h.group().me.rec}, told[*wire.Gossip](boss)[0].Records)
	require.Empty(t, told[*wire.Gossip](f[0]))
	ask(h.m.self)
	ask(wire.ID{1})
	h.input(func() { h.m.AskConfirm(h.now, "unknown", boss.id) })
	require.Empty(t, told[*wire.Gossip](boss))
	h.quiet()
	boss.breaks()
	require.NotEmpty(t, h.dials)
	ask(boss.id)
	boss.answers(h.dials[len(h.dials)-1])
	require.NotEmpty(t, told[*wire.Gossip](boss), "over a link dialled for it")
}

func TestAConfirmationCountsFromManagersAndForMe(t *testing.T) {
	h, f := settled(t, "b:1")
	boss := h.boss()
	f[0].says(&wire.Confirm{Domain: "d", Subject: h.m.self, Incarnation: 1, Version: 1})
	boss.says(&wire.Confirm{Domain: "d", Subject: f[0].id, Incarnation: 1, Version: 1})
	require.Empty(t, h.reports(Confirmed))
	boss.says(&wire.Confirm{Domain: "d", Subject: h.m.self, Incarnation: 1, Version: 1})
	require.Len(t, h.reports(Confirmed), 1)
}

// A manager's table and its confirmation may come over two links, of crossing
// dials, in any order. Lost, the confirmation would not be said again, and the
// node would never be ready.
func TestAConfirmationMayComeBeforeTheManagersRecord(t *testing.T) {
	h := newHarness(t)
	boss := h.newFake("lb:1")
	boss.role = wire.Manager
	boss.dials()
	boss.says(&wire.Confirm{Domain: "d", Subject: h.m.self, Incarnation: 1, Version: 1})
	require.Len(t, h.reports(Confirmed), 1)
	boss.says(&wire.Confirm{Domain: "d", Subject: boss.id, Incarnation: 1, Version: 1})
	require.Empty(t, h.reports(Confirmed), "of somebody else")
}

func TestAReportedFailureIsLookedAtAndPressedOn(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	report := func() { h.input(func() { h.m.ReportFailure(h.now, "d", f[0].id) }) }
	report()
	h.advance(time.Millisecond)
	require.Len(t, h.looksAt("b:1"), 1)
	require.Empty(t, told[*wire.Press](f[1]), "it answers")
	report()
	h.advance(inspectEvery - 2*time.Millisecond)
	report()
	require.Len(t, h.looksAt("b:1"), 1, "once a second at most")
	h.meets["b:1"] = refused
	h.advance(2 * time.Millisecond)
	report()
	h.advance(10 * time.Millisecond)
	require.Len(t, h.looksAt("b:1"), 2)
	require.Equal(t, []*wire.Press{{Domain: "d", Subject: f[0].id}}, told[*wire.Press](f[1]), "its watchers are asked to look")
	h.quiet()
	h.input(func() { h.m.ReportFailure(h.now, "d", h.m.self) })
	h.input(func() { h.m.ReportFailure(h.now, "unknown", f[0].id) })
	require.Empty(t, h.looks)
}

func TestWhoIsPressedLooksAtWhomItWatches(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[1].says(&wire.Press{Domain: "d", Subject: f[0].id})
	require.Len(t, h.looksAt("b:1"), 1)
	for range 10 {
		f[1].says(&wire.Press{Domain: "d", Subject: f[0].id})
	}
	h.advance(100 * time.Millisecond)
	require.Len(t, h.looksAt("b:1"), 1)
	h.advance(time.Second)
	f[1].says(&wire.Press{Domain: "d", Subject: f[0].id})
	h.advance(100 * time.Millisecond)
	for _, x := range f {
		require.Empty(t, told[*wire.Press](x), "and presses nobody further")
	}
}

func TestExplainSaysWhatIsKnown(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	require.Contains(t, h.m.Explain("d", f[0].id), "b:1")
	require.NotContains(t, h.m.Explain("d", f[0].id), "accused by")
	f[1].accuse(f[0].id, wire.Refused)
	require.Contains(t, h.m.Explain("d", f[0].id), "accused by "+f[1].id.Short()+" (refused)")
	f[2].accuse(f[0].id, wire.Refused)
	require.Contains(t, h.m.Explain("d", f[0].id), "gone")
	require.NotContains(t, h.m.Explain("d", wire.ID{1}), "gone")
	require.NotEmpty(t, h.m.Explain("unknown", f[0].id))
}
