package tidy

import (
	"path"
	"slices"
	"strings"
)

// An allowance says what the files of one folder may import besides the standard library and the folder itself.
type allowance struct {
	ours   []string // folders of this module
	others []string // packages of other modules, each with what is below it
}

// What the library may use of other modules.
const (
	msgpack = "github.com/vmihailenco/msgpack/v5"
	xsync   = "golang.org/x/sync"
)

// What one example may use besides.
const (
	jks    = "github.com/pavlo-v-chernykh/keystore-go/v4"
	pkcs12 = "software.sslmate.com/src/go-pkcs12"
)

// importPolicy holds the directions between packages: what is outside depends on what is inside, never the other
// way round. THIS TABLE IS POLICY. Do not widen it to make a build pass: move the code to where it may live, or
// write a decision record that says why the direction itself was wrong.
//
// A folder that is not listed fails, so that a new package is a decision; examples are the exception, see
// isExample.
var importPolicy = map[string]allowance{
	// The overview of the module is a comment and needs nothing.
	".": {},
	// What users import, from the outside inwards. membership decodes messages where they are read, so that a
	// heartbeat costs no allocation (docs/decisions/0004).
	"membership/upstream": {ours: []string{"membership"}, others: []string{xsync}},
	"membership": {
		ours:   []string{"transport", "wka", "internal/machine", "internal/wire"},
		others: []string{xsync},
	},
	// Who asks a node from outside speaks its messages (docs/decisions/0094).
	"membership/inspect": {ours: []string{"membership", "transport", "internal/wire"}},
	"transport":          {ours: []string{"internal/wire", "internal/loglimit"}, others: []string{xsync}},
	// Groups of Java members, in the same two layers (docs/decisions/0070).
	"membership/tribes": {
		ours:   []string{"membership", "transport", "transport/tribes", "internal/javastream", "internal/loglimit"},
		others: []string{xsync},
	},
	"transport/tribes":    {ours: []string{"internal/loglimit"}, others: []string{xsync}},
	"internal/javastream": {},
	"internal/tribespeer": {ours: []string{"membership", "membership/tribes", "transport/tribes"}},
	// Leaves.
	"transport/memnet":  {},
	"wka":               {others: []string{xsync}},
	"internal/wire":     {others: []string{msgpack}},
	"internal/loglimit": {},
	// The pure protocol, and what runs many of it without sockets.
	"internal/machine": {ours: []string{"internal/wire"}},
	"internal/world":   {ours: []string{"internal/machine", "internal/wire"}},
	"internal/script":  {ours: []string{"internal/world", "internal/machine", "internal/wire"}},
	"internal/sim":     {ours: []string{"internal/world", "internal/machine", "internal/wire"}},
	// The comparison forges messages as a stranger would, who has the wire format and nothing else
	// (docs/decisions/0051).
	"internal/bench/rows": {ours: []string{"internal/wire"}},
	// Looks at the text of the others and imports none of them.
	"internal/tidy": {},
	// The keystores of those who come from Java have formats of their own (docs/decisions/0060).
	"examples/internal/keystore": {others: []string{jks, pkcs12}},
	// Tests alone, which read the files of deploy (docs/decisions/0097).
	"examples": {others: []string{"github.com/stretchr/testify/assert/yaml"}},
}

// publicPackages are the folders whose exported names are promises to users. Examples may import these.
var publicPackages = map[string]bool{
	".": true, "membership": true, "membership/upstream": true, "transport": true, "transport/memnet": true, "wka": true,
	"membership/tribes": true, "membership/inspect": true, "transport/tribes": true,
}

// inTests is what every _test.go file may import besides. Examples are written as a user would write them, so
// their tests do without what is internal.
var inTests = allowance{
	ours:   []string{"transport/memnet", "internal/script", "internal/world"},
	others: []string{"github.com/stretchr/testify/require", "go.uber.org/goleak"},
}

// checkImports: every import is one that importPolicy allows.
func checkImports(t *tree) []breach {
	var out []breach
	unknown := map[string]bool{} // folders, so that each is named once and not once a file
	for _, s := range t.sources {
		if _, ok := importPolicy[s.dir()]; !ok && !isExample(s.dir()) && s.nested == "" {
			if !unknown[s.dir()] {
				unknown[s.dir()] = true
				out = append(out, breach{path: s.dir(), text: "this package is not in the import policy; " +
					"add it to the table in internal/tidy/imports.go with a reason, or move its files"})
			}
			continue
		}
		for p, spec := range s.imports() {
			switch {
			case spec.Name != nil && spec.Name.Name == ".":
				out = append(out, s.breach(spec.Pos(), "a dot import hides where a name comes from; import %q by name", p))
			case !mayImport(s, p):
				out = append(out, s.breach(spec.Pos(), "package %s may not import %q (import policy, "+
					"internal/tidy/imports.go); move the code rather than the border", s.dir(), p))
			}
		}
	}
	return out
}

// mayImport decides about one import of one file: first what holds for every folder, then the table.
func mayImport(s *source, p string) bool {
	dir := s.dir()
	// Both sides end in a slash, so that a module whose path only begins like ours is not taken for it.
	folder, ours := strings.CutPrefix(p+"/", module+"/")
	folder = strings.TrimSuffix(folder, "/")
	if ours && folder == "" {
		folder = "." // the root package
	}
	switch {
	case p == "C":
		return false // the library builds everywhere without a C compiler
	case !ours && !strings.Contains(strings.Split(p, "/")[0], "."):
		return true // the standard library: its paths begin with a word without a dot
	case ours && folder == dir:
		return s.isTest() // an external test package imports what it tests
	case s.nested != "" && !ours:
		return true // its own go.mod says what it needs, and burdens no user of the library
	case s.nested != "":
		return mayNested(s, folder)
	case isExample(dir) && ours:
		return publicPackages[folder] || sameExample(dir, folder) || strings.HasPrefix(folder, "examples/internal/")
	}
	may := importPolicy[dir]
	if holds(may, ours, folder, p) {
		return true
	}
	return s.isTest() && holds(inTests, ours, folder, p)
}

// mayNested decides what a module in a folder of its own may import of ours: its own folders, what is public, other
// modules below contrib, as an example what all examples share, and what the table says.
func mayNested(s *source, folder string) bool {
	dir := s.dir()
	return strings.HasPrefix(folder, s.nested+"/") || publicPackages[folder] || strings.HasPrefix(folder, "contrib/") ||
		slices.Contains(importPolicy[dir].ours, folder) ||
		isExample(dir) && (sameExample(dir, folder) || strings.HasPrefix(folder, "examples/internal/"))
}

// holds tells whether an allowance names a folder of ours, or a package p of others.
func holds(a allowance, ours bool, folder, p string) bool {
	if ours {
		return slices.Contains(a.ours, folder)
	}
	return slices.ContainsFunc(a.others, func(e string) bool { return p == e || strings.HasPrefix(p, e+"/") })
}

// isExample: examples need no line in the policy; each may import the standard library, our public packages and
// the folders of the same example.
func isExample(dir string) bool { return dir == "examples" || strings.HasPrefix(dir, "examples/") }

// sameExample tells whether both folders belong to the same examples/name.
func sameExample(a, b string) bool {
	return exampleOf(a) != "" && exampleOf(a) == exampleOf(b)
}

// exampleOf returns the examples/name that a folder is or lies in, or nothing.
func exampleOf(dir string) string {
	for path.Dir(dir) != "examples" {
		if dir == "." || dir == "/" {
			return ""
		}
		dir = path.Dir(dir)
	}
	return dir
}
