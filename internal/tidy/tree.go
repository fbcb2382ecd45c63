package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"iter"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// module is the path of the root module; import paths below it are ours.
const module = "github.com/gotribes/tribes"

// A breach is one place that breaks one rule. Its text is a sentence that says what to change.
type breach struct {
	path string // slash-separated, from the root of the tree
	line int    // counted from 1; 0 when the whole file or folder is meant
	text string
}

// String is what a failing test prints: an editor can jump to it.
func (b breach) String() string {
	if b.line == 0 {
		return b.path + ": " + b.text
	}
	return fmt.Sprintf("%s:%d: %s", b.path, b.line, b.text)
}

// A rule returns every breach of one policy in a tree, in the order of the tree. It has no side effect.
type rule func(*tree) []breach

// A source is one parsed Go file, with its comments. Build constraints are not looked at: a rule holds for the
// files of every system.
type source struct {
	path string
	text string
	fset *token.FileSet
	file *ast.File
	// nested is the folder of the nested module that it belongs to; of the root module's files it is empty.
	nested string
}

func (s *source) dir() string    { return path.Dir(s.path) }
func (s *source) base() string   { return path.Base(s.path) }
func (s *source) isTest() bool   { return strings.HasSuffix(s.path, "_test.go") }
func (s *source) isMain() bool   { return s.file.Name.Name == "main" }
func (s *source) isPublic() bool { return publicPackages[s.dir()] }

func (s *source) line(p token.Pos) int { return s.fset.Position(p).Line }

// breach names a place in the file.
func (s *source) breach(p token.Pos, format string, args ...any) breach {
	return breach{path: s.path, line: s.line(p), text: fmt.Sprintf(format, args...)}
}

// imports yields the path of every import with its node.
func (s *source) imports() iter.Seq2[string, *ast.ImportSpec] {
	return func(yield func(string, *ast.ImportSpec) bool) {
		for _, spec := range s.file.Imports {
			// The parser has accepted the literal, so it can be unquoted.
			if p, err := strconv.Unquote(spec.Path.Value); err == nil && !yield(p, spec) {
				return
			}
		}
	}
}

// importsPath tells whether the file imports exactly this path.
func (s *source) importsPath(want string) bool {
	for p := range s.imports() {
		if p == want {
			return true
		}
	}
	return false
}

// majorVersion is the last element of an import path that is not the name of the package.
var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// selections yields every use pkg.Name of an imported package, by whatever name the file imports it. A variable
// that hides the package's name is taken for the package: do not name variables after packages that a rule looks at.
func (s *source) selections(importPath string) iter.Seq[*ast.SelectorExpr] {
	names := map[string]bool{}
	for p, spec := range s.imports() {
		switch {
		case p != importPath: // another package
		case spec.Name != nil:
			names[spec.Name.Name] = true
		case majorVersion.MatchString(path.Base(p)):
			names[path.Base(path.Dir(p))] = true
		default:
			names[path.Base(p)] = true
		}
	}
	return func(yield func(*ast.SelectorExpr) bool) {
		for n := range ast.Preorder(s.file) {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				continue
			}
			if id, ok := sel.X.(*ast.Ident); ok && names[id.Name] && !yield(sel) {
				return
			}
		}
	}
}

// A page is one Markdown file.
type page struct {
	path string
	text string
}

// A tree is what the rules look at: the Go files of the root module and of the nested ones, the Markdown files, and go.mod.
type tree struct {
	fsys    fs.FS
	sources []*source // ordered by path
	pages   []page    // ordered by path
	goMod   string
}

// load reads a tree. Left out, as the go command does: testdata, vendor, folders whose name begins with a dot or an
// underscore. Files of nested modules (folders with a go.mod of their own) are read as well, and marked. A Go file that does
// not parse is an error that names it.
func load(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys}
	text, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("the root of the module: %w", err)
	}
	t.goMod = string(text)
	nested := map[string]string{} // by folder: that of the nested module it belongs to
	err = fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p == "." {
				return nil
			}
			if name := d.Name(); name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_' {
				return fs.SkipDir
			}
			// A parent is walked before its children, so what is below a nested module knows it already.
			nested[p] = nested[path.Dir(p)]
			if _, err := fs.Stat(fsys, path.Join(p, "go.mod")); err == nil {
				nested[p] = p
			}
			return nil
		}
		return t.read(p, nested[path.Dir(p)])
	})
	return t, err
}

// read adds one file to the tree, if it is of a kind that a rule looks at.
func (t *tree) read(p, nested string) error {
	isGo := strings.HasSuffix(p, ".go")
	if !isGo && !strings.HasSuffix(p, ".md") {
		return nil
	}
	text, err := fs.ReadFile(t.fsys, p)
	if err != nil {
		return err
	}
	if !isGo {
		t.pages = append(t.pages, page{path: p, text: string(text)})
		return nil
	}
	// Objects are not resolved: the rules look at names, and a file alone could not be resolved anyway.
	s := &source{path: p, text: string(text), fset: token.NewFileSet(), nested: nested}
	s.file, err = parser.ParseFile(s.fset, p, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.sources = append(t.sources, s)
	return nil
}
