package admin

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/gotribes/tribes/examples/internal/traffic"
)

// Measures of the small graph of requests a second.
const (
	sparkWidth, sparkHeight = 240.0, 40.0
)

// A Spark is the requests of the last minute, as the path of an area, and the
// part of them that failed.
type Spark struct {
	Area, Line, Errors string
	Most               int // requests in one second
}

// spark draws a history.
func spark(history []traffic.Second) Spark {
	out := Spark{}
	for _, s := range history {
		out.Most = max(out.Most, s.Requests)
	}
	if out.Most == 0 {
		return out
	}
	step := sparkWidth / float64(len(history)-1)
	path := func(value func(traffic.Second) int) string {
		var b strings.Builder
		for i, s := range history {
			c := 'L'
			if i == 0 {
				c = 'M'
			}
			y := sparkHeight - 1 - (sparkHeight-4)*float64(value(s))/float64(out.Most)
			fmt.Fprintf(&b, "%c%.1f %.1f", c, float64(i)*step, y)
		}
		return b.String()
	}
	closed := fmt.Sprintf("L%g %gL0 %gZ", sparkWidth, sparkHeight, sparkHeight)
	out.Line = path(func(s traffic.Second) int { return s.Requests })
	out.Area = out.Line + closed
	for _, s := range history {
		if s.Errors > 0 {
			out.Errors = path(func(s traffic.Second) int { return s.Errors }) + closed
			break
		}
	}
	return out
}

// urlValues makes a query of keys and values.
func urlValues(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}
