package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/bench/rows"
)

func TestPicture(t *testing.T) {
	points := []Point{
		{Subject: "tribes/drop=1s", Series: "tribes", Pause: 0.5, Crash: Summary{Count: 3, Median: 0.03, Min: 0.02, Max: 0.04}},
		{Subject: "tribes", Series: "tribes", Pause: 2, Crash: Summary{Count: 3, Median: 0.03, Min: 0.02, Max: 0.04}},
		{Subject: "memberlist/<lan>", Series: "memberlist", Pause: 4, Crash: Summary{Count: 3, Median: 6, Min: 5, Max: 8}},
	}
	text, err := Picture(points, "a & b")
	require.NoError(t, err)
	dots, words := parseSVG(t, text)
	require.Len(t, dots, 5, "a dot a point, and one a series in the legend")
	require.Less(t, dots[0].x, dots[1].x, "a longer pause is further right")
	require.Less(t, dots[1].x, dots[2].x)
	require.InDelta(t, dots[0].y, dots[1].y, 0.01, "equal times are equally high")
	require.Less(t, dots[2].y, dots[1].y, "a longer time is higher up, where y is smaller")
	for _, d := range dots {
		require.True(t, d.x > 0 && d.x < width && d.y > 0 && d.y < height, "inside the picture: %v", d)
	}
	for _, want := range []string{"drop=1s", "defaults", "<lan>", "a & b", "tribes", "memberlist"} {
		require.Contains(t, words, want)
	}
}

func TestWhatIsBeyondAScaleStandsAtItsEnd(t *testing.T) {
	require.Equal(t, across(pauseFrom), across(0), "who survived no pause at all")
	require.Equal(t, up(crashTo), up(1000))
	require.InDelta(t, left, across(pauseFrom), 0.01)
	require.InDelta(t, top, up(crashTo), 0.01)
}

func TestAPictureOfOneLibraryIsRefused(t *testing.T) {
	_, err := Picture([]Point{{Subject: "tribes", Series: "tribes", Pause: 2}}, "")
	require.ErrorContains(t, err, "points of both libraries")
}

func TestPointsNeedBothFigures(t *testing.T) {
	row, _ := rows.Find("frontier")
	result := func(name string, samples ...rows.Sample) rows.Result {
		return rows.Result{Job: rows.Job{Subject: name, Size: 10}, Samples: samples}
	}
	crash, pause := rows.Sample{Measure: rows.FrontierCrash, Unit: "s", Value: 5},
		rows.Sample{Measure: rows.FrontierPause, Unit: "s", Value: 3}
	got := Points(Build(row, []rows.Result{result(rows.Tribes, crash, pause), result(rows.LAN, crash), result(rows.Local, pause, crash)}))
	require.Len(t, got, 2)
	require.Equal(t, Point{Subject: rows.Tribes, Series: "tribes", Pause: 3, Crash: Summarize([]float64{5})}, got[0])
	require.Equal(t, "memberlist/local", got[1].Subject)
}

type spot struct{ x, y float64 }

// parseSVG reads the picture as XML: the places of its circles, and all its texts.
func parseSVG(t *testing.T, text string) (dots []spot, words string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return dots, words
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.CharData:
			words += string(token) + "\n"
		case xml.StartElement:
			if token.Name.Local != "circle" {
				continue
			}
			var s spot
			for _, a := range token.Attr {
				switch a.Name.Local {
				case "cx":
					s.x, err = strconv.ParseFloat(a.Value, 64)
				case "cy":
					s.y, err = strconv.ParseFloat(a.Value, 64)
				}
				require.NoError(t, err)
			}
			dots = append(dots, s)
		}
	}
}
