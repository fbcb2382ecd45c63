package tidy

import (
	"strings"
	"testing"
)

func TestModule(t *testing.T) {
	const good = "module github.com/gotribes/tribes\n\ngo 1.26.0\n\nrequire (\n" +
		"\tgithub.com/pavlo-v-chernykh/keystore-go/v4 v4.0.0\n\tsoftware.sslmate.com/src/go-pkcs12 v0.7.0\n" +
		"\tgithub.com/stretchr/testify v1.0.0\n\tgithub.com/vmihailenco/msgpack/v5 v5.0.0\n\tgo.uber.org/goleak v1.0.0\n)\n" +
		"require golang.org/x/sync v0.1.0\nrequire (\n\tgopkg.in/yaml.v3 v3.0.1 // indirect\n)\ntool golang.org/x/tools/cmd/stringer\n"
	const lib = "package p\nimport (\"github.com/vmihailenco/msgpack/v5\"; \"golang.org/x/sync/errgroup\")"
	const example = "package p\nimport (\"github.com/pavlo-v-chernykh/keystore-go/v4\"; \"software.sslmate.com/src/go-pkcs12\")"
	const tests = "package p\nimport (\"github.com/stretchr/testify/require\"; \"go.uber.org/goleak\")"
	with := func(old, new string) map[string]string {
		return map[string]string{
			"go.mod":   strings.Replace(good, old, new, 1),
			"wka/a.go": lib, "wka/a_test.go": tests, "examples/b.go": example,
		}
	}
	try(t, checkModule, []trial{
		{"as it should be", with("", ""), nil},
		{"another requirement", with("go 1.26.0", "require golang.org/x/net v0.1.0"), []string{"go.mod:3 | golang.org/x/net is not one"}},
		{
			"another one in a block",
			with("testify v1.0.0\n", "testify v1.0.0\n\tgolang.org/x/net v0.1.0\n"),
			[]string{"go.mod:9 | golang.org/x/net"},
		},
		{"replace", with("go 1.26.0", "replace golang.org/x/sync => ../sync"), []string{"go.mod:3 | replace directive"}},
		{"replace in a block", with("go 1.26.0", "replace (\n\ta => b\n)"), []string{"go.mod:4 | replace directive"}},
		{"another module path", with("gotribes/tribes", "gotribes/tribe"), []string{"go.mod:1 | the module is"}},
		{"missing", with("require golang.org/x/sync v0.1.0\n", ""), []string{"go.mod | x/sync is not required directly"}},
		{"marked indirect", with("v5.0.0", "v5.0.0 // indirect"), []string{"go.mod | msgpack/v5 is not required directly"}},
		{
			"not imported",
			map[string]string{
				"go.mod":        good,
				"wka/a.go":      strings.Replace(lib, "x/sync", "x/sink", 1),
				"wka/a_test.go": tests,
				"examples/b.go": example,
			},
			[]string{"go.mod | x/sync is to be imported by the library"}},
		{
			"imported by tests only",
			map[string]string{"go.mod": good, "wka/a_test.go": tests, "wka/b_test.go": lib, "examples/b.go": example},
			[]string{"go.mod | msgpack/v5 is to be imported", "go.mod | x/sync is to be imported"}},
	})
}
