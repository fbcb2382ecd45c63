package transport

import (
	"fmt"
	"strings"
	"unicode"
)

// name returns the name of the n-th value of an enumeration that starts at 1,
// "kind(n)" for one that has no name here.
func name(kind string, n uint8, names ...string) string {
	if n >= 1 && int(n) <= len(names) {
		return names[n-1]
	}
	return fmt.Sprintf("%s(%d)", kind, n)
}

// printable replaces what a terminal or a log would act upon in text that came
// from somebody not yet trusted.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
