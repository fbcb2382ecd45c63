package tidy

import "testing"

func TestPurity(t *testing.T) {
	const where = "internal/machine/a.go"
	body := func(path, imports, text string) map[string]string {
		return map[string]string{path: "package p\nimport (" + imports + ")\nfunc f() {\n" + text + "\n}\n"}
	}
	try(t, checkPurity, []trial{
		{"pure", body(where, `"net/netip"; "time"; "math/rand/v2"`,
			"var a netip.Addr; var d time.Duration; r := rand.New(rand.NewPCG(1, 2)); r.IntN(3)"), nil},
		{"a goroutine", body(where, "", "go f()"), []string{where + ":4 | a go statement"}},
		{"a channel", body(where, "", "var c chan int"), []string{where + ":4 | a channel"}},
		{"a send", body(where, "", "c <- 1"), []string{where + ":4 | a send"}},
		{"a receive", body(where, "", "<-c"), []string{where + ":4 | a receive"}},
		{"a select", body(where, "", "select {}"), []string{where + ":4 | a select"}},
		{"a lock", body(where, `"sync"`, ""), []string{where + `:2 | may not import "sync"`}},
		{"an atomic", body(where, `"sync/atomic"`, ""), []string{where + ":2 | "}},
		{"a socket", body(where, `"net"`, ""), []string{where + ":2 | "}},
		{"HTTP", body(where, `"net/http"`, ""), []string{where + ":2 | "}},
		{"the system", body(where, `"os"`, ""), []string{where + ":2 | "}},
		{"a context", body(where, `"context"`, ""), []string{where + ":2 | "}},
		{"a log, which has a clock", body(where, `"log/slog"`, ""), []string{where + ":2 | "}},
		{"true chance", body(where, `"crypto/rand"`, ""), []string{where + ":2 | "}},
		{"shared chance", body(where, `"math/rand"`, "rand.Intn(3)"), []string{where + ":4 | rand.Intn"}},
		{"shared chance, second version", body(where, `"math/rand/v2"`, "rand.N(3)"), []string{where + ":4 | rand.N"}},
		{"the clock", body(where, `"time"`, "time.Now()"), []string{where + ":4 | time.Now"}},
		{"the clock by another name", body(where, `clock "time"`, "clock.Since(t)"), []string{where + ":4 | time.Since"}},
		{"the clock as a value", body(where, `"time"`, "now := time.Now"), []string{where + ":4 | time.Now"}},
		{"a timer", body(where, `"time"`, "time.NewTimer(1)"), []string{where + ":4 | time.NewTimer"}},
		{"the world too", body("internal/world/a.go", `"time"`, "go time.Sleep(1)"),
			[]string{"internal/world/a.go:4 | a go statement", "internal/world/a.go:4 | time.Sleep"}},
		{"tests are free", body("internal/machine/a_test.go", `"time"; "os"`, "go time.Now()"), nil},
		{"others are free", body("transport/a.go", `"time"; "os"`, "go time.Now()"), nil},
		{"addresses", body("wka/a.go", `"time"; "context"`, "time.Now()"), []string{"wka/a.go:4 | decided elsewhere"}},
		{"the loop reads the clock", body("membership/loop.go", `"time"`, "time.Now()"), nil},
		{"and nobody else", body("membership/node.go", `"time"`, "time.NewTicker(1)"),
			[]string{"membership/node.go:4 | only membership/loop.go"}},
		{"upstream measures", body("membership/upstream/a.go", `"time"`, "time.Now()"), nil},
	})
}
