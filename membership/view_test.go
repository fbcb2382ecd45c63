package membership

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

func TestZeroViewIsEmpty(t *testing.T) {
	var v View
	require.Zero(t, v.Number())
	require.Zero(t, v.Len())
	require.Empty(t, v.Domain())
	require.False(t, v.Isolated())
	require.Nil(t, v.Stale())
	for range v.All() {
		t.Fatal("a member")
	}
	for range v.Managers() {
		t.Fatal("a manager")
	}
	_, ok := v.Get(ID{1})
	require.False(t, ok)
	_, ok = v.At("a:1")
	require.False(t, ok)
}

func TestMakeView(t *testing.T) {
	members := []Member{
		Member{ID: ID{2}, Address: "b:1"}.WithProperties(map[string]string{"z": "1", "a": "2"}),
		{ID: ID{1}, Address: "a:1"},
		{ID: ID{3}, Address: "c:1", Manager: true},
		{ID: ID{4}, Address: "a:1", Name: "later"},
		{ID: ID{2}, Address: "d:1", Name: "again"},
	}
	v := MakeView("d", 7, members)
	members[0].Name = "changed"
	require.Equal(t, "d", v.Domain())
	require.Equal(t, uint64(7), v.Number())
	require.Equal(t, []string{"a:1", "d:1"}, addresses(v))
	m, ok := v.At("a:1")
	require.True(t, ok)
	require.Equal(t, "later", m.Name)
	m, ok = v.Get(ID{2})
	require.True(t, ok)
	require.Equal(t, "again", m.Name)
	_, ok = v.Get(ID{3})
	require.False(t, ok, "a manager is not a member")
	for m := range v.Managers() {
		require.Equal(t, "c:1", m.Address)
	}
	for range v.All() {
		break
	}
}

func TestMemberProperties(t *testing.T) {
	m := Member{}.WithProperties(map[string]string{"z": "1", "a": "2", "m": ""})
	var keys []string
	for k, v := range m.Properties() {
		keys = append(keys, k+"="+v)
	}
	require.Equal(t, []string{"a=2", "m=", "z=1"}, keys)
	for range m.Properties() {
		break
	}
	v, ok := m.LookupProperty("m")
	require.True(t, ok)
	require.Empty(t, v)
	_, ok = m.LookupProperty("x")
	require.False(t, ok)
	require.Equal(t, "1", m.Property("z"))
}

func TestNames(t *testing.T) {
	e := Event{Kind: MemberAdded, Cause: CauseJoined, Member: Member{Domain: "d", Address: "127.0.0.1:4200", State: Alive}}
	require.Equal(t, "added 127.0.0.1:4200 (joined)", e.String())
	require.Equal(t, "d 127.0.0.1:4200 alive", e.Member.String())
	e.Kind, e.Cause = MemberDraining, NoCause
	require.Equal(t, "draining 127.0.0.1:4200", e.String())
	text, err := json.Marshal(map[string]any{"k": MemberRemoved, "c": CauseCrashed, "s": Draining, "id": ID{0xab}})
	require.NoError(t, err)
	require.JSONEq(t, `{"k":"memberRemoved","c":"crashed","s":"draining","id":"ab000000000000000000000000000000"}`, string(text))
	require.Equal(t, "state(99)", State(99).String())
	require.Equal(t, -1, ID{1}.Compare(ID{2}))
}

// The public numbers follow the machine's.
func TestKindsAndCausesAreTheMachines(t *testing.T) {
	for k, want := range map[machine.EventKind]Kind{
		machine.Added: MemberAdded, machine.Updated: MemberUpdated, machine.Suspected: MemberSuspected,
		machine.Recovered: MemberRecovered, machine.DrainingEvent: MemberDraining, machine.LeavingEvent: MemberLeaving,
		machine.Removed: MemberRemoved, machine.IsolatedEvent: Isolated, machine.RejoinedEvent: Rejoined,
	} {
		require.Equal(t, want, kindOf(k))
	}
	for c, want := range map[machine.EventCause]Cause{
		machine.NoCause: NoCause, machine.CauseJoined: CauseJoined, machine.CauseReturned: CauseReturned,
		machine.CauseMerged: CauseMerged, machine.CauseLeft: CauseLeft, machine.CauseCrashed: CauseCrashed,
		machine.CauseSilent: CauseSilent, machine.CauseReplaced: CauseReplaced, machine.CauseIsolated: CauseIsolated,
	} {
		require.Equal(t, want, causeOf(c))
	}
}

// Random changes, against maps: snapshots hold what they should, and the
// difference between any two of them adds up.
func TestSnapshotsAgainstMaps(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	shown := map[wire.ID]machine.Shown{}
	current := &snapshot{domain: "d", stale: make(chan struct{})}
	var memory causeMemory
	states := []wire.State{wire.Alive, wire.Draining, wire.Leaving}
	history := []*snapshot{current}
	for number := uint64(1); number <= 300; number++ {
		c := &machine.Change{Domain: "d", Number: number}
		for range 1 + random.IntN(4) {
			id := wire.ID{byte(random.IntN(30))}
			if slices.ContainsFunc(c.Events, func(e machine.Event) bool { return e.Shown.Record.ID == id }) {
				continue
			}
			r := &wire.Record{ID: id, Version: uint32(number), Role: wire.Member, State: states[random.IntN(3)],
				Address: fmt.Sprint("h", id[0])}
			if random.IntN(8) == 0 {
				r.Role = wire.Manager // even a change of role must add up
			}
			s := machine.Shown{Record: r, Suspect: random.IntN(4) == 0}
			switch {
			case shown[id].Record == nil:
				c.Events = append(c.Events, machine.Event{Kind: machine.Added, Cause: machine.CauseJoined, Shown: s})
				shown[id] = s
			case random.IntN(2) == 0:
				c.Events = append(c.Events, machine.Event{Kind: machine.Removed, Cause: machine.CauseSilent, Shown: shown[id]})
				delete(shown, id)
			default:
				c.Events = append(c.Events, machine.Event{Kind: machine.Updated, Shown: s})
				shown[id] = s
			}
		}
		current = current.next(c, ID{})
		memory.note(current.events, len(current.byID))
		history = append(history, current)

		members, managers := map[ID]bool{}, 0
		for id, s := range shown {
			if s.Record.Role == wire.Manager {
				managers++
				continue
			}
			members[ID(id)] = true
			require.Equal(t, s.Record.Version, current.get(ID(id)).Version)
		}
		require.Len(t, current.byID, len(members))
		require.Len(t, current.managers, managers)
		require.True(t, slices.IsSortedFunc(current.byAddress, byAddressAndID))
		require.True(t, slices.IsSortedFunc(current.byID, byID))

		old := history[random.IntN(len(history))]
		events := diff(old, current, &memory)
		if old == history[len(history)-2] {
			events = current.events
		}
		requireFold(t, old, current, events)
	}
}

// requireFold adds events up to a snapshot.
func requireFold(t *testing.T, old, current *snapshot, events []Event) {
	t.Helper()
	folded := map[ID]Member{}
	for _, m := range old.byID {
		folded[m.ID] = *m
	}
	for _, e := range events {
		_, there := folded[e.Member.ID]
		require.Equal(t, e.Kind != MemberAdded, there, e)
		if e.Kind == MemberRemoved {
			delete(folded, e.Member.ID)
		} else {
			folded[e.Member.ID] = e.Member
		}
	}
	require.Len(t, folded, len(current.byID))
	for id, m := range folded {
		require.True(t, m.same(current.get(id)))
	}
}

func TestCausesAreForgottenInTheEnd(t *testing.T) {
	var c causeMemory
	for i := range 3000 {
		c.note([]Event{{Kind: MemberRemoved, Cause: CauseLeft, Member: Member{ID: ID{byte(i), byte(i >> 8)}}}}, 10)
	}
	require.Len(t, c.of, causesLeast)
	require.Equal(t, NoCause, c.removed(ID{0, 0}))
	require.Equal(t, CauseLeft, c.removed(ID{byte(2999 & 0xff), byte(2999 >> 8)}))
	require.Equal(t, CauseJoined, c.added(ID{9, 9, 9}))
}

func TestCausesOfALargeGroupThatGoesAreKept(t *testing.T) {
	var c causeMemory
	c.note(nil, 2500)
	for i := range 2000 {
		c.note([]Event{{Kind: MemberRemoved, Cause: CauseLeft, Member: Member{ID: ID{byte(i), byte(i >> 8)}}}}, 2500-i)
	}
	require.Equal(t, CauseLeft, c.removed(ID{0, 0}), "the first that went, while some have gone since")
}

func TestHoldsAreBounded(t *testing.T) {
	inBubble(t, func(b *bubble) {
		n := b.join(1)
		s := n.own.subscribe()
		var releases []func()
		for i := range uint64(3 * holdsMost) {
			releases = append(releases, s.hold(i+1))
		}
		require.Len(b, s.holds, holdsMost)
		require.Zero(b, n.own.applied())
		for _, r := range releases {
			r()
			r()
		}
		require.Empty(b, s.holds)
		s.end()
		s.hold(1)()
		require.Empty(b, s.holds)
		Change{}.Hold()()
	})
}

func thousand() View {
	var members []Member
	for i := range 1000 {
		members = append(members, Member{ID: ID{byte(i), byte(i >> 8)}, Address: fmt.Sprintf("10.0.%d.%d:4000", i>>8, i&0xff)})
	}
	return MakeView("d", 1, members)
}

func TestViewsCostNoMemory(t *testing.T) {
	v := thousand()
	g := &Group{}
	g.current.Store(v.s)
	n := 0
	require.Zero(t, testing.AllocsPerRun(100, func() {
		v := g.View()
		_, _ = v.Get(ID{1, 1})
		_, _ = v.At("10.0.1.1:4000")
		for range v.All() {
			n++
		}
	}))
}

func BenchmarkView(b *testing.B) {
	v := thousand()
	g := &Group{}
	g.current.Store(v.s)
	b.Run("Get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = g.View().Get(ID{1, 1})
		}
	})
	b.Run("All", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for range g.View().All() {
			}
		}
	})
	b.Run("publish", func(b *testing.B) {
		b.ReportAllocs()
		r := &wire.Record{ID: wire.ID{5, 1}, Role: wire.Member, State: wire.Alive, Address: "10.0.1.5:4000"}
		c := &machine.Change{Events: []machine.Event{{Kind: machine.Updated, Shown: machine.Shown{Record: r}}}}
		for b.Loop() {
			v.s.next(c, ID{})
		}
	})
}
