package tidy

import (
	"fmt"
	"go/ast"
	"regexp"
	"strings"
)

// A word that the project does not use, and the one that it uses instead. Only words without a second, honest
// meaning are here: "packet", "namespace" or "keepalive" may be right in a sentence about something else.
type word struct {
	bad     *regexp.Regexp
	instead string
}

// badWords are matched without regard to case, and within names where a hyphen or space would be left out.
var badWords = []word{
	{regexp.MustCompile(`(?i)zombie`), "failed, or replaced"},
	{regexp.MustCompile(`(?i)\bdead[ -]?(member|node|peer)`), "failed"},
	{regexp.MustCompile(`(?i)\bbootstrap[ -]?(server|node|address|host)`), "well-known address"},
	{regexp.MustCompile(`(?i)\bseed[ -]?(server|node|address|host)`), "well-known address"},
	{regexp.MustCompile(`(?i)\bexternal[ -]?addr`), "advertised address"},
}

// badEndings say nothing about what a type is.
var badEndings = []string{"Base", "Handler", "Impl", "Service", "Util", "Utils"}

// checkWords: Go files (names, comments and texts) and Markdown use the words of the project. The rows of a
// Markdown table one of whose columns is headed "do not use" are left out, and so is this package, which has to
// name the words.
func checkWords(t *tree) []breach {
	var out []breach
	for _, s := range t.sources {
		if s.dir() == "internal/tidy" {
			continue
		}
		out = append(out, wordsIn(s.path, s.text)...)
		for n := range ast.Preorder(s.file) {
			spec, ok := n.(*ast.TypeSpec)
			for _, end := range badEndings {
				if ok && strings.HasSuffix(spec.Name.Name, end) {
					out = append(out, s.breach(n.Pos(), "type %s: %q says nothing about what it is; name the thing", spec.Name.Name, end))
				}
			}
		}
	}
	for _, p := range t.pages {
		out = append(out, wordsIn(p.path, p.text)...)
	}
	return out
}

// wordsIn looks at the lines of one file. A Markdown table begins with the first line that begins with a bar and
// ends with the first that does not.
func wordsIn(path, text string) []breach {
	var out []breach
	inTable, exempt := false, false
	markdown := strings.HasSuffix(path, ".md")
	for i, l := range strings.Split(text, "\n") {
		row := markdown && strings.HasPrefix(strings.TrimSpace(l), "|")
		if row && !inTable {
			exempt = strings.Contains(strings.ToLower(l), "do not use")
		}
		if inTable = row; row && exempt {
			continue
		}
		for _, w := range badWords {
			if hit := w.bad.FindString(l); hit != "" {
				out = append(out, breach{path, i + 1, fmt.Sprintf("%q is not a word of this project; say %s", hit, w.instead)})
			}
		}
	}
	return out
}
