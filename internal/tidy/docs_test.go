package tidy

import "testing"

func TestDocs(t *testing.T) {
	pkg := func(text string) map[string]string {
		return map[string]string{"wka/doc.go": "// Package wka is documented.\npackage wka\n" + text}
	}
	try(t, checkDocs, []trial{
		{"no package comment", map[string]string{"wka/doc.go": "package wka"}, []string{"wka | wka/doc.go"}},
		{"not in doc.go", map[string]string{"wka/list.go": "// Package wka is.\npackage wka"},
			[]string{"wka/list.go:2 | stands in doc.go", "wka | no package comment"}},
		{"internal, anywhere",
			map[string]string{"internal/wire/a.go": "// Package wire is.\npackage wire", "internal/wire/b.go": "package wire"}, nil},
		{"internal, none", map[string]string{"internal/wire/a.go": "package wire"}, []string{"internal/wire | one of its files"}},
		{"another beginning", map[string]string{"internal/wire/a.go": "// Wire is.\npackage wire"},
			[]string{`internal/wire/a.go:2 | "Package wire "`, "internal/wire | "}},
		{"a command", map[string]string{"examples/node/main.go": "// Node runs a node.\npackage main"}, nil},
		{"a command without", map[string]string{"examples/node/main.go": "package main"}, []string{"examples/node | "}},
		{"tests need none", map[string]string{"internal/wire/a_test.go": "package wire"}, nil},

		{"a function", pkg("func Parse() {}"), []string{"wka/doc.go:3 | Parse is exported"}},
		{"another name", pkg("// Parses a list.\nfunc Parse() {}"), []string{"wka/doc.go:4 | Parse is exported"}},
		{"documented", pkg("// Parse parses.\nfunc Parse() {}"), nil},
		{"a method", pkg("func (l *list[T]) Len() {}\nfunc (l *List[T]) Len() {}"), []string{"wka/doc.go:4 | Len is exported"}},
		{"not exported", pkg("func parse() {}\ntype list struct { A int }\nvar x, y = 1, 2"), nil},
		{"a type", pkg("type List int"), []string{"wka/doc.go:3 | List is exported"}},
		{"with an article", pkg("// An Entry is one.\ntype Entry int\n// A List, many.\ntype List int"), nil},
		{"a directive is no comment", pkg("//go:noinline\nfunc Parse() {}"), []string{"wka/doc.go:4 | Parse"}},
		{"a type in a group", pkg("// All.\ntype (\nList int\n)"), []string{"wka/doc.go:5 | List"}},
		{"values in a group", pkg("const (\n// A is one.\nA = 1\nB = 2 // two\nC = 3\n)"), []string{"wka/doc.go:7 | C is exported"}},
		{"a comment behind is for groups", pkg("const A = 1 // one"), []string{"wka/doc.go:3 | A is exported"}},
		{"fields", pkg("// A List is.\ntype List struct {\nA int // one\nB int\n\nC int\nd int\n// E is.\nE, F int\nio.Reader\n}"),
			[]string{"wka/doc.go:8 | List.C is exported"}},
		{"methods of an interface", pkg("// A Source is.\ntype Source interface {\nNext()\n}"), []string{"wka/doc.go:5 | Source.Next"}},
		{"internal names", map[string]string{"internal/wire/a.go": "// Package wire is.\npackage wire\nfunc Decode() {}"}, nil},
		{"names in tests", map[string]string{"wka/a_test.go": "package wka\nfunc TestX() {}"}, nil},
	})
}
