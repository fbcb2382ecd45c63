package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// pureFolders hold protocol decisions. Their files have no goroutine, channel, lock, socket, clock or chance of
// their own: `now` and a *rand.Rand are passed in, so that one seed gives one run. Tests are free.
var pureFolders = []string{"internal/machine", "internal/world"}

// impureImports are refused in pure folders, each with everything below it unless it is in pureExceptions.
var impureImports = []string{
	"context", "crypto/rand", "log", "net", "os", "runtime", "sync", "syscall", "unsafe",
}

// pureExceptions are packages of plain values below a refused one.
var pureExceptions = []string{"net/netip"}

// clockNames are the functions of package time that read or wait for the clock.
var clockNames = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// randNames are what a pure file may use of math/rand and math/rand/v2: what makes or names a generator. The other
// names of these packages draw from the generator that the whole process shares.
var randNames = []string{"ChaCha8", "New", "NewChaCha8", "NewPCG", "NewSource", "NewZipf", "PCG", "Rand", "Source", "Source64", "Zipf"}

// checkPurity: pure folders are pure; the clock is read in wka nowhere and in membership only in loop.go.
func checkPurity(t *tree) []breach {
	var out []breach
	for _, s := range t.sources {
		switch dir := s.dir(); {
		case s.isTest(): // tests may use the clock, and a bubble makes it virtual
		case slices.Contains(pureFolders, dir):
			out = append(out, impurities(s)...)
			out = append(out, clockReads(s, "pass the time in as an argument")...)
			out = append(out, sharedChance(s)...)
		case dir == "wka":
			out = append(out, clockReads(s, "when to try again is decided elsewhere")...)
		case dir == "membership" && s.base() != "loop.go":
			out = append(out, clockReads(s, "only membership/loop.go reads the clock")...)
		}
	}
	return out
}

// impurities finds refused imports and everything that makes a goroutine or touches a channel.
func impurities(s *source) []breach {
	var out []breach
	for p, spec := range s.imports() {
		for _, bad := range impureImports {
			if (p == bad || strings.HasPrefix(p, bad+"/")) && !slices.Contains(pureExceptions, p) {
				out = append(out, s.breach(spec.Pos(), "package %s is pure and may not import %q", s.dir(), p))
			}
		}
	}
	for n := range ast.Preorder(s.file) {
		what := ""
		switch n := n.(type) {
		case *ast.GoStmt:
			what = "a go statement"
		case *ast.ChanType:
			what = "a channel"
		case *ast.SendStmt:
			what = "a send"
		case *ast.SelectStmt:
			what = "a select"
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				what = "a receive"
			}
		}
		if what != "" {
			out = append(out, s.breach(n.Pos(), "package %s is pure; %s belongs in the loop that drives it", s.dir(), what))
		}
	}
	return out
}

// clockReads finds uses of clockNames, called or taken as a value. Durations and times as values are free.
func clockReads(s *source, instead string) []breach {
	var out []breach
	for sel := range s.selections("time") {
		if slices.Contains(clockNames, sel.Sel.Name) {
			out = append(out, s.breach(sel.Pos(), "package %s may not use time.%s here; %s", s.dir(), sel.Sel.Name, instead))
		}
	}
	return out
}

// sharedChance finds draws from the process-wide generator, whose seed nobody can repeat.
func sharedChance(s *source) []breach {
	var out []breach
	for _, v := range []string{"", "/v2"} {
		for sel := range s.selections(fmt.Sprintf("math/rand%s", v)) {
			if !slices.Contains(randNames, sel.Sel.Name) {
				out = append(out, s.breach(sel.Pos(), "rand.%s draws from the generator that the process shares; "+
					"take a *rand.Rand as an argument", sel.Sel.Name))
			}
		}
	}
	return out
}
