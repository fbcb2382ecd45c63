// Package report turns results into a table, and says what must not be made of them.
package report

import (
	"fmt"
	"slices"
)

// A Summary is what is said of one figure over its samples.
type Summary struct {
	Count  int     `json:"count"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Summarize returns the median and the range. Of an even number of samples the median is the mean of the two in the
// middle.
func Summarize(samples []float64) Summary {
	if len(samples) == 0 {
		return Summary{}
	}
	s := slices.Sorted(slices.Values(samples))
	middle := s[len(s)/2]
	if len(s)%2 == 0 {
		middle = (s[len(s)/2-1] + middle) / 2
	}
	return Summary{Count: len(s), Median: middle, Min: s[0], Max: s[len(s)-1]}
}

// What makes a range too wide to trust: an end of it is more than wideFactor times the median, or less than the median
// by that factor, and the ends are more than the unit's grain apart. Below the grain the machine's scheduler is
// measured, not the library.
const wideFactor = 2

// grains are the differences that mean nothing, by unit. Plain numbers and percentages of things that happened are
// exact, however far apart they are: a range of them is a finding, not noise.
var grains = map[string]float64{"s": 0.020, "B/s": 20, "/s": 1, "KB/s": 2, "KB": 8, "s/min": 0.02, "MB": 4}

// Wide says that the range is too wide for the median to be trusted.
func (s Summary) Wide(unit string) bool {
	grain, noisy := grains[unit]
	if !noisy || s.Max-s.Min <= grain {
		return false
	}
	return s.Max > wideFactor*s.Median || s.Min < s.Median/wideFactor
}

// Text tells median and range with a unit that suits them.
func (s Summary) Text(unit string) string {
	if s.Count == 0 {
		return "–"
	}
	scale, unit := scaled(s.Median, unit)
	text := figure(s.Median * scale)
	if s.Min != s.Max {
		text += fmt.Sprintf(" (%s to %s)", figure(s.Min*scale), figure(s.Max*scale))
	}
	if unit != "" {
		text += " " + unit
	}
	return text
}

// scaled turns small times into milliseconds.
func scaled(median float64, unit string) (float64, string) {
	if unit == "s" && median < 1 {
		return 1000, "ms"
	}
	return 1, unit
}

// figure writes a number with three digits, or all of a whole number.
func figure(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 100 || v <= -100:
		return fmt.Sprintf("%.0f", v)
	case v == float64(int(v)):
		return fmt.Sprintf("%d", int(v))
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
