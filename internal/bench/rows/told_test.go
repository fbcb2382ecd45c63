package rows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/subject"
)

// story makes events of node, kind, member and second.
func story(events ...subject.Event) []subject.Event { return events }

func says(second float64, node string, kind subject.Kind, who string, change int) subject.Event {
	return subject.Event{Node: node, At: int64(second * 1e9), Kind: kind, Who: who, Change: change}
}

func nodesOf(list ...string) []*fleet.Node {
	var out []*fleet.Node
	for _, name := range list {
		out = append(out, &fleet.Node{Options: subject.Options{Name: name}})
	}
	return out
}

func at(second float64) time.Time { return time.Unix(0, int64(second*1e9)) }

func TestOnlyHealthyMembersDroppedByHealthyOnesCount(t *testing.T) {
	healthy := nodesOf("a", "b")
	events := story(
		says(1, "a", subject.Removed, "bad", 1),
		says(2, "a", subject.Removed, "b", 2),
		says(3, "bad", subject.Removed, "a", 1),
		says(4, "b", subject.Updated, "a", 1),
		says(5, "a", subject.Removed, "b", 3))
	require.Equal(t, 2, dropped(events, healthy, names(healthy)), "b by a, twice")
}

func TestFirstTellingCounts(t *testing.T) {
	events := story(says(1, "a", subject.Added, "x", 1), says(2, "a", subject.Removed, "x", 2), says(3, "a", subject.Removed, "x", 3),
		says(4, "z", subject.Removed, "x", 1))
	got := firstTold(events, nodesOf("a", "b"), subject.Removed, "x")
	require.Len(t, got, 1, "neither b, which was not told, nor z, which is no observer")
	require.Equal(t, at(2), got["a"].Time())
}

func TestChangesShownTogetherAreOne(t *testing.T) {
	events := story(
		says(1, "a", subject.Removed, "x", 7), says(1, "a", subject.Removed, "y", 7), // together
		says(1.5, "b", subject.Removed, "x", 3), says(4, "b", subject.Removed, "y", 4),
		says(9, "b", subject.Removed, "a", 5)) // not one of those that were killed
	most, spread, last := shown(events, nodesOf("a", "b"), map[string]bool{"x": true, "y": true}, at(0.5))
	require.Equal(t, 2, most, "b was shown two")
	require.Equal(t, 2500*time.Millisecond, spread)
	require.Equal(t, 3500*time.Millisecond, last)
}

func TestAgreement(t *testing.T) {
	observers, all := nodesOf("a", "b"), map[string]bool{"a": true, "b": true, "bad": true}
	share := func(events ...subject.Event) float64 { return agreement(events, observers, all, at(0), at(10)) }
	require.InDelta(t, 1.0, share(), 1e-9, "nothing happens")
	require.InDelta(t, 0.9, share(says(2, "a", subject.Removed, "bad", 1), says(3, "b", subject.Removed, "bad", 1)), 1e-9,
		"one second until the other has seen it too")
	require.InDelta(t, 0.2, share(says(2, "a", subject.Removed, "bad", 1)), 1e-9, "the other never sees it")
	require.InDelta(t, 0.5, share(says(2, "a", subject.Removed, "bad", 1), says(7, "a", subject.Added, "bad", 2)), 1e-9, "it comes back")
	require.InDelta(t, 0.8, share(says(3, "b", subject.Removed, "bad", 1), says(1, "a", subject.Removed, "bad", 1)), 1e-9,
		"events are taken in the order of their stamps")
	require.InDelta(t, 1.0, share(says(2, "bad", subject.Removed, "a", 1)), 1e-9, "what the faulty one sees does not count")
}

func TestTransitionsAreTheMeanOverObservers(t *testing.T) {
	events := story(says(1, "a", subject.Removed, "bad", 1), says(2, "a", subject.Added, "bad", 2), says(3, "a", subject.Updated, "bad", 3),
		says(1, "b", subject.Removed, "a", 1))
	require.InDelta(t, 1.0, transitions(events, nodesOf("a", "b"), map[string]bool{"bad": true}), 1e-9)
}

func TestEveryRowComparesBothLibraries(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range append(All(), Frontier()...) {
		require.False(t, seen[r.ID], "%s is there twice", r.ID)
		seen[r.ID] = true
		libraries := map[string]bool{}
		for _, name := range r.Subjects {
			library, _ := subject.Split(name)
			libraries[library] = true
		}
		require.Equal(t, map[string]bool{"tribes": true, "memberlist": true}, libraries, r.ID)
		require.NotEmpty(t, r.Sizes, r.ID)
		require.Positive(t, r.Repeats, r.ID)
		require.Positive(t, r.Limit, r.ID)
		require.NotNil(t, r.Run, r.ID)
	}
}

func TestForgedDatagramIsSmall(t *testing.T) {
	require.Len(t, leftDatagram("n001"), 35)
	require.Less(t, len(memberlistBomb(16<<20)), 32<<10, "sixteen megabytes in a few kilobytes")
}
