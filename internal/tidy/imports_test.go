package tidy

import "testing"

func TestImports(t *testing.T) {
	one := func(path, imports string) map[string]string {
		return map[string]string{path: "package p\nimport " + imports}
	}
	nested := func(dir, imports string) map[string]string {
		return map[string]string{dir + "/go.mod": "module x", dir + "/a.go": "package p\nimport " + imports}
	}
	try(t, checkImports, []trial{
		{"inward is allowed", one("membership/a.go", `"`+module+`/internal/machine"`), nil},
		{"outward is not", one("internal/machine/a.go", `"`+module+`/membership"`),
			[]string{`internal/machine/a.go:2 | internal/machine may not import "` + module + `/membership"`}},
		{"a leaf stays a leaf", one("wka/a.go", `"`+module+`/transport"`), []string{"wka/a.go:2 | wka may not import"}},
		{"no shortcut past a layer", one("membership/upstream/a.go", `"`+module+`/transport"`), []string{"membership/upstream/a.go:2 | "}},
		{"nor the root package", one("wka/a.go", `"`+module+`"`), []string{"wka/a.go:2 | "}},
		{"a folder whose path only begins alike", one("membership/a.go", `"`+module+`/wkax"`), []string{"membership/a.go:2 | "}},
		{"the library's two modules", one("internal/wire/a.go", `"github.com/vmihailenco/msgpack/v5"`), nil},
		{"msgpack stays in wire", one("transport/a.go", `"github.com/vmihailenco/msgpack/v5"`), []string{"transport/a.go:2 | "}},
		{"x/sync", one("membership/a.go", `"golang.org/x/sync/errgroup"`), nil},
		{"another module", one("membership/a.go", `"golang.org/x/net/proxy"`), []string{"membership/a.go:2 | "}},
		{"test modules in library code", one("wka/a.go", `"github.com/stretchr/testify/require"`), []string{"wka/a.go:2 | "}},
		{"test modules in tests", one("wka/a_test.go", `"github.com/stretchr/testify/require"`), nil},
		{"manifests in the tests of examples", one("examples/a_test.go", `"github.com/stretchr/testify/assert/yaml"`), nil},
		{"manifests elsewhere", one("wka/a_test.go", `"github.com/stretchr/testify/assert/yaml"`), []string{"wka/a_test.go:2 | "}},
		{"assert is not require", one("wka/a_test.go", `"github.com/stretchr/testify/assert"`), []string{"wka/a_test.go:2 | "}},
		{"the network of tests in library code", one("membership/a.go", `"`+module+`/transport/memnet"`), []string{"membership/a.go:2 | "}},
		{"the network of tests in tests", one("membership/a_test.go", `"`+module+`/transport/memnet"`), nil},
		{"an external test imports its package", one("wka/a_test.go", `"`+module+`/wka"`), nil},
		{"what is between is no excuse for a test", one("wka/a_test.go", `"`+module+`/membership"`), []string{"wka/a_test.go:2 | "}},
		{"C", one("wka/a.go", `"C"`), []string{"wka/a.go:2 | "}},
		{"dot", one("wka/a.go", `. "time"`), []string{"wka/a.go:2 | dot import"}},
		{"examples use what is public", one("examples/elb/a.go", `"`+module+`/membership/upstream"`), nil},
		{"examples use their own folders", one("examples/elb/a.go", `"`+module+`/examples/elb/conf"`), nil},
		{"but not each other's", one("examples/elb/a.go", `"`+module+`/examples/node"`), []string{"examples/elb/a.go:2 | "}},
		{"nor what is internal", one("examples/elb/a.go", `"`+module+`/internal/wire"`), []string{"examples/elb/a.go:2 | "}},
		{"their tests neither", one("examples/elb/a_test.go", `"`+module+`/internal/wire"`), []string{"examples/elb/a_test.go:2 | "}},
		{"a nested module needs what its go.mod says", nested("contrib/x", `"example.test/other"`), nil},
		{"and what is public of ours", nested("contrib/x", `"`+module+`/membership"`), nil},
		{"but not what is internal", nested("contrib/x", `"`+module+`/internal/wire"`), []string{"contrib/x/a.go:2 | "}},
		{"an example of its own what examples share", nested("examples/x", `"`+module+`/examples/internal/admin"`), nil},
		{"which is not for others", nested("contrib/x", `"`+module+`/examples/internal/admin"`), []string{"contrib/x/a.go:2 | "}},
		{"a nested module uses its own folders", nested("contrib/x", `"`+module+`/contrib/x/y"`), nil},
		{"also inside internal", nested("internal/x", `"`+module+`/internal/x/y"`), nil},
		{"not a folder whose path only begins alike", nested("internal/x", `"`+module+`/internal/xy"`), []string{"internal/x/a.go:2 | "}},
		{"the comparison forges messages", map[string]string{"internal/bench/go.mod": "module x",
			"internal/bench/rows/a.go": "package p\nimport \"" + module + "/internal/wire\""}, nil},
		{"in one folder alone", nested("internal/bench", `"`+module+`/internal/wire"`), []string{"internal/bench/a.go:2 | "}},
		{"an unknown folder", map[string]string{"util/a.go": "package util", "util/b.go": "package util"},
			[]string{"util | with a reason"}},
	})
}
