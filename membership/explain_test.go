package membership

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/machine"
)

// The numbers of stances are those of the machine.
func TestStancesAreTheMachines(t *testing.T) {
	for public, inner := range map[Stance]machine.Stance{Vouches: machine.Vouches, Accuses: machine.Accuses,
		Discredited: machine.Discredited, NoAnswer: machine.NoAnswer, HoldsDown: machine.HoldsDown} {
		require.Equal(t, uint8(inner), uint8(public))
	}
}

func TestExplainOfAHealthyMember(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(4)
		x, y := all[0], all[1]
		began := time.Now()
		e := x.Own().Explain(y.Self().ID)
		require.True(b, e.Known)
		require.True(b, e.Present)
		require.Equal(b, addr(2), e.Member.Address)
		require.Equal(b, Alive, e.Member.State)
		require.True(b, e.Watched)
		require.True(b, e.Linked)
		require.Less(b, e.LastHeard, 2*time.Second)
		require.Equal(b, NoCause, e.Unreachable)
		require.Len(b, e.Watchers, 3, "in a group of four everybody watches everybody")
		selves := 0
		for _, w := range e.Watchers {
			require.Equal(b, Vouches, w.Stance)
			if w.Self {
				selves++
				require.Equal(b, addr(1), w.Address)
			}
		}
		require.Equal(b, 1, selves)
		require.Empty(b, e.Accusations)
		require.Nil(b, e.Removal)
		require.Len(b, e.Transitions, 1)
		require.Equal(b, MemberAdded, e.Transitions[0].Kind)
		require.Equal(b, CauseJoined, e.Transitions[0].Cause)
		require.WithinDuration(b, began, e.Transitions[0].At, 4*time.Second)
		require.Contains(b, e.String(), "member "+addr(2))
		require.Contains(b, e.String(), "watched by "+addr(1)+" (this node): vouches")

		require.False(b, x.Own().Explain(ID{1}).Known)
		require.Contains(b, x.Own().Explain(ID{1}).String(), "not known")
	})
}

func TestExplainTellsWhyAMemberWasRemoved(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(5)
		x := all[0]
		for _, c := range []struct {
			of    *Node
			end   func(n *Node)
			cause Cause
			proof bool
		}{
			{all[1], b.crash, CauseCrashed, true},
			{all[2], func(n *Node) { b.net.PowerLoss(n.Self().Address); _ = n.Close() }, CauseSilent, true},
			{all[3], func(n *Node) { _, _ = n.Leave(b.Context()) }, CauseLeft, false},
		} {
			id := c.of.Self().ID
			address := c.of.Self().Address
			at := time.Now()
			c.end(c.of)
			b.pass(6 * time.Second)
			e := x.Own().Explain(id)
			require.True(b, e.Known, "who was removed stays explainable")
			require.False(b, e.Present)
			require.Equal(b, address, e.Member.Address)
			require.NotNil(b, e.Removal)
			require.Equal(b, c.cause, e.Removal.Cause)
			require.WithinDuration(b, at, e.Removal.At, 5*time.Second)
			require.Equal(b, c.proof, len(e.Removal.Evidence) > 0)
			for _, a := range e.Removal.Evidence {
				require.Equal(b, c.cause, a.Cause)
				require.NotEmpty(b, a.Address)
			}
			last := e.Transitions[len(e.Transitions)-1]
			require.Equal(b, MemberRemoved, last.Kind)
			require.Equal(b, c.cause, last.Cause)
			require.Contains(b, e.String(), c.cause.String())
		}
		b.pass(2 * time.Hour)
		e := x.Own().Explain(all[1].Self().ID)
		require.Nil(b, e.Removal, "not for ever")
	})
}

func TestExplainTellsWhoCannotReachAMember(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(5)
		b.net.Cut(ip(1), ip(2))
		b.pass(6 * time.Second)
		id := all[1].Self().ID
		e := all[0].Own().Explain(id)
		require.Equal(b, CauseSilent, e.Unreachable)
		require.Equal(b, []Accusation{{all[0].Self().ID, addr(1), CauseSilent}}, e.Accusations)
		e = all[2].Own().Explain(id)
		require.True(b, e.Present)
		require.Equal(b, NoCause, e.Unreachable, "another node can")
		require.Equal(b, []Accusation{{all[0].Self().ID, addr(1), CauseSilent}}, e.Accusations, "but knows who cannot")
	})
}

func TestExplainFromInsideALoopAndAfterTheEnd(t *testing.T) {
	inBubble(t, func(b *bubble) {
		lb := b.join(1, balancer("d"))
		n := b.join(2)
		f := b.follow(groupOf(b, lb, "d"), func(c Change) {
			for _, e := range c.Events {
				require.True(b, groupOf(b, lb, "d").Explain(e.Member.ID).Known)
			}
		})
		b.pass(time.Second)
		require.True(b, n.Own().Explain(lb.Self().ID).Manager, "managers are explained, too")
		id := n.Self().ID
		_ = lb.Close()
		<-f.ended
		e := groupOf(b, lb, "d").Explain(id)
		require.True(b, e.Known)
		require.Equal(b, addr(2), e.Member.Address)
		require.Len(b, e.Transitions, 1)
	})
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	one, other := Member{ID: ID{1}}, Member{ID: ID{2}}
	for i := range historyMost {
		h.note([]Event{{Kind: MemberUpdated, Member: one}}, uint64(i), time.Time{})
	}
	h.note([]Event{{Kind: MemberAdded, Member: other}}, historyMost, time.Time{})
	require.Len(t, h.ring, historyMost)
	var e Explanation
	require.Nil(t, h.of(one.ID, &e), "it was not removed")
	require.Len(t, e.Transitions, transitionsMost)
	require.Equal(t, uint64(historyMost-1), e.Transitions[transitionsMost-1].View, "the latest, in order")
	for i := range historyMost {
		h.note([]Event{{Kind: MemberUpdated, Member: other}}, uint64(i), time.Time{})
	}
	e = Explanation{}
	h.of(one.ID, &e)
	require.Empty(t, e.Transitions)
	h.note([]Event{{Kind: MemberRemoved, Member: one}}, 7, time.Time{})
	require.Equal(t, one.ID, h.of(one.ID, &e).ID)
}
