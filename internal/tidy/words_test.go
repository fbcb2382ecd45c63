package tidy

import "testing"

func TestWords(t *testing.T) {
	try(t, checkWords, []trial{
		{"in a comment", map[string]string{"wka/a.go": "package wka\n\n// the Bootstrap server"},
			[]string{`wka/a.go:3 | say well-known address`}},
		{"in a name", map[string]string{"wka/a.go": "package wka\nvar seedNodes, isZombie, deadMembers int"},
			[]string{"wka/a.go:2 | failed, or replaced", "wka/a.go:2 | failed", "wka/a.go:2 | well-known"}},
		{"in a text", map[string]string{"wka/a.go": "package wka\nvar x = `external address`"}, []string{"wka/a.go:2 | advertised"}},
		{"on a page", map[string]string{"docs/a.md": "a zombie"}, []string{"docs/a.md:1 | "}},
		{"in a table of words", map[string]string{"docs/a.md": "| word | do not use |\n|---|---|\n| failed | zombie |\n\n| zombie |"},
			[]string{"docs/a.md:5 | "}},
		{"honest meanings",
			map[string]string{"wka/a.go": "package wka\n// seed, address: the seed of a run, a deadline, the TCP keepalive"}, nil},
		{"empty endings", map[string]string{"wka/a.go": "package wka\ntype ListImpl int"}, []string{`wka/a.go:2 | "Impl" says nothing`}},
	})
}
