package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The point of this example is how little it takes.
func TestShorterThanFortyLines(t *testing.T) {
	b, err := os.ReadFile("main.go")
	require.NoError(t, err)
	require.Less(t, strings.Count(string(b), "\n"), 40)
}
