package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMedianAndRange(t *testing.T) {
	require.Equal(t, Summary{}, Summarize(nil), "no samples, no figures")
	require.Equal(t, Summary{Count: 1, Median: 4, Min: 4, Max: 4}, Summarize([]float64{4}))
	require.Equal(t, Summary{Count: 3, Median: 2, Min: 1, Max: 9}, Summarize([]float64{9, 1, 2}), "of an odd number, the one in the middle")
	require.Equal(t, Summary{Count: 4, Median: 3, Min: 1, Max: 9}, Summarize([]float64{9, 2, 4, 1}),
		"of an even number, between the two in the middle")
	samples := []float64{3, 1, 2}
	Summarize(samples)
	require.Equal(t, []float64{3, 1, 2}, samples, "the samples stay as they were")
}

func TestRangesThatAreTooWideToTrust(t *testing.T) {
	for _, c := range []struct {
		why     string
		unit    string
		samples []float64
		wide    bool
	}{
		{"one sample has no range", "s", []float64{5}, false},
		{"twice the median is still trusted", "s", []float64{1, 1, 2}, false},
		{"more than twice is not", "s", []float64{1, 1, 2.1}, true},
		{"nor is less than half", "s", []float64{0.4, 1, 1}, true},
		{"some milliseconds are the scheduler's", "s", []float64{0.002, 0.004, 0.021}, false},
		{"beyond its grain they are not", "s", []float64{0.002, 0.004, 0.030}, true},
		{"numbers of things are exact", "", []float64{0, 0, 9}, false},
		{"shares of things too", "%", []float64{0, 100, 100}, false},
	} {
		require.Equal(t, c.wide, Summarize(c.samples).Wide(c.unit), c.why)
	}
}

func TestFiguresInWords(t *testing.T) {
	require.Equal(t, "–", Summary{}.Text("s"), "a figure that is not there is a dash, not 0")
	require.Equal(t, "21.5 (20 to 24) ms", Summarize([]float64{0.0215, 0.020, 0.024}).Text("s"), "times under a second are in milliseconds")
	require.Equal(t, "6.78 s", Summarize([]float64{6.776}).Text("s"))
	require.Equal(t, "0 (0 to 9)", Summarize([]float64{0, 0, 9}).Text(""))
	require.Equal(t, "171 B/s", Summarize([]float64{171.4}).Text("B/s"))
	require.Equal(t, "0.039 s/min", Summarize([]float64{0.039}).Text("s/min"))
}
