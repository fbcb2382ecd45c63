package report

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/gotribes/tribes/internal/bench/rows"
	"github.com/gotribes/tribes/internal/bench/subject"
)

// A Point is one subject in the picture.
type Point struct {
	Subject string  `json:"subject"`
	Series  string  `json:"series"` // points of one series have one colour
	Pause   float64 `json:"pause"`  // longest pause survived, seconds; 0: not even the shortest that was tried
	Crash   Summary `json:"crash"`  // seconds until a crash was known to the last
}

// The picture's measures, in pixels, and its scales, in seconds. The pauses grow to the right, the time to find a crash
// upwards, both on logarithmic scales.
const (
	width, height            = 760, 460
	left, right, top, bottom = 80, 30, 60, 60
	pauseFrom, pauseTo       = 0.125, 16.0
	crashFrom, crashTo       = 0.005, 20.0
)

var seriesColours = []string{"#0b6e4f", "#b3541e", "#3b5b92"}

// Picture draws the points as SVG: down and to the right is better. It returns an error when the points of fewer than
// two series are there, as there is nothing to compare then.
func Picture(points []Point, caption string) (string, error) {
	var series []string
	colour := map[string]string{}
	for _, p := range points {
		if colour[p.Series] == "" {
			colour[p.Series] = seriesColours[len(series)%len(seriesColours)]
			series = append(series, p.Series)
		}
	}
	if len(series) < 2 {
		return "", fmt.Errorf("the picture takes points of both libraries, there are those of %v only", series)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" `+
		`font-family="sans-serif" font-size="12" role="img">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, "<title>Time to find a crash against the longest pause that is survived</title>\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="24" font-size="15">Time until all know of a crash, against the longest pause that is `+
		`survived</text>`+"\n", left)
	fmt.Fprintf(&b, `<text x="%d" y="42" fill="#555555">%s</text>`+"\n", left, html.EscapeString(caption))
	axes(&b)
	for i, p := range points {
		dot(&b, p, colour[p.Series], crowded(points[:i], p))
	}
	for i, s := range series {
		fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="5" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n",
			left+16, top+16+18*i, colour[s], left+28, top+20+18*i, html.EscapeString(s))
	}
	b.WriteString("</svg>\n")
	return b.String(), nil
}

func axes(b *strings.Builder) {
	for _, s := range []float64{0.25, 0.5, 1, 2, 4, 8} {
		x := across(s)
		fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#dddddd"/><text x="%.1f" y="%d" `+
			`text-anchor="middle">%s</text>`+"\n",
			x, top, x, height-bottom, x, height-bottom+18, seconds(s))
	}
	for _, s := range []float64{0.01, 0.03, 0.1, 0.3, 1, 3, 10} {
		y := up(s)
		fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, y, width-right, y, left-8, y+4, seconds(s))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">longest pause that a healthy process survived (longer is better)</text>`+"\n",
		(left+width-right)/2, height-bottom+42)
	fmt.Fprintf(b, `<text transform="translate(22 %d) rotate(-90)" text-anchor="middle">crash known to all (lower is `+
		`better)</text>`+"\n", (top+height-bottom)/2)
}

// crowded says that the name of a point would cover that of one that was drawn before.
func crowded(before []Point, p Point) bool {
	for _, o := range before {
		if math.Abs(across(o.Pause)-across(p.Pause)) < 70 && math.Abs(up(o.Crash.Median)-up(p.Crash.Median)) < 14 {
			return true
		}
	}
	return false
}

// dot draws a point with its name, above or below it, and the range of its time.
func dot(b *strings.Builder, p Point, colour string, below bool) {
	x, y := across(p.Pause), up(p.Crash.Median)
	fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="2"/>`+"\n", x, up(p.Crash.Min),
		x, up(p.Crash.Max), colour)
	fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="5" fill="%s"/>`+"\n", x, y, colour)
	_, name, _ := strings.Cut(p.Subject, "/")
	if name == "" {
		name = "defaults"
	}
	if below {
		y += 25
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n", x+9, y-7, colour, html.EscapeString(name))
}

// across and up place a time; what is beyond a scale stands at its end.
func across(s float64) float64 { return left + place(s, pauseFrom, pauseTo)*(width-left-right) }

func up(s float64) float64 { return height - bottom - place(s, crashFrom, crashTo)*(height-top-bottom) }

func place(v, from, to float64) float64 {
	v = min(max(v, from), to)
	return math.Log(v/from) / math.Log(to/from)
}

func seconds(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%g ms", s*1000)
	}
	return fmt.Sprintf("%g s", s)
}

// Points are the points of the picture's row: those subjects of which both figures are there.
func Points(row Row) []Point {
	out := []Point{}
	for _, p := range row.Parts {
		for _, name := range row.Subjects {
			crash, ok := row.Find(p.Size, rows.FrontierCrash, name)
			pause, also := row.Find(p.Size, rows.FrontierPause, name)
			if ok && also {
				library, _ := subject.Split(name)
				out = append(out, Point{Subject: name, Series: library, Pause: pause.Median, Crash: crash})
			}
		}
	}
	return out
}
