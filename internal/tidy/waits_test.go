package tidy

import "testing"

func TestWaits(t *testing.T) {
	sleep := func(path, imports string) map[string]string {
		return map[string]string{path: "package p\nimport (\"time\"" + imports + ")\nfunc f() { time.Sleep(1) }"}
	}
	try(t, checkWaits, []trial{
		{"library code", sleep("membership/loop.go", ""), []string{"membership/loop.go:3 | time.Sleep in library code"}},
		{"a bubble does not excuse library code", sleep("membership/loop.go", `; "testing/synctest"`), []string{"membership/loop.go:3 | "}},
		{"a test that hopes", sleep("wka/a_test.go", ""), []string{"wka/a_test.go:3 | without testing/synctest"}},
		{"a test in a bubble", sleep("wka/a_test.go", `; "testing/synctest"`), nil},
		{"an example", sleep("examples/node/main.go", ""), nil},
		{"a test of an example", sleep("examples/node/main_test.go", ""), []string{"examples/node/main_test.go:3 | "}},
		{"another sleep", map[string]string{"wka/a.go": "package p\nfunc f() { host.Sleep(1) }"}, nil},
	})
}

func TestSkips(t *testing.T) {
	skip := func(call string) map[string]string {
		return map[string]string{"wka/a_test.go": "package wka\nfunc TestX(t *testing.T) {\n" + call + "\n}"}
	}
	silent := []string{"wka/a_test.go:3 | a skip without a reason"}
	try(t, checkSkips, []trial{
		{"with a reason", skip(`t.Skip("needs a real socket")`), nil},
		{"with a reason from elsewhere", skip(`t.Skip(why)`), nil},
		{"without", skip(`t.Skip()`), silent},
		{"an empty one", skip(`t.Skip("")`), silent},
		{"an empty format", skip("t.Skipf(` `)"), silent},
		{"now", skip(`t.SkipNow()`), silent},
		{"in a subtest", skip(`t.Run("x", func(tt *testing.T) { tt.Skip() })`), silent},
		{"of a harness", skip(`h.t.Skip()`), silent},
		{"of something else", skip(`d.Skip()`), nil},
	})
}
