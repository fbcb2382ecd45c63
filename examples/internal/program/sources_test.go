package program_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/program"
)

func TestCommandLineCountsOverFiles(t *testing.T) {
	f := program.NewFlags("demo", "about")
	a, b, c := f.String("a", "one", "x"), f.Int("b", 1, "x"), f.String("c", "three", "x")
	f.Bool("check-config", false, "x")
	require.NoError(t, f.Parse([]string{"-a", "given"}, io.Discard))
	s := program.NewSources(f)
	require.NoError(t, s.Offer("a", "offered", "f:1"))
	require.NoError(t, s.Offer("b", "2", "f:2"))
	require.Equal(t, []any{"given", 2, "three"}, []any{*a, *b, *c})
	require.True(t, s.Given("a"))
	require.False(t, s.Given("b"))
	require.True(t, s.Has("b"))
	require.False(t, s.Has("c"))
	require.Equal(t, "f:2", s.From("b"))
	var out bytes.Buffer
	s.Print(&out)
	require.Equal(t, fmt.Sprintf("%-18s = %-32s # the command line\n%-18s = %-32s # f:2\n%-18s = %-32s # default\n",
		"a", "given", "b", "2", "c", "three"), out.String())
	err := s.Offer("b", "x", "f:3")
	require.ErrorContains(t, err, `f:3: "x" for -b: `)
	require.Equal(t, program.ExitUsage, program.Status("demo", err, io.Discard))
}

func TestErrorsOfFilesAreMistakes(t *testing.T) {
	require.NoError(t, program.FileError("conf", nil))
	err := program.FileError("conf", conf.Problems{{Place: conf.Place{File: "f", Line: 1, Column: 2}, Text: "bad"}})
	require.EqualError(t, err, "f:1:2: bad")
	require.Equal(t, program.ExitUsage, program.Status("demo", err, io.Discard))
	err = program.FileError("conf", errors.New("open f: no such file"))
	require.EqualError(t, err, "-conf: open f: no such file")
	require.Equal(t, program.ExitUsage, program.Status("demo", err, io.Discard))
}

func TestPortsAreShiftedWithinBounds(t *testing.T) {
	port, err := program.Shifted(9763, 5)
	require.NoError(t, err)
	require.Equal(t, 9768, port)
	_, err = program.Shifted(65535, 1)
	require.EqualError(t, err, "port 65535 and the offset 1 are 65536, more than 65535")
}

func TestChangesOfFilesAreSeen(t *testing.T) {
	dir := t.TempDir()
	file, later := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	require.NoError(t, os.WriteFile(file, []byte("1"), 0o600))
	synctest.Test(t, func(t *testing.T) {
		var changes atomic.Int32
		list := []string{file, later}
		go program.Watch(t.Context(), time.Second, program.LookAt(list), func() []string { return list }, func() { changes.Add(1) })
		seen := func() int {
			time.Sleep(2500 * time.Millisecond) // between two looks
			synctest.Wait()
			return int(changes.Load())
		}
		require.Equal(t, 0, seen())
		require.NoError(t, os.WriteFile(file, []byte("12"), 0o600))
		require.Equal(t, 1, seen())
		require.NoError(t, os.WriteFile(later, nil, 0o600))
		require.Equal(t, 2, seen(), "one that was not there")
		require.NoError(t, os.Rename(later, file))
		require.Equal(t, 3, seen())
		require.Equal(t, 3, seen(), "nothing has changed since")
	})
}
