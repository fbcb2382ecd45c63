package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

func knows(addresses ...string) func(c *Config) {
	return func(c *Config) {
		c.WellKnown = nil
		for _, a := range addresses {
			c.WellKnown = append(c.WellKnown, WellKnown{Text: a, Address: a})
		}
	}
}

func named(c *Config) { c.WellKnown = []WellKnown{{Text: "all.test:1"}} }

func (h *harness) dialsTo(address string) (out []Effect) {
	for _, e := range h.dials {
		if e.Address == address {
			out = append(out, e)
		}
	}
	return out
}

func TestWellKnownAddressesAreTriedSideBySideForEver(t *testing.T) {
	h := newHarness(t, knows("b:1", "c:1"))
	h.meets["b:1"], h.meets["c:1"] = refused, refused
	h.advance(0)
	require.Len(t, h.dialsTo("b:1"), 1)
	require.Len(t, h.dialsTo("c:1"), 1, "not one after the other")
	h.advance(time.Hour)
	h.quiet()
	h.advance(10 * time.Second)
	require.GreaterOrEqual(t, len(h.dialsTo("b:1")), 5, "an hour later still about once a second")
	require.LessOrEqual(t, len(h.dialsTo("b:1")), 25)
	require.Empty(t, h.reports(Joined))
}

func TestTheFirstTriesComeQuicklyAndThenSlower(t *testing.T) {
	h := newHarness(t, knows("b:1"))
	h.meets["b:1"] = refused
	h.advance(500 * time.Millisecond)
	require.GreaterOrEqual(t, len(h.dials), 3)
	require.LessOrEqual(t, len(h.dials), 10)
}

func TestANodeRecognisesItselfAmongTheWellKnown(t *testing.T) {
	h := newHarness(t, knows("a:1"))
	require.Empty(t, h.reports(Joined), "another may live at its address")
	h.advance(time.Minute)
	require.Len(t, h.reports(Joined), 1, "it is the only one")
	require.Len(t, h.dials, 1)

	// Also by another name for its address.
	h = newHarness(t, knows("localhost:1"))
	h.meets["localhost:1"] = func() met { return met{out: OutSelf, after: time.Millisecond} }
	require.Empty(t, h.reports(Joined))
	h.advance(time.Second)
	require.Len(t, h.reports(Joined), 1)
	require.Len(t, h.dials, 1)
	require.Empty(t, h.reports(NotReached))
}

func TestAWellKnownNodeHasJoinedWhenEveryOtherWasTriedOnce(t *testing.T) {
	h := newHarness(t, knows("a:1", "b:1", "c:1"))
	h.meets["b:1"] = refused
	h.advance(time.Second)
	require.Empty(t, h.reports(Joined), "c has not been tried to the end: its dial meets silence")
	h.advance(2 * time.Second)
	require.Len(t, h.reports(Joined), 1, "two balancers that list each other do not wait for each other")
}

func TestANodeThatIsNotWellKnownHasNotJoinedAlone(t *testing.T) {
	h := newHarness(t, knows("b:1"))
	h.meets["b:1"] = refused
	h.advance(time.Minute)
	require.Empty(t, h.reports(Joined))
	require.NotEmpty(t, h.reports(NotReached))
	require.Equal(t, "a", h.shown(), "it runs as a group of one")
}

func TestANameIsResolvedOnceASecondAtMost(t *testing.T) {
	h := newHarness(t, named)
	h.advance(0)
	require.Len(t, h.asked, 1)
	h.advance(time.Minute)
	require.Len(t, h.asked, 1, "one at a time")
	resolves := 0
	for range 600 {
		if len(h.asked) > 0 {
			resolves++
			e := h.asked[0]
			h.asked = nil
			h.input(func() { h.m.Resolved(h.now, e.Index, nil, "no such host") })
		}
		h.advance(100 * time.Millisecond)
	}
	require.LessOrEqual(t, resolves, 60)
	require.GreaterOrEqual(t, resolves, 40)
	require.Equal(t, "all.test:1 no such host", h.reports(NotReached)[0])
}

func TestOfANameWithManyAddressesSixteenAreDialledAtATime(t *testing.T) {
	h := newHarness(t, named)
	var list []string
	for i := range 500 {
		list = append(list, fmt.Sprintf("x%d:1", i))
	}
	h.advance(0)
	h.input(func() { h.m.Resolved(h.now, 0, list, "") })
	require.Len(t, h.dials, dialsPerName)
	h.advance(time.Second)
	require.Len(t, h.dials, dialsPerName, "all of these still wait")
	inOrder := true
	for i, e := range h.dials {
		inOrder = inOrder && e.Address == list[i]
	}
	require.False(t, inOrder, "in random order")
	h.advance(time.Second + joinFirst)
	require.Greater(t, len(h.dials), dialsPerName)
}

func TestANamesNewAddressesReplaceTheOldOnes(t *testing.T) {
	h := newHarness(t, named)
	h.meets["b:1"], h.meets["c:1"] = refused, refused
	h.advance(0)
	h.input(func() { h.m.Resolved(h.now, 0, []string{"b:1"}, "") })
	h.advance(2 * time.Second)
	require.NotEmpty(t, h.dialsTo("b:1"))
	h.input(func() { h.m.Resolved(h.now, 0, []string{"c:1"}, "") })
	h.quiet()
	h.advance(2 * time.Second)
	require.Empty(t, h.dialsTo("b:1"))
	require.NotEmpty(t, h.dialsTo("c:1"))
	// A failed look-up forgets nothing.
	h.input(func() { h.m.Resolved(h.now, 0, nil, "timed out") })
	h.quiet()
	h.advance(2 * time.Second)
	require.NotEmpty(t, h.dialsTo("c:1"))
	// What does not exist is not an entry.
	h.input(func() { h.m.Resolved(h.now, 9, []string{"z:1"}, "") })
	h.input(func() { h.m.Resolved(h.now, -1, []string{"z:1"}, "") })
	h.advance(time.Second)
	require.Empty(t, h.dialsTo("z:1"))
}

func TestABusyWellKnownMemberNamesOthersThatAreAsked(t *testing.T) {
	h := newHarness(t, knows("b:1"))
	f := h.newFake("b:1")
	h.advance(0)
	f.answers(h.dials[0])
	require.NotEmpty(t, told[*wire.Join](f))
	f.says(&wire.Refuse{Domain: "d", Code: wire.Busy, Text: "busy", Others: []string{"c:1", "0.0.0.0:1"}})
	h.meets["c:1"] = refused
	h.advance(2 * time.Second)
	require.Len(t, h.dialsTo("c:1"), 1, "a hint is tried once")
	require.Empty(t, h.dialsTo("0.0.0.0:1"))
	require.NotEmpty(t, told[*wire.Join](f), "and the busy one is asked again")
}

func TestABusyWellKnownMemberSaysWhenItMayBeAskedAgain(t *testing.T) {
	h := newHarness(t, knows("b:1"))
	f := h.newFake("b:1")
	h.advance(0)
	f.answers(h.dials[0])
	f.take()
	for _, c := range []struct{ said, wait Time }{{3 * time.Second, 3 * time.Second}, {time.Hour, busyMost}} {
		f.says(&wire.Refuse{Domain: "d", Code: wire.Busy, Text: "busy", Again: uint32(c.said / time.Millisecond)})
		h.advance(c.wait - 10*time.Millisecond)
		require.Empty(t, told[*wire.Join](f), "not before")
		h.advance(600 * time.Millisecond)
		require.NotEmpty(t, told[*wire.Join](f))
	}
}

func TestARefusedJoinIsReportedAndTriedAgain(t *testing.T) {
	h := newHarness(t, knows("b:1"))
	f := h.newFake("b:1")
	h.advance(0)
	f.answers(h.dials[0])
	f.says(&wire.Refuse{Domain: "d", Code: wire.NameHeld, Text: "name is held"})
	require.Equal(t, []string{"b:1 name is held"}, h.reports(Refused))
	f.take()
	h.advance(time.Minute)
	asked := len(told[*wire.Join](f))
	require.GreaterOrEqual(t, asked, 20, "until it is let in")
	require.LessOrEqual(t, asked, 125)
	f.handsOver(f)
	require.Len(t, h.reports(Joined), 1)
	f.take()
	h.advance(time.Minute)
	require.Empty(t, told[*wire.Join](f))
}

func TestOnceJoinedAnUnlinkedWellKnownAddressIsTriedSlowly(t *testing.T) {
	h := newHarness(t, knows("a:1", "w:1"))
	h.meets["w:1"] = refused
	h.member("b:1")
	h.advance(time.Minute)
	h.quiet()
	h.advance(time.Minute)
	require.GreaterOrEqual(t, len(h.dialsTo("w:1")), 25)
	require.LessOrEqual(t, len(h.dialsTo("w:1")), 62)
}

func TestInALargeGroupAFewTryAnUnlinkedWellKnownAddress(t *testing.T) {
	tries := 0
	for i := range 20 {
		h := newHarness(t, knows("w:1"), func(c *Config) {
			c.Signer = testSigner{testKey(fmt.Sprint("self", i))}
		})
		h.meets["w:1"] = refused
		f := h.newFake("b:1")
		f.dials()
		f.joins()
		for j := range 100 {
			x := &fake{h: h, signer: testSigner{testKey(fmt.Sprint("large", j))}, address: fmt.Sprintf("x%d:1", j), role: wire.Member}
			f.says(gossip(x.record(1, 1)))
		}
		f.says(&wire.Table{Domain: "d", Last: true})
		h.advance(time.Second)
		h.quiet()
		h.advance(time.Second)
		if len(h.dialsTo("w:1")) > 0 {
			tries++
		}
	}
	require.LessOrEqual(t, tries, 8, "of twenty; its would-be watchers only")
}

func TestALonelyNodeDialsSixteenAddressesOfANameAtATime(t *testing.T) {
	h := newHarness(t, named)
	h.advance(0)
	var list []string
	for i := range 100 {
		list = append(list, fmt.Sprintf("x%d:1", i))
	}
	h.input(func() { h.m.Resolved(h.now, 0, list, "") })
	f := []*fake{h.member("b:1"), h.member("c:1")}
	h.advance(20 * time.Second)
	for _, x := range f {
		x.goesSilent()
	}
	for range 60 { // on its way to being isolated it tries every well-known address
		h.quiet()
		h.advance(500 * time.Millisecond)
		require.LessOrEqual(t, len(h.dials), 3*dialsPerName, "at %s", h.now)
	}
	require.True(t, h.m.isolated)
}

// Of several well-known members one is asked at a time: each makes sure of a
// newcomer, and hands over all it has.
func TestOneWellKnownMemberIsAskedAtATime(t *testing.T) {
	start := func(t *testing.T) (h *harness, b, c *fake) {
		h = newHarness(t, knows("b:1", "c:1"))
		b, c = h.newFake("b:1"), h.newFake("c:1")
		h.advance(0)
		b.answers(h.dialsTo("b:1")[0])
		h.advance(5 * time.Millisecond)
		c.answers(h.dialsTo("c:1")[0])
		require.Len(t, told[*wire.Join](b), 1)
		require.Empty(t, told[*wire.Join](c))
		return h, b, c
	}
	t.Run("it knows the other", func(t *testing.T) {
		h, b, c := start(t)
		b.handsOver(b, c)
		h.advance(time.Second)
		require.Empty(t, told[*wire.Join](c))
		require.Empty(t, told[*wire.Join](b))
	})
	t.Run("it does not", func(t *testing.T) {
		_, b, c := start(t)
		b.handsOver(b)
		require.Len(t, told[*wire.Join](c), 1, "another island")
	})
	t.Run("it refuses", func(t *testing.T) {
		_, b, c := start(t)
		b.says(&wire.Refuse{Domain: "d", Code: wire.NotServed, Text: "not here"})
		require.Len(t, told[*wire.Join](c), 1)
	})
	t.Run("it has no room", func(t *testing.T) {
		_, b, c := start(t)
		b.says(&wire.Refuse{Domain: "d", Code: wire.Busy, Text: "later", Again: 10_000})
		require.Len(t, told[*wire.Join](c), 1)
	})
	t.Run("it does not answer", func(t *testing.T) {
		h, _, c := start(t)
		h.advance(askOne)
		require.Len(t, told[*wire.Join](c), 1)
	})
	t.Run("it knows the other, which follows the domain no more", func(t *testing.T) {
		_, b, c := start(t)
		c.says(&wire.Domains{Domains: []wire.DomainRole{{Name: "lb", Role: wire.Member}}})
		b.handsOver(b, c)
		require.Len(t, told[*wire.Join](c), 1, "a manager of any domain has to be asked for it again")
	})
	t.Run("its link breaks", func(t *testing.T) {
		h, b, c := start(t)
		h.meets["b:1"] = refused
		b.breaks()
		require.Len(t, told[*wire.Join](c), 1)
	})
}

// However many do not answer, the one that does is asked after one wait.
func TestThoseWhoDoNotAnswerHoldUpNobody(t *testing.T) {
	var addresses []string
	for i := range 12 {
		addresses = append(addresses, fmt.Sprintf("s%d:1", i))
	}
	h := newHarness(t, knows(addresses...))
	var list []*fake
	for _, a := range addresses {
		list = append(list, h.newFake(a))
	}
	h.advance(0)
	for _, x := range list {
		x.answers(h.dialsTo(x.address)[0])
	}
	h.advance(askOne)
	for _, x := range list {
		require.Len(t, told[*wire.Join](x), 1, x.address)
	}
}

// Addresses that a busy member has named are asked the same way.
func TestHintsThatDoNotAnswerHoldUpNobody(t *testing.T) {
	h := newHarness(t, knows("w:1"))
	w, x, y := h.newFake("w:1"), h.newFake("x:1"), h.newFake("y:1")
	h.advance(0)
	w.answers(h.dialsTo("w:1")[0])
	w.says(&wire.Refuse{Domain: "d", Code: wire.Busy, Text: "later", Again: 10_000, Others: []string{"x:1", "y:1"}})
	h.advance(joinFirst)
	x.answers(h.dialsTo("x:1")[0])
	y.answers(h.dialsTo("y:1")[0])
	h.advance(askOne)
	require.Len(t, told[*wire.Join](x), 1)
	require.Len(t, told[*wire.Join](y), 1)
}

// The answer to a Join comes over the same link, however long it takes: asked
// again after each wait, a busy member would hand over the same table each time.
func TestAJoinIsNotRepeatedBeforeItsAnswer(t *testing.T) {
	h := newHarness(t, knows("b:1"))
	b := h.newFake("b:1")
	h.advance(0)
	b.answers(h.dials[0])
	h.advance(askAgain - time.Millisecond)
	require.Len(t, told[*wire.Join](b), 1)
	h.advance(time.Millisecond + joinMost)
	require.Len(t, told[*wire.Join](b), 1, "nobody takes so long to make sure")
}
