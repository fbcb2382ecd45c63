package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A table that is stopped keeps the rows that were finished, and says that it
// is not whole.
func TestTableKeepsEachRow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "table.md")
	p := &page{name: "short", out: file, sizes: plans["short"][:1], rows: map[string]*row{}, wanted: 2}
	holds := func(part string, times int) {
		t.Helper()
		text, err := os.ReadFile(file)
		if got := strings.Count(string(text), part); err != nil || got != times {
			t.Errorf("%q is in the page %d times, not %d (%v)", part, got, times, err)
		}
	}
	p.finished(&row{c: cases[0], n: 2, seeds: 3})
	holds("**Not finished**: 1 of 2 rows.", 1)
	holds("\n| 2 | 3 | 0 |", 1)
	p.finished(&row{c: cases[2], n: 2, seeds: 3, broken: []string{"replay"}})
	holds("Not finished", 0)
	holds("\n| 2 | 3 | 1 |", 1)
	holds("Broken: `replay`", 1)
	if !p.broken() {
		t.Error("a page with a broken row is not broken")
	}
}
