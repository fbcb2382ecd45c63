package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/network"
	"github.com/gotribes/tribes/internal/bench/report"
	"github.com/gotribes/tribes/internal/bench/rows"
)

// TestMain lets the test's own program be the child processes.
func TestMain(m *testing.M) {
	fleet.Serve()
	if len(os.Args) > 1 && os.Args[1] == "job" {
		if err := run(context.Background(), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// small is a row of both libraries, cut down to three nodes, once.
func small(t *testing.T, id string, subjects ...string) rows.Row {
	t.Helper()
	r, ok := rows.Find(id)
	require.True(t, ok)
	r.Subjects, r.Sizes, r.Repeats = subjects, []int{3}, 1
	return r
}

func TestBothLibrariesReallyRun(t *testing.T) {
	s := &schedule{network: network.Available(), progress: io.Discard, seed: 3, rows: []rows.Row{small(t, "1", rows.Tribes, rows.Quick)}}
	dir := t.TempDir()
	out := outputs{json: filepath.Join(dir, "out.json"), md: filepath.Join(dir, "page.md")}
	require.NoError(t, s.make(t.Context(), out))

	var got struct{ report.Report }
	text, err := os.ReadFile(out.json)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &got))
	require.Len(t, got.Rows, 1)
	for _, name := range []string{rows.Tribes, rows.Quick} {
		told, ok := got.Rows[0].Find(3, "last survivor told", name)
		require.True(t, ok, "%s has a figure", name)
		require.GreaterOrEqual(t, told.Count, 2, "two are killed, one after the other, and more where that is quick")
		require.LessOrEqual(t, told.Count, 8)
		require.Greater(t, told.Min, 0.0)
		require.Less(t, told.Max, 30.0, "%s", name)
		missing, _ := got.Rows[0].Find(3, "survivors not told", name)
		require.Zero(t, missing.Max, "all survivors of %s were told", name)
	}
	require.Equal(t, "v0.7.0", got.Header.Memberlist)
	page, err := os.ReadFile(out.md)
	require.NoError(t, err)
	require.Contains(t, string(page), "| 3 | last survivor told |")
}

func TestARowWithoutTheOtherSideFails(t *testing.T) {
	s := &schedule{network: network.Available(), progress: io.Discard, rows: []rows.Row{small(t, "11", rows.Tribes, "memberlist/nothing")}}
	s.rows[0].Sizes = []int{2}
	page := filepath.Join(t.TempDir(), "page.md")
	require.ErrorContains(t, s.make(t.Context(), outputs{md: page}), "one side did not run")
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(text), `memberlist has no profile "nothing"`, "the page says why")
	require.NotContains(t, string(text), "the call returns", "and has no figures of the side that ran")
}

func TestSubjectsAlternate(t *testing.T) {
	r := rows.Row{ID: "x", Subjects: []string{"a", "b", "c"}, Sizes: []int{5, 9}, Repeats: 2}
	var got []string
	for _, j := range (&schedule{}).jobs(r) {
		got = append(got, fmt.Sprintf("%d %d %s", j.Repeat, j.Size, j.Subject))
	}
	require.Equal(t, []string{"0 5 a", "0 5 b", "0 5 c", "0 9 a", "0 9 b", "0 9 c", "1 5 b", "1 5 c", "1 5 a", "1 9 b",
		"1 9 c", "1 9 a"}, got)
	require.Len(t, (&schedule{repeats: 5}).jobs(r), 30, "-repeats counts instead of the row's own")

	r.Only = map[string][]int{"b": {9}}
	got = got[:0]
	for _, j := range (&schedule{repeats: 1}).jobs(r) {
		got = append(got, fmt.Sprintf("%d %s", j.Size, j.Subject))
	}
	require.Equal(t, []string{"5 a", "5 c", "9 a", "9 b", "9 c"}, got, "b has a size of its own")

	r.Often = map[int]int{9: 3}
	count := map[int]int{}
	for _, j := range (&schedule{}).jobs(r) {
		count[j.Size]++
	}
	require.Equal(t, map[int]int{5: 4, 9: 9}, count, "one size is measured more often")
	require.Len(t, (&schedule{repeats: 1}).jobs(r), 5)
}

func TestChoosingRows(t *testing.T) {
	ids := func(only string) []string {
		chosen, err := choose(only)
		require.NoError(t, err)
		var out []string
		for _, r := range chosen {
			out = append(out, r.ID)
		}
		return out
	}
	require.Equal(t, []string{"1", "14", "14b"}, ids("1,14"), "a number stands for all its parts")
	require.Equal(t, []string{"13b", "frontier"}, ids("13b,frontier"))
	require.Len(t, ids(""), len(rows.All())+1, "all, and the picture")
	_, err := choose("1,17")
	require.ErrorContains(t, err, `there is no row "17"`)
}

func TestAnInterruptedRunWritesNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	page := filepath.Join(t.TempDir(), "page.md")
	s := &schedule{network: network.Available(), progress: io.Discard, rows: []rows.Row{small(t, "1", rows.Tribes, rows.LAN)}}
	require.ErrorContains(t, s.make(ctx, outputs{md: page}), "interrupted, nothing is written")
	require.NoFileExists(t, page)
}

func TestJobsThatShareANetworkRunOneByOne(t *testing.T) {
	require.Equal(t, 6, (&schedule{alongside: 6}).places())
	require.Equal(t, 1, (&schedule{alongside: 6, network: errors.New("none")}).places(), "they would meet each other's ports")
}

func TestARowThatNeedsANetworkIsLeftOutWithTheReason(t *testing.T) {
	s := &schedule{network: errors.New("nftables is not installed"), progress: io.Discard,
		rows: []rows.Row{small(t, "3", rows.Tribes, rows.LAN)}}
	page := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, s.make(t.Context(), outputs{md: page}))
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(text), "Not run: nftables is not installed.")
}

func TestTheCommandIsToldWithoutItsJSON(t *testing.T) {
	require.Equal(t, []string{"table", "-rows", "1", "-md", "page"}, telling([]string{"table", "-rows", "1", "-json",
		"x.json", "-md", "page"}))
	require.Equal(t, []string{"table", "-md=page"}, telling([]string{"table", "--json=x.json", "-md=page", "-json"}))
}
