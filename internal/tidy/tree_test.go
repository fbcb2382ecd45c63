package tidy

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// rules are all policies, by the name under which a breach is reported.
var rules = []struct {
	name  string
	check rule
}{
	{"imports", checkImports},
	{"purity", checkPurity},
	{"size", checkSize},
	{"docs", checkDocs},
	{"words", checkWords},
	{"waits", checkWaits},
	{"skips", checkSkips},
	{"module", checkModule},
	{"links", checkLinks},
}

// TestTree runs every rule over this repository, as it is on the disk.
func TestTree(t *testing.T) {
	tree, err := load(os.DirFS("../.."))
	require.NoError(t, err)
	require.NotEmpty(t, tree.sources, "a tree without Go files proves nothing")
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, b := range r.check(tree) {
				t.Error(b)
			}
		})
	}
}

// A trial is a small tree and the breaches that a rule must find in it, in order: "place | words of the sentence".
type trial struct {
	name  string
	files map[string]string
	want  []string
}

// try runs one rule over trees in memory. go.mod is added where a trial has none.
func try(t *testing.T, check rule, trials []trial) {
	t.Helper()
	for _, tr := range trials {
		t.Run(tr.name, func(t *testing.T) {
			got := check(memTree(t, tr.files))
			require.Len(t, got, len(tr.want), "%v", got)
			for i, w := range tr.want {
				place, words, _ := strings.Cut(w, " | ")
				require.True(t, strings.HasPrefix(got[i].String(), place+": "), "%q is not at %s", got[i], place)
				require.Contains(t, got[i].text, words)
			}
		})
	}
}

func memTree(t *testing.T, files map[string]string) *tree {
	t.Helper()
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module " + module + "\n")}}
	for p, text := range files {
		fsys[p] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := load(fsys)
	require.NoError(t, err)
	return tree
}

func TestLoadReadsWhatTheGoCommandBuilds(t *testing.T) {
	tree := memTree(t, map[string]string{
		"doc.go":                  "package tribes",
		"wka/list.go":             "package wka",
		"wka/testdata/bad.go":     "not Go",
		"wka/_old/old.go":         "not Go",
		".git/hook.go":            "not Go",
		"vendor/x/x.go":           "not Go",
		"internal/bench/go.mod":   "module bench",
		"internal/bench/x/x.go":   "package x",
		"internal/bench/READ.md":  "looked at",
		"internal/machine/doc.go": "package machine",
	})
	var got, nested []string
	for _, s := range tree.sources {
		got = append(got, s.path)
		if s.nested != "" {
			require.Equal(t, "internal/bench", s.nested)
			nested = append(nested, s.path)
		}
	}
	require.Equal(t, []string{"doc.go", "internal/bench/x/x.go", "internal/machine/doc.go", "wka/list.go"}, got)
	require.Equal(t, []string{"internal/bench/x/x.go"}, nested, "a module of its own, and what is below it")
	require.Len(t, tree.pages, 1)
}

func TestLoadNamesTheFileThatDoesNotParse(t *testing.T) {
	_, err := load(fstest.MapFS{"go.mod": {}, "wka/list.go": {Data: []byte("pakage wka")}})
	require.ErrorContains(t, err, "wka/list.go:1")

	_, err = load(fstest.MapFS{})
	require.ErrorContains(t, err, "go.mod")
}
