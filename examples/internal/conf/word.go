package conf

import "fmt"

// nearest returns the candidate that a misspelt word was probably meant to be,
// or "" if none is near: at most a third of its letters may differ.
func nearest(word string, candidates []string) string {
	best, least := "", 0
	for _, c := range candidates {
		d := distance(word, c)
		if d <= max(1, len(c)/3) && (best == "" || d < least) {
			best, least = c, d
		}
	}
	return best
}

// Unknown makes the text for a word that is not one of the candidates; what
// says what kind of word it is.
func Unknown(what, word string, candidates []string) string {
	if len(word) > 64 {
		word = word[:64] + "…"
	}
	if near := nearest(word, candidates); near != "" {
		return fmt.Sprintf("unknown %s %q; did you mean %q?", what, word, near)
	}
	return fmt.Sprintf("unknown %s %q", what, word)
}

// distance counts the single letters to add, drop or change that lead from a to
// b. Words that differ much in length are simply far.
func distance(a, b string) int {
	if len(a) > 2*len(b)+4 || len(b) > 2*len(a)+4 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, before+1, row[j]+1)
		}
	}
	return row[len(b)]
}
