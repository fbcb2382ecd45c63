package soak

import (
	"bytes"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/subject"
)

func TestMain(m *testing.M) {
	fleet.Serve()
	os.Exit(m.Run())
}

func TestEventsThatCannotBeAreFound(t *testing.T) {
	event := func(kind subject.Kind, who string) subject.Event {
		return subject.Event{Node: "a", Kind: kind, Who: who}
	}
	f := folds{}
	require.NoError(t, f.fold([]subject.Event{event(subject.Added, "a"), event(subject.Added, "b"), event(subject.Removed, "b")}))
	require.Equal(t, map[string]bool{"a": true}, f["a"])
	require.ErrorContains(t, f.fold([]subject.Event{event(subject.Removed, "b")}), "did not have")
	require.ErrorContains(t, f.fold([]subject.Event{event(subject.Added, "a")}), "had already")
}

func TestViewsThatDifferAreSaid(t *testing.T) {
	require.Empty(t, differs([]string{"b", "a"}, []string{"a", "b"}))
	require.Equal(t, "without b, with c", differs([]string{"a", "c"}, []string{"a", "b"}))
}

func TestGrowthIsFound(t *testing.T) {
	even := usage{heap: 1 << 20, goroutines: 20, files: 20}
	flat := func(last usage) error {
		return (&run{use: []usage{even, even, even, last}, out: new(bytes.Buffer)}).flat()
	}
	require.NoError(t, flat(even))
	require.ErrorContains(t, flat(usage{heap: 3 << 20, goroutines: 20, files: 20}), "memory grows")
	require.ErrorContains(t, flat(usage{heap: 1 << 20, goroutines: 40, files: 20}), "goroutines grow")
	require.ErrorContains(t, flat(usage{heap: 1 << 20, goroutines: 20, files: 40}), "descriptors grow")
}

func TestAShortSoak(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be stopped for a while here")
	}
	var out bytes.Buffer
	s := Settings{For: 4 * time.Second, Processes: 5, Seed: 3, Round: 4 * time.Second, Settle: 90 * time.Second}
	require.NoError(t, Run(t.Context(), s, &out), out.String())
	require.Contains(t, out.String(), "one view of 5 and the events agree")
}
