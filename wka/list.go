package wka

import (
	"errors"
	"fmt"
	"strings"
)

// MaxEntries is how many entries a List may have.
const MaxEntries = 4096

// List holds well-known addresses as they are configured: "host:port",
// "srv+name" or "file:path", see the package comment. An empty List is valid
// and means that a node waits to be found. A List can be read concurrently.
type List []string

// Parse checks every entry and gives them in the same order, duplicates
// included. If any is wrong it returns no entries, and the errors of all that
// are, joined; each is an [*AddressError].
func (l List) Parse() ([]Entry, error) {
	if len(l) > MaxEntries {
		return nil, fmt.Errorf("%d well-known addresses; at most %d are allowed: name a DNS name or a file instead", len(l), MaxEntries)
	}
	entries := make([]Entry, 0, len(l))
	var wrong problems
	for i, value := range l {
		entry, problem := parseEntry(value)
		if problem != "" {
			wrong.add(&AddressError{Index: i, Value: value, Problem: problem})
			continue
		}
		entries = append(entries, entry)
	}
	if err := wrong.join(); err != nil {
		return nil, err
	}
	return entries, nil
}

// AddressError says what is wrong with one entry of a List.
type AddressError struct {
	Index   int    // its index in the List, from 0
	Value   string // the entry as it was configured
	Problem string // what is wrong and what is wanted
}

// Error names the index, the value and the problem.
func (e *AddressError) Error() string {
	return fmt.Sprintf("well-known address %d %s: %s", e.Index, quote(e.Value), e.Problem)
}

// maxProblems is how many errors are told in full; who has a thousand wrong
// lines needs only the first few to see why.
const maxProblems = 8

// problems collects errors, of which it keeps the first few.
type problems struct {
	told []error
	more int
}

func (p *problems) add(err error) {
	switch {
	case err == nil:
	case len(p.told) < maxProblems:
		p.told = append(p.told, err)
	default:
		p.more++
	}
}

// join gives nil if there were none.
func (p *problems) join() error {
	if p.more > 0 {
		return errors.Join(append(p.told[:len(p.told):len(p.told)], fmt.Errorf("and %d more errors like these", p.more))...)
	}
	return errors.Join(p.told...)
}

// quote makes a value fit for an error message, however long it is.
func quote(value string) string {
	const longest = 200
	if len(value) > longest {
		value = strings.ToValidUTF8(value[:longest], "") + "…"
	}
	return fmt.Sprintf("%q", value)
}
