package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// The tests of this file each hold on to a fault that schedules of the
// simulator once found. The comment says what went wrong.

// A process that hung had its port refuse a dial. It went on, was heard over
// the old link, and the refusal was remembered all the same: its watchers went
// on accusing it, and dropped it again long after it had recovered.
func TestAnAnswerClearsWhatARefusalHadProved(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[0].goesSilent()
	h.meets["b:1"] = refused
	h.advance(dropTime)
	require.Contains(t, f[1].heardAccusations(), "a of b refused")
	f[0].deaf = false // the port goes on refusing: only the link is heard
	h.advance(2 * dropTime)
	require.Contains(t, f[1].heardAccusations(), "a of b withdrawn", "it has been healthy for more than the drop time")
	f[1].accuse(f[0].id, wire.Silent)
	h.advance(time.Minute)
	require.Equal(t, "a b c e", h.shown(), "one word of three is not enough, and a has none any more")
	require.False(t, h.view[f[0].id].Unreachable)
}

// A node that was cut off begins anew when it hears somebody, and has to ask
// everybody that it has a link to. Two that had been isolated met, and did not
// ask the third, which held both as down and had said so while they did not
// listen: they stayed a group of two.
func TestWhoWasIsolatedAsksEverybodyItHasALinkTo(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	for _, x := range f {
		x.goesSilent()
	}
	for !h.m.isolated {
		require.Less(t, h.now, time.Minute, "it takes itself for cut off while the links are still there")
		h.advance(10 * time.Millisecond)
	}
	h.quiet()
	f[2].holdsDown(1)
	require.EqualValues(t, 1, h.incarnation(), "who is isolated does not listen yet")
	for _, x := range f {
		require.NotZero(t, x.link)
		x.deaf = false
	}
	h.advance(beatTime)
	require.False(t, h.m.isolated)
	for i, x := range f {
		require.NotEmpty(t, told[*wire.Join](x), "neighbour %d", i)
	}
	f[2].holdsDown(1)
	f[2].handsOver(f...)
	h.advance(dropTime)
	require.EqualValues(t, 2, h.incarnation())
}

// The other case of the same: the links had been given up by then.
func TestWhoWasIsolatedAsksWhoDialsIt(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	for _, x := range f {
		x.goesSilent()
	}
	h.advance(time.Minute)
	require.True(t, h.m.isolated)
	h.quiet()
	for i, x := range f {
		x.deaf = false
		x.dials()
		require.NotEmpty(t, told[*wire.Join](x), "neighbour %d", i)
	}
}

// Before a node takes itself for cut off it tries every well-known address
// once more. One at which it knew a member, or lived itself, was only said to
// be due: nobody tries the address of a known member, so that this one was
// never tried, and the node showed all the others for as long as it was cut
// off.
func TestWhoIsCutOffTriesEveryWellKnownAddressAgain(t *testing.T) {
	h := newHarness(t, knows("a:1", "b:1", "x:1"))
	for _, address := range []string{"b:1", "c:1", "e:1"} {
		h.member(address)
	}
	h.advance(10 * time.Second)
	h.quiet()
	for _, x := range h.fakes {
		x.goesSilent()
	}
	h.advance(20 * time.Second)
	require.True(t, h.m.isolated)
	tries := 0
	for _, e := range h.dialsTo("b:1") {
		if e.Peer.IsZero() { // other than those for the link to b
			tries++
		}
	}
	require.NotZero(t, tries)
}

// Neighbours that had dropped a member did not accuse it any more, so that
// they were counted as vouching for it by those who had not: a stale member
// stayed for ever.
func TestWhoHoldsAMemberAsDownDoesNotVouchForIt(t *testing.T) {
	for _, holders := range []int{2, 3} {
		h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1", "h:1", "i:1", "j:1")
		f[0].goesSilent()
		f[1].accuse(f[0].id, wire.Silent)
		f[2].accuse(f[0].id, wire.Silent)
		for _, x := range f[3 : 3+holders] {
			departure := wire.Departure{ID: f[0].id, Incarnation: 1, Cause: wire.CauseSilent, Address: "b:1"}
			x.says(&wire.Sync{Domain: "d", Departures: []wire.Departure{departure}})
		}
		h.advance(time.Minute)
		// Of eight watchers a and two others accuse it. If three hold it as
		// down, two vouch; if two do, three, and that is not enough.
		require.Equal(t, holders == 2, h.group().members.get(f[0].id) != nil, "%d hold it as down", holders)
	}
}

// When most of a group is lost at once, the links of those who are left are in
// pieces as the accusations go out. Whoever they did not reach held up the
// dead for ever.
func TestANewLinkIsToldWhichAccusationsStand(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "x:1")
	f[0].accuse(f[3].id, wire.Refused)
	f[1].accuse(f[3].id, wire.Silent)
	f[1].says(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{f[1].accuses(f[3].id, wire.Silent, false, uint64(h.now)+2)}})
	h.quiet()
	f[2].breaks()
	f[2].dials()
	require.Equal(t, []string{"b of x refused"}, f[2].heardAccusations(), "what was withdrawn does not stand")
	// A word that is kept to oneself is not told either.
	h, f = settled(t, "b:1", "c:1", "e:1")
	for _, x := range f {
		x.goesSilent()
	}
	untilDrop(h, f[0])
	h.advance(beatTime)
	f[0].dials()
	require.Empty(t, f[0].heardAccusations())
}

// pressed is a group of a and five others in which a accuses b, and has looked
// at the other watchers. They vouch: c is not heard over its link, but has
// answered a look.
func pressed(t *testing.T) (*harness, []*fake) {
	h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1")
	f[0].goesSilent()
	untilDrop(h, f[0])
	h.advance(1)
	f[1].deaf = true
	h.advance(pressAfter + pressRefused)
	require.Len(t, h.looksAt("c:1"), 1)
	require.NotNil(t, h.group().members.get(f[0].id), "one of five watchers")
	h.quiet()
	return h, f
}

// newWatcher brings a member that nothing answers for. It watches everybody.
func newWatcher(h *harness, address string, from *fake) {
	n := h.order(address, false) // the lower ID dials without a wait
	n.goesSilent()
	from.says(gossip(n.record(1, 1)))
}

// All watchers of an accused member were looked at together, once in a drop
// time. When a crash of many brought up new watchers, which were dead as well,
// these could be looked at only with all the others again, seconds later.
func TestLooksAtWatchersAreRememberedEachByItself(t *testing.T) {
	h, f := pressed(t)
	for _, address := range []string{"n:1", "o:1", "p:1"} {
		newWatcher(h, address, f[2])
		h.advance(2 * pressRefused)
		require.Len(t, h.looksAt(address), 1, "%s has not been looked at before", address)
	}
	require.Empty(t, h.looksAt("c:1"), "it has been, and has answered")
}

// A dial to a new neighbour had just failed. Asked whether it vouches for an
// accused member it was looked at all the same: a second more for each that
// had gone together with the accused.
func TestWhatADialHasJustFoundIsNotAskedAgain(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[0].goesSilent()
	early := h.m.dialTimeout() - pressAfter + newcomerDials + 100*time.Millisecond
	h.advance(h.m.peers[f[0].id].proof + dropTime - h.running() - 1 - early)
	newWatcher(h, "n:1", f[1])
	untilDrop(h, f[0])
	h.advance(1)
	f[2].accuse(f[0].id, wire.Silent) // now a and e accuse b, and c and n vouch
	h.advance(pressAfter - 1)
	require.NotNil(t, h.group().members.get(f[0].id))
	h.advance(1)
	require.Nil(t, h.group().members.get(f[0].id), "the dial to n has met silence: it does not vouch")
	require.Empty(t, h.looksAt("n:1"))
}

// The same knowledge was forgotten when the one who had not answered became a
// neighbour anew: again it had a whole drop time for its first link.
func TestWhoHasNotAnsweredJustNowHasLessTimeForAFirstLink(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	f[0].goesSilent()
	untilDrop(h, f[0])
	h.advance(1)
	f[1].accuse(f[0].id, wire.Silent)
	require.Nil(t, h.group().members.get(f[0].id))
	h.advance(dropTime)
	h.quiet()
	f[1].says(gossip(f[0].record(2, 1))) // it has come back, they say
	h.advance(dropTime/3 - time.Millisecond)
	require.Empty(t, f[2].heardAccusations())
	h.advance(2 * time.Millisecond)
	require.Equal(t, []string{"a of b silent"}, f[2].heardAccusations())
}

// With all watchers looked at the next round was planned for a drop time
// later, and a watcher that was new had to wait for it.
func TestANewWatcherOfAnAccusedMemberDoesNotWaitForTheNextRound(t *testing.T) {
	h, f := pressed(t)
	x := h.group().members.get(f[0].id)
	require.Greater(t, x.inquiry.pressDue, h.now+dropTime-time.Second, "the next round")
	newWatcher(h, "n:1", f[2])
	require.Equal(t, h.now+pressRefused, x.inquiry.pressDue)
	h.advance(pressRefused)
	require.Len(t, h.looksAt("n:1"), 1)
	h.advance(lookTime)
	require.Len(t, h.group().count(x).vouching, 4, "nobody answers for n")
}

// A member that is cut off again and again has to wait before it comes back.
// Whoever handed over a table unasked ended that wait: one that was cut off
// fifteen times came and went thirty times.
func TestATableThatComesEarlyDoesNotEndTheWait(t *testing.T) {
	h, f := settled(t, "b:1")
	cutOff(t, h, f[0])
	h.advance(10 * time.Second)
	was := h.incarnation()
	f[0].holdsDown(was)
	f[0].handsOver(f...)
	h.advance(returnWaits[1])
	require.Equal(t, was, h.incarnation(), "a second offence in ten minutes")
	h.advance(roundsLater * beatTime)
	require.Equal(t, was+1, h.incarnation(), "the table still serves")
}

// A newcomer that had been refused named the domain in its handshake, like
// everybody else, and came in through a flood or through anti-entropy.
func TestWhomTheGroupHasNotLetInIsNotHeard(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	n, x := h.newFake("n:1"), h.newFake("x:1")
	h.meets["n:1"] = refused
	n.dials()
	n.joins()
	for _, l := range told[*wire.LookFor](f[0]) {
		f[0].says(&wire.Looked{Domain: "d", Token: l.Token, Subject: l.Subject})
	}
	h.advance(2 * time.Second)
	require.Len(t, told[*wire.Refuse](n), 1)
	for _, msg := range []wire.Message{
		gossip(n.record(1, 1)),
		&wire.Sync{Domain: "d", Records: []*wire.Record{n.record(1, 1)}, Last: true},
		&wire.Table{Domain: "d", Records: []*wire.Record{n.record(1, 1)}, Last: true},
		gossip(x.record(1, 1)),
		&wire.Buckets{Domain: "d"},
	} {
		n.take()
		n.says(msg)
		h.advance(settleSilent)
		require.Equal(t, "a b c", h.shown(), wire.Name(msg))
		require.Empty(t, told[*wire.Sync](n), wire.Name(msg))
	}
	n.says(&wire.Digests{Digests: []wire.DomainDigest{{Domain: "d", Digest: 1}}})
	require.Empty(t, told[*wire.Buckets](n))
	h.meets["n:1"] = func() met { return met{out: Answered, by: n} }
	n.joins()
	h.advance(settleSilent)
	n.says(gossip(x.record(1, 1)))
	h.advance(settleSilent)
	require.Equal(t, "a b c n x", h.shown(), "once it is let in its word counts")
}

// A timer was set for a dial after a failure. A link that came meanwhile, and
// was closed, made the next dial due earlier, but the timer that was there
// already stood for both: the dial came as late as the first had been due.
func TestATimerForALaterDialDoesNotDelayAnEarlierOne(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	h.advance(h.m.nextBeat - h.now + time.Millisecond) // no heartbeat looks at it meanwhile
	h.meets["b:1"] = func() met { return met{out: OutLocal, after: time.Millisecond} }
	f[0].breaks()
	h.advance(2 * time.Millisecond)
	p := h.m.peers[f[0].id]
	later := p.nextDial
	require.Greater(t, later, h.now+2*higherWaits)
	f[0].dials()
	f[0].says(&wire.Goodbye{Parting: wire.Duplicate})
	f[0].breaks()
	require.Less(t, p.nextDial, later)
	h.quiet()
	h.advance(p.nextDial - h.now)
	require.Len(t, h.dialsTo("b:1"), 1)
}

// Something between had forgotten a connection, and said nothing. Each end
// found out when the drop time was over, too late to dial afresh before it
// accused the other.
func TestALinkThatIsQuietForHalfTheDropTimeIsDialledAfresh(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[0].deaf = true
	p := h.m.peers[f[0].id]
	h.advance(p.proof + dropTime/2 - h.running() - 1)
	require.Empty(t, h.dialsTo("b:1"))
	h.advance(beatTime)
	require.Len(t, h.dialsTo("b:1"), 1)
	require.Less(t, h.running()-p.proof, dropTime)
	f[0].deaf = false
	f[0].answers(h.dialsTo("b:1")[0])
	h.advance(2 * dropTime)
	require.Empty(t, f[1].heardAccusations())
	require.Empty(t, h.events())
}

// A node that was held as down left before it had come back. It published its
// next incarnation all the same, a record in state left, and what was to be
// published of it pointed at what had been forgotten.
func TestWhoHasLeftDoesNotComeBack(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	f[0].holdsDown(1)
	f[0].handsOver(f...)
	h.input(func() { h.m.SetState(h.now, wire.Left) })
	h.advance(time.Minute)
	require.EqualValues(t, 1, h.m.Own("d").Incarnation)
	require.Equal(t, wire.Left, h.m.Own("d").State)
	require.Zero(t, h.group().me.touched)
}

// After a loss of 60 % half of the watchers of a member that was gone had
// become such late, and had dropped it by a verdict before they had a word of
// their own. To all who could not count that verdict they vouched for it for
// ever.
func TestAWatcherThatDroppedAMemberByAVerdictSaysItsWordLate(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1")
	delete(h.meets, "b:1")
	for _, x := range f[1:] {
		x.accuse(f[0].id, wire.Silent)
	}
	h.advance(settleSilent)
	require.Equal(t, "a c e", h.shown(), "two of three accuse, a has nothing to say yet")
	require.NotContains(t, f[1].heardAccusations(), "a of b silent")
	f[0].breaks()
	h.advance(dropTime)
	require.NotContains(t, f[1].heardAccusations(), "a of b silent", "one that is gone is not many")
	h.input(func() {
		for i := range lateMany - 1 {
			h.group().depart(wire.IDOf(testKey(fmt.Sprint("gone", i)), wire.Birth{}), 1, wire.CauseSilent, fmt.Sprintf("gone%d:1", i))
		}
	})
	h.advance(2 * downTryMost)
	require.Contains(t, f[1].heardAccusations(), "a of b silent", "it has dialled b since, and met silence")
	h.advance(time.Minute)
	require.Len(t, f[1].heardAccusations(), 0, "once")
}

// Those words have to reach who still holds the member, through many who do
// not any more.
func TestALateWordIsPassedOnByWhoHasDroppedTheMember(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "g:1", "x:1")
	f[0].dies()
	f[1].accuse(f[0].id, wire.Refused)
	f[3].accuse(f[0].id, wire.Refused)
	h.advance(settleSilent)
	require.Equal(t, "a c e g x", h.shown())
	f[1].take()
	word := f[2].accuses(f[0].id, wire.Silent, true, 7)
	f[2].says(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{word}})
	require.Equal(t, []string{"e of b silent"}, f[1].heardAccusations())
	f[2].says(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{word}})
	require.Empty(t, f[1].heardAccusations(), "an old word ends")
	h.advance(lateWords)
	f[4].says(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{f[4].accuses(f[0].id, wire.Silent, true, 7)}})
	require.Empty(t, f[1].heardAccusations(), "everybody has settled it by now")
}

// Two neighbours that had both missed most of a great loss took over nothing,
// since not all of their neighbours held the departed as down: the other did
// not.
func TestTheMemoryOfThreeQuartersIsTakenOver(t *testing.T) {
	h, f := settled(t, "b:1", "c:1", "e:1", "g:1", "x:1")
	f[4].breaks()
	delete(h.meets, "x:1")
	gone := []wire.Departure{{ID: f[4].id, Incarnation: 1, Cause: wire.CauseSilent, Address: "x:1"}}
	for i, x := range f[:3] {
		require.Equal(t, "a b c e g x", h.shown(), "after %d of 4", i)
		x.says(&wire.Sync{Domain: "d", Departures: gone, Last: true})
		h.advance(settleSilent)
	}
	require.Equal(t, "a b c e g", h.shown(), "g, which has missed it too, does not hold a up")
}

// A tenth of a group was cut off from the rest. Of most members that were gone it
// had no watcher or one; others that had looked themselves waited for half of
// their neighbours to hold them as down, and after 100 s had most of them still.
func TestWhereNearlyAllAreLostOneHolderAndALookAreEnough(t *testing.T) {
	for _, lost := range []string{"", "links", "members"} {
		h, f := settled(t, "b:1", "c:1", "e:1", "f:1", "g:1", "h:1", "i:1", "j:1")
		switch lost {
		case "links":
			h.m.lonelyAt = h.m.running()
		case "members":
			for i := range lateMany {
				h.group().depart(wire.ID{9, byte(i)}, 1, wire.CauseSilent, fmt.Sprint("gone", i, ":1"))
			}
		}
		f[0].goesSilent()
		departure := wire.Departure{ID: f[0].id, Incarnation: 1, Cause: wire.CauseSilent, Address: "b:1"}
		f[1].says(&wire.Sync{Domain: "d", Departures: []wire.Departure{departure}})
		h.advance(conflictWithin + lookTime + 10*time.Millisecond)
		require.Equal(t, lost == "", h.group().members.get(f[0].id) != nil, "few %s", lost)
	}
}
