package admin

import (
	"fmt"
	"strconv"
	"time"
)

// rate tells a number of things a second.
func rate(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return count(uint64(v + 0.5))
}

// count tells a number with thin spaces between thousands.
func count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// took tells a latency in two digits.
func took(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case d == 0:
		return "–"
	case ms < 10:
		return fmt.Sprintf("%.1f\u202fms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f\u202fms", ms)
	}
	return fmt.Sprintf("%.1f\u202fs", d.Seconds())
}

// ago tells how long ago something was, coarsely: it is shown for a while.
func ago(now, then time.Time) string {
	switch d := now.Sub(then); {
	case then.IsZero():
		return ""
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d\u202fmin ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d\u202fh ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d\u202fdays ago", int(d.Hours()/24))
	}
}

// clock tells the time of day, in UTC.
func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// glyph goes with the colour of a state, for who does not see colours.
func glyph(state string) string {
	switch state {
	case "alive":
		return "●"
	case "suspect":
		return "▲"
	case "draining":
		return "◐"
	case "leaving":
		return "◌"
	}
	return "×"
}

// eventWords tell what has happened to one or several members.
func eventWords(event, cause string) string {
	words := map[string]string{
		"memberAdded": "joined", "memberUpdated": "updated", "memberSuspected": "under suspicion", "memberRecovered": "recovered",
		"memberDraining": "draining", "memberLeaving": "leaving", "memberRemoved": "removed",
		"isolated": "this balancer hears nobody", "rejoined": "this balancer hears others again",
	}[event]
	switch {
	case words == "":
		return event
	case event == "memberAdded" && cause != "joined" && cause != "":
		return cause
	case event == "memberRemoved" && cause != "":
		return cause
	case event == "memberUpdated" && cause != "":
		return words + ": " + cause
	}
	return words
}
