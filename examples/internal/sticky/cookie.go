package sticky

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Values yields the values of all cookies of a name in a request, without
// allocating. A browser may well send several: of different paths.
func Values(h http.Header, name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, line := range h["Cookie"] {
			for line != "" {
				var item string
				item, line, _ = strings.Cut(line, ";")
				key, value, ok := strings.Cut(strings.Trim(item, " \t"), "=")
				if ok && key == name && !yield(strings.Trim(value, `"`)) {
					return
				}
			}
		}
	}
}

// Changes are the session cookies that an answer sets, and those that it ends.
func Changes(h http.Header, names []string) (set, ended []string) {
	for _, line := range h["Set-Cookie"] {
		key, _, _ := strings.Cut(line, "=")
		if !slices.Contains(names, strings.TrimSpace(key)) {
			continue
		}
		c, err := http.ParseSetCookie(line)
		switch {
		case err != nil || c.Value == "":
		case c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Unix(1e9, 0)):
			ended = append(ended, c.Value) // a date long gone is how servers delete a cookie
		default:
			set = append(set, c.Value)
		}
	}
	return set, ended
}
