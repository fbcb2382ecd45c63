// Package tenants reads the file that gives tenants their numbers: lines of a
// name and a number, with # for comments.
//
//	gold.example.test  7
package tenants

import (
	"strconv"
	"strings"

	"github.com/gotribes/tribes/examples/internal/conf"
)

// mostName bounds the bytes of a name.
const mostName = 255

// A Map gives the numbers of tenants by their names in lower case. It is not
// changed once it was read. Nil is one without any.
type Map map[string]int

// ID returns the number of a tenant, or 0 for one that is not known. The case
// of ASCII letters does not matter. It allocates nothing.
func (m Map) ID(name string) int {
	if len(m) == 0 || len(name) > mostName {
		return 0
	}
	var buf [mostName]byte
	return m[string(Lower(buf[:0], name))]
}

// Lower appends s to buf with its ASCII letters in lower case.
func Lower(buf []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf = append(buf, c)
	}
	return buf
}

// Read reads a file from the disk, see Parse.
func Read(file string) (Map, error) {
	data, err := conf.Read(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, data)
}

// Parse reads the text of a file. The error is a conf.Problems.
func Parse(file string, data []byte) (Map, error) {
	text, err := conf.Text(file, data)
	if err != nil {
		return nil, err
	}
	var report conf.Report
	out := Map{}
	lines := map[string]int{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		at := conf.Place{File: file, Line: number, Column: 1 + strings.Index(line, words[0])}
		if len(words) != 2 {
			report.Bad(at, "want \"name number\", not %d words", len(words))
			continue
		}
		name := string(Lower(nil, words[0]))
		id, err := strconv.Atoi(words[1])
		switch {
		case len(name) > mostName:
			report.Bad(at, "the name has more than %d bytes", mostName)
		case err != nil || id < 1:
			report.Bad(at, "tenant %s: number %q: want a whole number from 1 on", name, words[1])
		case lines[name] > 0:
			report.Bad(at, "tenant %s is there twice; the first time at line %d", name, lines[name])
		default:
			out[name], lines[name] = id, number
		}
	}
	return out, report.Err()
}
