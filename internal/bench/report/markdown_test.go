package report

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/bench/rows"
)

func TestTable(t *testing.T) {
	r := Report{
		Header: Header{Command: "go run . table -rows 1", Commit: "abc", Memberlist: "v0.7.0", Go: "go1",
			Machine: "2 processors", Begun: "then",
			Took: "1m0s", Load: "0.1; 2.0", Seed: 7},
		Rows: []Row{
			Build(trial, []rows.Result{ran(rows.Tribes, 0.02), ran(rows.LAN, 5, 7), ran(rows.Quick, 1)}),
			{ID: "3", Title: "Another", Method: "Done so.", Skipped: "nftables is not installed"},
		},
	}
	text := r.Markdown()
	for _, want := range []string{
		"| command | `go run . table -rows 1` |\n| commit | abc |\n| memberlist | v0.7.0 |\n| Go | go1 |\n| machine | 2 processors |\n",
		"| begun, took | then, 1m0s |\n| load average before and after | 0.1; 2.0 |\n| seed | 7 |\n",
		"### 1. A trial\n\nWhat is done.\n\n| N | | tribes | memberlist/lan | memberlist/quick " +
			"|\n|---|---|---|---|---|\n| 5 | told | 20 ms | 6 (5 to 7) s | 1 s |\n",
		"### 3. Another\n\nDone so.\n\nNot run: nftables is not installed.\n",
	} {
		require.Contains(t, text, want)
	}
}

func TestThePageAroundTheTableStays(t *testing.T) {
	page := "# Title\n\nBefore.\n\n" + Begin + "\nold\n" + End + "\n\nAfter.\n"
	once, err := Replace(page, "| new |")
	require.NoError(t, err)
	require.Equal(t, "# Title\n\nBefore.\n\n"+Begin+"\n\n| new |\n\n"+End+"\n\nAfter.\n", once)
	again, err := Replace(once, "| new |")
	require.NoError(t, err)
	require.Equal(t, once, again, "a second run with the same figures changes nothing")
	fresh, err := Replace("", "| new |")
	require.NoError(t, err)
	require.Equal(t, Begin+"\n\n| new |\n\n"+End+"\n", fresh)
	_, err = Replace("# Title\n\nprose alone\n", "| new |")
	require.ErrorContains(t, err, "has no place for the report", "prose is not written over")
	_, err = Replace(End+"\n"+Begin, "| new |")
	require.Error(t, err, "marks the wrong way round")
}

func TestTargets(t *testing.T) {
	killed := rows.Row{ID: "1", Subjects: []string{rows.Tribes, rows.LAN, rows.Quick}, Sizes: []int{60}}
	result := func(name string, v float64) rows.Result {
		return rows.Result{Job: rows.Job{Row: "1", Subject: name, Size: 60},
			Samples: []rows.Sample{{Measure: "last survivor told", Unit: "s", Value: v}}}
	}
	r := Report{Rows: []Row{Build(killed, []rows.Result{result(rows.Tribes, 0.1), result(rows.LAN, 9), result(rows.Quick, 1.5)})}}
	r.Aim()
	require.Len(t, r.Targets, 3, "targets of other rows are left out")
	require.Equal(t, []bool{false, true, true}, []bool{r.Targets[0].Met, r.Targets[1].Met, r.Targets[2].Met}, "90 times, 15 times, 100 ms")
	require.Contains(t, r.Markdown(), "| 1 | N=60: killed: ≥ 100 times sooner than lan | 90 times | **missed** |")
	r = Report{Rows: []Row{Build(killed, []rows.Result{result(rows.Tribes, 0.1)})}}
	r.Aim()
	require.False(t, r.Targets[2].Known, "a row that is refused meets no target")
	require.Contains(t, r.Markdown(), "| – | not known |")
}

func TestTargetsNameRowsAndProfilesThatExist(t *testing.T) {
	for _, a := range aims {
		row, ok := rows.Find(a.row)
		require.True(t, ok, a.row)
		require.Contains(t, row.Sizes, a.size, a.row)
		require.Contains(t, row.Subjects, rows.Tribes)
		require.Contains(t, row.Subjects, cmp.Or(a.ours, rows.Tribes), a.row)
		if a.against != "" {
			require.Contains(t, row.Subjects, a.against, a.row)
		}
	}
}
