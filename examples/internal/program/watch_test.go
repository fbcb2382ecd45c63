package program_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/program"
)

// A watched is a list of files that are watched, and how often they changed.
type watched struct {
	files   atomic.Pointer[[]string]
	changes atomic.Int32
}

// watch watches files in a bubble.
func watch(t *testing.T, before program.Look, files ...string) *watched {
	w := &watched{}
	w.files.Store(&files)
	go program.Watch(t.Context(), time.Second, before, func() []string { return *w.files.Load() }, func() { w.changes.Add(1) })
	time.Sleep(500 * time.Millisecond) // from here on it is half a second to its next look
	return w
}

// seen is how often changes were seen up to the next look of the watcher.
func (w *watched) seen() int {
	time.Sleep(time.Second)
	synctest.Wait()
	return int(w.changes.Load())
}

func TestAChangeBetweenReadingAndWatchingIsSeen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a")
	require.NoError(t, os.WriteFile(file, []byte("1"), 0o600))
	synctest.Test(t, func(t *testing.T) {
		before := program.LookAt([]string{file})
		require.NoError(t, os.WriteFile(file, []byte("12"), 0o600))
		w := watch(t, before, file)
		require.Equal(t, 1, w.seen())
		require.Equal(t, 1, w.seen(), "once")
	})
}

func TestAChangeOfTheListHidesNoChangeOfAFile(t *testing.T) {
	dir := t.TempDir()
	stays, goes, comes := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	for _, f := range []string{stays, goes, comes} {
		require.NoError(t, os.WriteFile(f, []byte("1"), 0o600))
	}
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, program.LookAt([]string{stays, goes}), stays, goes)
		require.Equal(t, 0, w.seen())
		w.files.Store(&[]string{stays})
		require.Equal(t, 0, w.seen(), "nothing that is watched has changed")
		w.files.Store(&[]string{stays, comes})
		require.Equal(t, 1, w.seen(), "a new one may have changed since it was read")
		require.Equal(t, 1, w.seen(), "once")
		require.NoError(t, os.WriteFile(stays, []byte("12"), 0o600))
		w.files.Store(&[]string{stays})
		require.Equal(t, 2, w.seen(), "one that stays has changed at the same time")
		w.files.Store(&[]string{comes})
		require.Equal(t, 3, w.seen(), "it was not watched meanwhile")
	})
}
