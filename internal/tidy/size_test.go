package tidy

import (
	"strings"
	"testing"
)

func TestSize(t *testing.T) {
	lines := func(n int, l string) string { return strings.Repeat(l+"\n", n) }
	// fn is a function of n lines, its first and last included.
	fn := func(n int, l string) string { return "func f() {\n" + lines(n-2, l) + "}\n" }
	file := func(path, text string) map[string]string { return map[string]string{path: "package p\n" + text} }
	cases := lines(40, "case x:\ng()")
	table := "var x = []int{\n" + lines(80, "1,") + "}\n"

	try(t, checkSize, []trial{
		{"500 lines", file("wka/a.go", lines(499, "")), nil},
		{"501 lines", file("wka/a.go", lines(500, "")), []string{"wka/a.go:501 | 501 lines, more than 500"}},
		{"900 lines of tests", file("wka/a_test.go", lines(899, "")), nil},
		{"901 lines of tests", file("wka/a_test.go", lines(900, "")), []string{"wka/a_test.go:901 | more than 900"}},
		{"140 columns", file("wka/a.go", "// "+strings.Repeat("ü", 137)+"\n"), nil},
		{"141 columns", file("wka/a.go", "// "+strings.Repeat("ü", 138)+"\n"), []string{"wka/a.go:2 | 141 columns"}},
		{"a tab is four", file("wka/a.go", "\t//"+strings.Repeat("x", 135)+"\n"), []string{"wka/a.go:2 | 141 columns"}},

		{"70 lines", file("wka/a.go", fn(70, "g()")), nil},
		{"71 lines", file("wka/a.go", fn(71, "g()")), []string{"wka/a.go:2 | func f has 71 lines"}},
		{"the comment above is free", file("wka/a.go", lines(9, "// why")+fn(70, "g()")), nil},
		{"literals count with their function",
			file("wka/a.go", "func f() {\n"+strings.Replace(fn(70, "g()"), "func f", "_ = func", 1)+"}\n"),
			[]string{"wka/a.go:2 | func f has 72 lines"}},

		{"a flat switch", file("wka/a.go", "func f() {\nx := 1\nswitch x {\n"+cases+"}\nreturn\n}"), nil},
		{"a flat select in a loop", file("wka/a.go", "func f() {\nfor {\nselect {\n"+lines(40, "case <-x:\ng()")+"}\n}\n}"), nil},
		{"a deep switch", file("wka/a.go", "func f() {\nswitch x {\n"+cases+"case y:\nfor {\n}\n}\n}"),
			[]string{"wka/a.go:2 | not one flat switch"}},
		{"a long case", file("wka/a.go", "func f() {\nswitch x {\n"+cases+"case y:\n"+lines(12, "g()")+"}\n}"), []string{"wka/a.go:2 | "}},
		{"two switches", file("wka/a.go", "func f() {\nswitch x {\n"+cases+"}\nswitch x {\n}\n}"), []string{"wka/a.go:2 | "}},
		{"a switch and a loop", file("wka/a.go", "func f() {\nswitch x {\n"+cases+"}\nfor {\n}\n}"), []string{"wka/a.go:2 | "}},
		{"much around a switch", file("wka/a.go", "func f() {\nswitch x {\n"+cases+"}\n"+lines(6, "g()")+"}"), []string{"wka/a.go:2 | "}},
		{"much around a loop", file("wka/a.go", "func f() {\nfor {\nswitch x {\n"+cases+"}\n}\n"+lines(6, "g()")+"}"),
			[]string{"wka/a.go:2 | "}},
		{"no switch in a loop", file("wka/a.go", "func f() {\nfor {\n"+lines(80, "g()")+"}\n}"), []string{"wka/a.go:2 | "}},

		{"a table in a test", file("wka/a_test.go", "func f() {\n"+table+"}"), nil},
		{"a table in library code", file("wka/a.go", "func f() {\n"+table+"}"), []string{"wka/a.go:2 | func f has"}},
		{"a long function in a table", file("wka/a_test.go", "var x = []func(){\nfunc() {\n"+lines(70, "g()")+"},\n}"),
			[]string{"wka/a_test.go:3 | a function in a table has 72 lines"}},
	})
}
