package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/bench/rows"
)

var trial = rows.Row{ID: "1", Title: "A trial", Method: "What is done.",
	Subjects: []string{rows.Tribes, rows.LAN, rows.Quick}, Sizes: []int{5}}

// ran is a run of the trial that came to its end.
func ran(name string, seconds ...float64) rows.Result {
	r := rows.Result{Job: rows.Job{Row: "1", Subject: name, Size: 5}}
	for _, v := range seconds {
		r.Samples = append(r.Samples, rows.Sample{Measure: "told", Unit: "s", Value: v})
	}
	return r
}

// broke is one that did not, after it had got so far as to record something.
func broke(name, why string) rows.Result {
	r := ran(name, 99)
	r.Error = why
	return r
}

func TestARowIsRefusedWhoseOneSideDidNotRun(t *testing.T) {
	for why, results := range map[string][]rows.Result{
		"theirs never came to its end": {ran(rows.Tribes, 0.02), broke(rows.LAN, "no room"), broke(rows.Quick, "no room")},
		"ours never came to its end":   {broke(rows.Tribes, "no room"), ran(rows.LAN, 5)},
		"theirs was not run at all":    {ran(rows.Tribes, 0.02)},
		"nothing was run":              nil,
	} {
		p := Build(trial, results).Parts[0]
		require.NotEmpty(t, p.Refused, why)
		require.Empty(t, p.Lines, "and there are no figures: %s", why)
	}
	p := Build(trial, []rows.Result{ran(rows.Tribes, 0.02), broke(rows.LAN, "no\nroom")}).Parts[0]
	require.Contains(t, p.Refused, "no run of memberlist came to its end")
	require.Contains(t, p.Refused, "memberlist/lan: 1 of 1 runs failed: no room", "the reason is told, in one line")
	text := Report{Rows: []Row{Build(trial, []rows.Result{ran(rows.Tribes, 0.02)})}}.Markdown()
	require.Contains(t, text, "N=5 is not reported: no run of memberlist came to its end")
	require.NotContains(t, text, "20 ms", "the side that ran has no figure on the page")
}

func TestASubjectThatIsNotRunAtASizeIsNotMissed(t *testing.T) {
	r := trial
	r.Only = map[string][]int{rows.Quick: {9}}
	row := Build(r, []rows.Result{ran(rows.Tribes, 0.02), ran(rows.LAN, 5)})
	require.Empty(t, row.Parts[0].Refused)
	require.Empty(t, row.Parts[0].Notes)
	require.Contains(t, Report{Rows: []Row{row}}.Markdown(), "| 20 ms | 5 s | – |")
}

func TestFiguresOfRunsThatFailedDoNotCount(t *testing.T) {
	p := Build(trial, []rows.Result{ran(rows.Tribes, 0.02), ran(rows.LAN, 5), broke(rows.LAN, "killed"),
		broke(rows.Quick, "killed")}).Parts[0]
	require.Empty(t, p.Refused)
	require.Equal(t, Summary{Count: 1, Median: 5, Min: 5, Max: 5}, p.Lines[0].Cells[rows.LAN])
	require.NotContains(t, p.Lines[0].Cells, rows.Quick)
	require.Equal(t, []string{"memberlist/lan: 1 of 2 runs failed: killed", "memberlist/quick: 1 of 1 runs failed: killed"}, p.Notes)
}

func TestARangeThatIsTooWideIsSaid(t *testing.T) {
	row := Build(trial, []rows.Result{ran(rows.Tribes, 0.02, 0.02, 0.9), ran(rows.LAN, 5, 6, 7), ran(rows.Quick, 1)})
	require.Equal(t, []string{"too wide a range to trust the median: told of tribes"}, row.Parts[0].Notes)
	text := Report{Rows: []Row{row}}.Markdown()
	require.Contains(t, text, "| 5 | told | 20 (20 to 900) ms † | 6 (5 to 7) s | 1 s |")
	require.Contains(t, text, "- N=5: too wide a range to trust the median: told of tribes.")
}
