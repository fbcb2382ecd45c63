package script

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "replace the output in transcripts by what is printed now")

// Run runs every transcript that the pattern names, each as a subtest. A
// pattern without files fails, as does a story during which the world saw
// what must never be (two members at one address, a gap in view numbers).
func Run(t *testing.T, pattern string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcript matches %s (%v)", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runFile(t, file) })
	}
}

func runFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	s := newStage()
	for i := range blocks {
		b := &blocks[i]
		got, err := s.play(b.commands)
		if err != nil {
			t.Fatalf("%s:%d: %v", file, b.line, err)
		}
		for _, u := range s.unmet {
			t.Errorf("%s:%d: %s", file, b.line, u)
		}
		if got != b.output && !*rewrite {
			t.Errorf("%s:%d: this is not what the transcript holds\n%s", file, b.line, compare(b.output, got))
		}
		b.output = got
	}
	for _, f := range s.findings() {
		t.Errorf("%s: must never be: %s", file, f)
	}
	if again := format(blocks); *rewrite && again != string(text) {
		if err := os.WriteFile(file, []byte(again), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// compare shows which lines are missing and which are new.
func compare(want, got string) string {
	var out strings.Builder
	w, g := strings.Split(strings.TrimSuffix(want, "\n"), "\n"), strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	for len(w) > 0 || len(g) > 0 {
		switch {
		case len(w) > 0 && len(g) > 0 && w[0] == g[0]:
			out.WriteString("    " + w[0] + "\n")
			w, g = w[1:], g[1:]
		case len(w) > 0 && (len(g) == 0 || !slices.Contains(g, w[0])):
			out.WriteString("  - " + w[0] + "\n")
			w = w[1:]
		case len(g) > 0:
			out.WriteString("  + " + g[0] + "\n")
			g = g[1:]
		}
	}
	return out.String()
}
