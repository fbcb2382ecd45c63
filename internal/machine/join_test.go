package machine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// refusal returns the last refusal that a fake was told.
func (f *fake) refusal() *wire.Refuse {
	got := told[*wire.Refuse](f)
	if len(got) == 0 {
		return nil
	}
	return got[len(got)-1]
}

func TestAJoinerIsDialledBackAndGetsTheTable(t *testing.T) {
	h, f := settled(t, "b:1")
	x := h.newFake("x:1")
	x.dials()
	x.joins()
	require.NotEmpty(t, h.looksAt("x:1"))
	h.advance(time.Millisecond)
	tables := told[*wire.Table](x)
	require.Len(t, tables, 1)
	require.True(t, tables[0].Last)
	require.Len(t, tables[0].Records, 3)
	require.Len(t, told[*wire.Gossip](f[0]), 1, "its record is flooded")
	h.advance(settleFirst)
	require.Equal(t, []string{"added x joined"}, h.events())
}

func TestATableIsDividedIntoMessages(t *testing.T) {
	h, f := settled(t, "b:1")
	for i := range tableRecords + 10 {
		y := &fake{h: h, signer: testSigner{testKey(fmt.Sprint("t", i))}, address: fmt.Sprintf("y%d:1", i), role: wire.Member}
		f[0].says(gossip(y.record(1, 1)))
	}
	x := h.newFake("x:1")
	x.dials()
	x.joins()
	h.advance(100 * time.Millisecond)
	tables := told[*wire.Table](x)
	require.Len(t, tables, 2)
	require.False(t, tables[0].Last)
	require.True(t, tables[1].Last)
	require.Equal(t, tableRecords+13, len(tables[0].Records)+len(tables[1].Records))
}

func TestWhatIsWrongWithAJoinersRecordIsSaid(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(f *fake, r *wire.Record)
		want   string
	}{
		{"another's record", func(_ *fake, r *wire.Record) { r.Seal(testSigner{testKey("other")}) }, "not the sender's own"},
		{"another address", func(_ *fake, r *wire.Record) { r.Address = "z:1" }, `"z:1" is not the "x:1" of the handshake`},
	} {
		h := newHarness(t)
		x := h.newFake("x:1")
		x.dials()
		r := x.record(1, 1)
		c.change(x, r)
		if c.what == "another address" {
			r.Seal(x.signer)
		}
		x.says(&wire.Join{Domain: "d", Record: r})
		got := x.refusal()
		require.NotNil(t, got, c.what)
		require.Equal(t, wire.BadRecord, got.Code)
		require.Contains(t, got.Text, c.want)
	}
}

func TestAddressesThatCannotBeDialledAreNamed(t *testing.T) {
	for _, a := range []string{"x:1", "10.0.0.1:4000", "[::1]:4000", "host.example:65535"} {
		require.Empty(t, CheckAddress(a), a)
	}
	for _, a := range []string{"", "x", "x:", "x:0", ":4000", "0.0.0.0:4000", "[::]:4000", "*:4000"} {
		require.Contains(t, CheckAddress(a), fmt.Sprintf("%q", a), "it says which address is meant")
	}
}

func TestAJoinWithABadSignatureClosesTheLink(t *testing.T) {
	h := newHarness(t)
	x := h.newFake("x:1")
	x.dials()
	r := x.record(1, 1)
	r.Sig[0]++
	x.says(&wire.Join{Domain: "d", Record: r})
	require.True(t, x.closed)
	h.advance(time.Second)
	require.Equal(t, "a", h.shown())
}

func TestAnUnreachableJoinerIsToldWhatWasTried(t *testing.T) {
	h := newHarness(t) // nobody else can be asked
	x := h.newFake("x:1")
	h.meets["x:1"] = refused
	x.dials()
	x.joins()
	h.advance(10 * time.Millisecond)
	got := x.refusal()
	require.NotNil(t, got)
	require.Equal(t, wire.Unreachable, got.Code)
	require.Contains(t, got.Text, "x:1")
	require.Contains(t, got.Text, "from a:1")
	require.Contains(t, got.Text, "the test says so")
	require.Zero(t, h.m.joiners)
}

func TestADialBackThatFindsAnotherIDDoesNotCount(t *testing.T) {
	h := newHarness(t)
	x, y := h.newFake("x:1"), h.newFake("y:1")
	h.meets["x:1"] = func() met { return met{out: Answered, by: y} }
	x.dials()
	x.joins()
	h.advance(10 * time.Millisecond)
	got := x.refusal()
	require.Equal(t, wire.Unreachable, got.Code, "or 127.0.0.1 of every host would do")
	require.Contains(t, got.Text, y.id.Short())
}

// askedForX is a group whose members were asked to look for x, which a cannot
// reach itself.
func askedForX(t *testing.T) (*harness, []*fake, *fake, *wire.LookFor) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	x := h.newFake("x:1")
	h.meets["x:1"] = refused
	x.dials()
	x.joins()
	h.advance(10 * time.Millisecond)
	var asked []*wire.LookFor
	for _, y := range f {
		asked = append(asked, told[*wire.LookFor](y)...)
	}
	require.Len(t, asked, 2, "two others are asked")
	require.Equal(t, "x:1", asked[0].Address)
	require.Equal(t, x.id, asked[0].Subject)
	require.Nil(t, x.refusal())
	return h, f, x, asked[0]
}

func TestAJoinerThatOneOfTwoOthersReachesIsAdmitted(t *testing.T) {
	h, f, x, k := askedForX(t)
	f[0].says(&wire.Looked{Domain: "d", Token: k.Token, Subject: x.id})
	require.Nil(t, x.refusal(), "the other may reach it")
	f[1].says(&wire.Looked{Domain: "d", Token: k.Token, Subject: x.id, Answers: true})
	require.NotNil(t, h.group().members.get(x.id))
	require.Zero(t, h.m.joiners)
}

func TestAJoinerThatNobodyReachesIsRefused(t *testing.T) {
	_, f, x, k := askedForX(t)
	f[0].says(&wire.Looked{Domain: "d", Token: k.Token, Subject: x.id})
	f[1].says(&wire.Looked{Domain: "d", Token: k.Token, Subject: x.id})
	require.Equal(t, wire.Unreachable, x.refusal().Code)

	// Nor is the answer waited for longer than a look takes.
	h, _, x, _ := askedForX(t)
	h.advance(2 * time.Second)
	require.Equal(t, wire.Unreachable, x.refusal().Code)
	require.Zero(t, h.m.joiners)
}

func TestAMemberLooksForAnother(t *testing.T) {
	h, f := settled(t, "b:1")
	x := h.newFake("x:1")
	f[0].says(&wire.LookFor{Domain: "d", Token: 5, Subject: x.id, Address: "x:1"})
	h.advance(time.Millisecond)
	require.Equal(t, []*wire.Looked{{Domain: "d", Token: 5, Subject: x.id, Answers: true}}, told[*wire.Looked](f[0]))
	h.meets["x:1"] = refused
	f[0].says(&wire.LookFor{Domain: "d", Token: 6, Subject: x.id, Address: "x:1"})
	h.advance(10 * time.Millisecond)
	got := told[*wire.Looked](f[0])
	require.Len(t, got, 1)
	require.False(t, got[0].Answers)
	require.NotEmpty(t, got[0].Text)
	h.quiet()
	stranger := h.newFake("z:1")
	stranger.dials()
	stranger.says(&wire.LookFor{Domain: "d", Token: 7, Subject: x.id, Address: "x:1"})
	require.Empty(t, h.looks, "not for whoever asks: that would be a scanner")
}

func TestANameHeldByALiveMemberIsRefused(t *testing.T) {
	join := func(h *harness, name string) *fake {
		x := h.newFake("x:1")
		x.dials()
		x.says(&wire.Join{Domain: "d", Record: x.record(1, 1, func(r *wire.Record) { r.Name = name })})
		h.advance(10 * time.Millisecond)
		return x
	}
	h, _ := settled(t, "b:1")
	got := join(h, "b:1").refusal()
	require.Equal(t, wire.NameHeld, got.Code)
	require.Contains(t, got.Text, `"b:1"`)
	h, _ = settled(t, "b:1")
	require.Equal(t, wire.NameHeld, join(h, "a:1").refusal().Code, "or by me")
	h, _ = settled(t, "b:1")
	h.meets["b:1"] = refused
	require.Nil(t, join(h, "b:1").refusal(), "its holder does not answer")
	require.Contains(t, h.shownAfter(time.Second), "x")
}

func (h *harness) shownAfter(d Time) string {
	h.advance(d)
	return h.shown()
}

func TestThirtyTwoJoinersAreServedAtOnceAndOthersAreNamed(t *testing.T) {
	h, _ := settled(t, "b:1", "c:1")
	var all []*fake
	for i := range joinersAtOnce + 1 {
		x := h.newFake(fmt.Sprintf("x%d:1", i))
		delete(h.meets, x.address) // the look takes its time
		x.dials()
		x.joins()
		all = append(all, x)
	}
	require.Equal(t, joinersAtOnce, h.m.joiners)
	got := all[joinersAtOnce].refusal()
	require.Equal(t, wire.Busy, got.Code)
	require.ElementsMatch(t, []string{"b:1", "c:1"}, got.Others)
	require.InDelta(t, 375, got.Again, 126, "and when to try again here")
	// Whoever hangs up makes room.
	all[0].breaks()
	require.Equal(t, joinersAtOnce-1, h.m.joiners)
	all[joinersAtOnce].joins()
	require.Nil(t, all[joinersAtOnce].refusal())
}

func TestAFullDomainIsRefused(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.MaxMembers = 2 })
	h.member("b:1")
	x := h.newFake("x:1")
	x.dials()
	x.joins()
	got := x.refusal()
	require.Equal(t, wire.Full, got.Code)
	require.Contains(t, got.Text, "2")
}

func TestAnUnknownDomainIsRefusedAndTheServedOnesAreNamed(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Manage = []string{"e", "f"} })
	x := h.newFake("x:1")
	x.dials()
	r := x.record(1, 1, func(r *wire.Record) { r.Domain = "typo" })
	x.says(&wire.Join{Domain: "typo", Record: r})
	got := x.refusal()
	require.Equal(t, wire.NotServed, got.Code)
	require.Contains(t, got.Text, `"typo"`)
	require.Contains(t, got.Text, "d, e, f")
}

func TestAManagerOfAnyDomainFollowsABoundedNumber(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.ManageAny, c.MaxDomains = true, 3 })
	x := h.newFake("x:1")
	x.dials()
	join := func(domain string, role wire.Role) *wire.Refuse {
		x.says(&wire.Join{Domain: domain, Record: x.record(1, 1, func(r *wire.Record) { r.Domain, r.Role = domain, role })})
		return x.refusal()
	}
	require.Equal(t, wire.NotServed, join("m", wire.Manager).Code, "a manager brings no domain")
	refusals := 0
	for i := range 10 {
		if join(fmt.Sprintf("d%d", i), wire.Member) != nil {
			refusals++
		}
	}
	require.Equal(t, 7, refusals)
	require.Len(t, h.reports(GroupAdded), 3)
	require.Len(t, h.group().me.rec.Follows, 3)
}

func TestWhoIsHeldDownAndJoinsHearsItAndGetsTheTable(t *testing.T) {
	h, f := dropped(t)
	f[0].dials()
	f[0].take()
	f[0].joins()
	var text []string
	for _, m := range f[0].take() {
		text = append(text, wire.Name(m))
	}
	require.Equal(t, "HeldDown Table", strings.Join(text, " "))
	require.Nil(t, h.group().members.get(f[0].id))
	f[0].says(&wire.Join{Domain: "d", Record: f[0].record(2, 1)})
	h.advance(time.Second)
	require.NotNil(t, h.group().members.get(f[0].id))
}

func TestWhoHasLeftIsNotLetInAgain(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[0].says(gossip(f[0].record(1, 2, func(r *wire.Record) { r.State = wire.Left })))
	f[0].joins()
	require.Equal(t, wire.BadRecord, f[0].refusal().Code)
	h.advance(time.Second)
	require.Equal(t, "a c", h.shown())
}

func TestANewcomerReplacesTheOldProcessAtItsAddress(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	r := h.addFake(&fake{h: h, signer: testSigner{testKey("rival")}, address: "b:1", role: wire.Member})
	r.dials()
	r.joins()
	h.advance(100 * time.Millisecond)
	require.Equal(t, []string{"removed b replaced", "added b joined"}, h.events(), "the dial-back reached the new ID")
	_ = f
}

// Who asks twice with the same record, before the first was answered, gets one
// answer, and does not spoil the looks that are under way.
func TestAJoinThatIsRepeatedIsOneJoin(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	x := h.newFake("x:1")
	h.meets["x:1"] = func() met { return met{out: OutSilent, after: 500 * time.Millisecond} }
	x.dials()
	join := &wire.Join{Domain: "d", Record: x.record(1, 1)}
	x.says(join)
	h.advance(100 * time.Millisecond)
	x.says(join)
	require.Equal(t, 1, h.m.joiners)
	for range 200 {
		for _, y := range f {
			for _, k := range told[*wire.LookFor](y) {
				h.later(200*time.Millisecond, func() {
					h.m.Receive(h.now, y.link, &wire.Looked{Domain: "d", Token: k.Token, Subject: k.Subject, Answers: true})
				})
			}
		}
		h.advance(10 * time.Millisecond)
	}
	require.NotNil(t, h.group().members.get(x.id), "only others reach it, and they say so")
	require.Zero(t, h.m.joiners)
}
