// Package conf is what the readers of configuration files have in common:
// places in a file, errors that name them, notes about what is not used, and
// the nearest known word to an unknown one.
package conf

import (
	"fmt"
	"strings"
)

// A Place is where something stands in a file. Lines and columns begin with 1;
// a column counts bytes. A Line of 0 is the whole file.
type Place struct {
	File         string
	Line, Column int
}

// String returns "file:line:column", or the file alone.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Short returns "file:line", or the file alone.
func (p Place) Short() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// A Problem is one thing in a file that must be changed.
type Problem struct {
	Place Place
	Text  string // what is wrong, and what was probably meant
}

// Error returns the place and the text.
func (p *Problem) Error() string { return p.Place.String() + ": " + p.Text }

// mostProblems bounds how many a reader collects: the rest tends to follow from
// the first ones.
const mostProblems = 10

// Problems is the error of a reader: at least one Problem, in the order in
// which they were found.
type Problems []*Problem

// Error returns one line for each.
func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, one := range p {
		lines = append(lines, one.Error())
	}
	return strings.Join(lines, "\n")
}

// A Note says that a setting is read and understood, but has no effect here.
type Note struct {
	Place   Place
	Setting string
	Why     string // a clause, as in "there is no autoscaler here"
}

// String returns the place, the setting and the reason in one line.
func (n Note) String() string {
	return fmt.Sprintf("%s: %s is not used: %s", n.Place, n.Setting, n.Why)
}

// A Report collects what a reader finds. The zero value is empty and ready.
type Report struct {
	Problems Problems
	Notes    []Note
}

// Bad adds a problem.
func (r *Report) Bad(at Place, format string, args ...any) {
	if len(r.Problems) < mostProblems {
		r.Problems = append(r.Problems, &Problem{at, fmt.Sprintf(format, args...)})
	}
}

// Unused adds a note. Of one setting and reason only the first is kept, so that
// each is listed once.
func (r *Report) Unused(at Place, setting, why string) {
	for _, n := range r.Notes {
		if n.Setting == setting && n.Why == why {
			return
		}
	}
	r.Notes = append(r.Notes, Note{at, setting, why})
}

// Err returns the problems, or nil if there are none.
func (r *Report) Err() error {
	if len(r.Problems) == 0 {
		return nil
	}
	return r.Problems
}
