package tidy

import (
	"fmt"
	"slices"
	"strings"
)

// directModules are the modules that go.mod requires directly: all of them, and no other. They are policy, like the
// import table: every user of the library gets them too. The value says who imports the module.
var directModules = map[string]string{
	msgpack:                       "the library",
	xsync:                         "the library",
	"github.com/stretchr/testify": "tests",
	"go.uber.org/goleak":          "tests",
	jks:                           "examples",
	pkcs12:                        "examples",
}

// checkModule: the direct requirements of go.mod are exactly directModules and each is really imported, by library
// code where the table says so. `replace` and `exclude` are refused, since they do not reach users. `tool` may be
// used: what a tool needs is marked indirect and not built by users.
func checkModule(t *tree) []breach {
	var out []breach
	direct := map[string]bool{}
	block := "" // the directive of the bracket that is open
	for i, l := range strings.Split(t.goMod, "\n") {
		code, comment, _ := strings.Cut(l, "//")
		words := strings.Fields(code)
		switch {
		case len(words) == 0:
			continue
		case words[0] == ")":
			block = ""
			continue
		case len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case block != "":
			words = append([]string{block}, words...)
		}
		// words is now one directive on one line, whichever way it was written.
		bad := ""
		switch {
		case words[0] == "replace" || words[0] == "exclude":
			bad = fmt.Sprintf("a %s directive does not reach users of the module; remove it", words[0])
		case words[0] == "module" && words[1] != module:
			bad = fmt.Sprintf("the module is %s, not %s", module, words[1])
		case words[0] != "require" || strings.HasPrefix(strings.TrimSpace(comment), "indirect"):
		case directModules[words[1]] == "":
			bad = fmt.Sprintf("%s is not one of the modules that the project uses (internal/tidy/module.go)", words[1])
		default:
			direct[words[1]] = true
		}
		if bad != "" {
			out = append(out, breach{"go.mod", i + 1, bad})
		}
	}
	return append(out, unusedModules(t, direct)...)
}

// unusedModules compares the table with go.mod and with what is really imported.
func unusedModules(t *tree, direct map[string]bool) []breach {
	var out []breach
	var names []string
	for m := range directModules {
		names = append(names, m)
	}
	slices.Sort(names) // so that the same breaches come in the same order
	for _, m := range names {
		if !imported(t, m, directModules[m] == "tests") {
			out = append(out, breach{path: "go.mod", text: fmt.Sprintf("%s is to be imported by %s, but is not; "+
				"a module that nobody imports is a burden", m, directModules[m])})
		}
		if !direct[m] {
			out = append(out, breach{path: "go.mod", text: fmt.Sprintf("%s is not required directly; run go mod tidy", m)})
		}
	}
	return out
}

// imported tells whether a package of the module is imported: by any file, or only by those that are not tests.
func imported(t *tree, m string, tests bool) bool {
	for _, s := range t.sources {
		if s.nested != "" {
			continue // what it imports is in its own go.mod
		}
		for p := range s.imports() {
			if (p == m || strings.HasPrefix(p, m+"/")) && (tests || !s.isTest()) {
				return true
			}
		}
	}
	return false
}
