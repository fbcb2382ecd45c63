package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A table that is stopped keeps the rows that were finished, and says that it
// is not whole.
func TestTableKeepsEachRow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "table.md")
	p := &page{name: "short", out: file, sizes: plans["short"][:1], rows: map[string]*row{}, wanted: 2}
	read := func() string {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(text)
	}
	p.finished(&row{c: cases[0], n: 2, seeds: 3})
	assert.Contains(t, read(), "**Not finished**: 1 of 2 rows.")
	assert.Equal(t, 1, strings.Count(read(), "\n| 2 | 3 | 0 |"))
	p.finished(&row{c: cases[2], n: 2, seeds: 3, broken: []string{"replay"}})
	assert.NotContains(t, read(), "Not finished")
	assert.Equal(t, 1, strings.Count(read(), "\n| 2 | 3 | 1 |"))
	assert.Contains(t, read(), "Broken: `replay`")
	assert.True(t, p.broken())
}
