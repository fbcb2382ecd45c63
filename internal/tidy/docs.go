package tidy

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// checkDocs: every package has a package comment, in public packages it stands in doc.go, and every exported name
// of a public package is documented.
func checkDocs(t *tree) []breach {
	var out []breach
	for _, s := range t.sources {
		if s.isPublic() && !s.isTest() {
			out = append(out, bareNames(s)...)
		}
	}
	return append(out, packageComments(t)...)
}

// packageComments looks at whole folders: one file of each has the comment. For a command, whose package is main,
// any text will do; elsewhere it begins with "Package name", as go doc expects.
func packageComments(t *tree) []breach {
	var out []breach
	var dirs []string // in the order of the tree
	documented := map[string]bool{}
	for _, s := range t.sources {
		if s.isTest() {
			continue
		}
		if !slices.Contains(dirs, s.dir()) {
			dirs = append(dirs, s.dir())
		}
		// Several files may have a comment; go doc would join them, so each must be sound.
		if s.file.Doc == nil {
			continue
		}
		begins := strings.HasPrefix(s.file.Doc.Text(), "Package "+s.file.Name.Name+" ")
		switch {
		case !begins && !s.isMain():
			out = append(out, s.breach(s.file.Package, "the package comment does not begin with \"Package %s \"", s.file.Name.Name))
		case s.isPublic() && s.base() != "doc.go":
			out = append(out, s.breach(s.file.Package, "the package comment of a public package stands in doc.go; move it there"))
		default:
			documented[s.dir()] = true
		}
	}
	for _, d := range dirs {
		if !documented[d] {
			where := "one of its files"
			if publicPackages[d] {
				where = path.Join(d, "doc.go")
			}
			out = append(out, breach{path: d, text: "the package has no package comment; write one in " + where})
		}
	}
	return out
}

// bareNames finds exported names without a doc comment that begins with the name ("A", "An" and "The" may stand
// before it). Within a bracketed const or var group a comment at the end of the line will do. Fields and methods of
// interfaces need a comment above or behind, or follow one that has it without an empty line between.
func bareNames(s *source) []breach {
	var out []breach
	// need asks for a comment that begins with one of the names, if one of them is exported.
	need := func(n ast.Node, doc *ast.CommentGroup, names ...string) {
		if !slices.ContainsFunc(names, ast.IsExported) {
			return
		}
		if doc == nil || !slices.ContainsFunc(names, func(n string) bool { return beginsWith(doc.Text(), n) }) {
			out = append(out, s.breach(n.Pos(), "%s is exported but has no doc comment that begins with its name",
				strings.Join(names, ", ")))
		}
	}
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			// A method that only an unexported type has is not seen in go doc.
			if d.Recv == nil || ast.IsExported(receiver(d)) {
				need(d, d.Doc, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				doc, behind := docOf(d, spec)
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					need(spec, doc, spec.Name.Name)
					if spec.Name.IsExported() {
						out = append(out, bareFields(s, spec)...)
					}
				case *ast.ValueSpec:
					if !behind {
						need(spec, doc, identNames(spec.Names)...)
					}
				}
			}
		}
	}
	return out
}

// docOf returns the comment of one spec, and whether a value in a group has one behind it instead.
func docOf(d *ast.GenDecl, spec ast.Spec) (doc *ast.CommentGroup, behind bool) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		doc = spec.Doc
	case *ast.ValueSpec:
		doc = spec.Doc
		behind = d.Lparen.IsValid() && doc == nil && spec.Comment != nil
	}
	if doc == nil && d.Lparen == token.NoPos {
		doc = d.Doc
	}
	return doc, behind
}

// bareFields finds exported fields, or methods of an interface, without a comment.
func bareFields(s *source, spec *ast.TypeSpec) []breach {
	var fields *ast.FieldList
	switch t := spec.Type.(type) {
	case *ast.StructType:
		fields = t.Fields
	case *ast.InterfaceType:
		fields = t.Methods
	default:
		return nil
	}
	var out []breach
	commented, last := false, 0 // of the field before; the line on which it ends
	for _, f := range fields.List {
		switch {
		case f.Doc != nil || f.Comment != nil:
			commented = true
		case s.line(f.Pos()) != last+1:
			commented = false
		}
		last = s.line(f.End())
		// Embedded fields and type constraints have no name of their own.
		if names := identNames(f.Names); !commented && slices.ContainsFunc(names, ast.IsExported) {
			out = append(out, s.breach(f.Pos(), "%s.%s is exported but has no comment", spec.Name.Name, strings.Join(names, ", ")))
		}
	}
	return out
}

// beginsWith takes "Parse parses" and "A List is", but not "Parser" for Parse.
func beginsWith(doc, name string) bool {
	for _, article := range []string{"", "A ", "An ", "The "} {
		rest, ok := strings.CutPrefix(doc, article+name)
		if ok && (rest == "" || !token.IsIdentifier("x"+rest[:1])) {
			return true
		}
	}
	return false
}

// receiver returns the name of a method's type, without star and type parameters.
func receiver(d *ast.FuncDecl) string {
	for n := range ast.Preorder(d.Recv.List[0].Type) {
		if id, ok := n.(*ast.Ident); ok {
			return id.Name
		}
	}
	return ""
}

// identNames returns the names of a spec or field; none for an embedded field.
func identNames(ids []*ast.Ident) []string {
	var out []string
	for _, id := range ids {
		out = append(out, id.Name)
	}
	return out
}
