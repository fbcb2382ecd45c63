package tidy

import (
	"go/ast"
	"slices"
	"strings"
)

// checkWaits: library code never sleeps (a sleep cannot be ended by Close, and holds up a bubble); a test sleeps
// only in a file that imports testing/synctest, where the time is virtual and nothing is hoped for. Examples may.
func checkWaits(t *tree) []breach {
	var out []breach
	for _, s := range t.sources {
		for sel := range s.selections("time") {
			switch {
			case sel.Sel.Name != "Sleep" || isExample(s.dir()) && !s.isTest():
			case !s.isTest():
				out = append(out, s.breach(sel.Pos(), "time.Sleep in library code; select on a timer and on the end"))
			case !s.importsPath("testing/synctest"):
				out = append(out, s.breach(sel.Pos(), "time.Sleep in a test without testing/synctest; "+
					"wait for what is expected, or run the test in a bubble"))
			}
		}
	}
	return out
}

// checkSkips: a test that is skipped says why. SkipNow cannot, so it is refused.
func checkSkips(t *tree) []breach {
	var out []breach
	for _, s := range t.sources {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			// By parameter and not by name of the method: a decoder may well have a Skip of its own.
			tests := testParams(f)
			for n := range ast.Preorder(f) {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					continue
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if ok && isTestValue(sel.X, tests) && skipsSilently(sel.Sel.Name, call.Args) {
					out = append(out, s.breach(call.Pos(), "a skip without a reason; say what is missing and where the test does run"))
				}
			}
		}
	}
	return out
}

// testParams returns the parameters of a function, and of the functions in it, that are a *testing.T, B, F or a TB.
func testParams(f *ast.FuncDecl) []string {
	var out []string
	for n := range ast.Preorder(f) {
		field, ok := n.(*ast.Field)
		if !ok {
			continue
		}
		typ := field.Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		if sel, ok := typ.(*ast.SelectorExpr); ok && slices.Contains([]string{"T", "B", "F", "TB"}, sel.Sel.Name) {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == "testing" {
				out = append(out, identNames(field.Names)...)
			}
		}
	}
	return out
}

// isTestValue: one of those parameters, or a field named t or tb of something else (a harness that carries it).
func isTestValue(x ast.Expr, params []string) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return slices.Contains(params, x.Name)
	case *ast.SelectorExpr:
		return slices.Contains([]string{"t", "tb", "T", "TB"}, x.Sel.Name)
	}
	return false
}

// skipsSilently looks only at a text written on the spot; one that comes from a variable is taken on trust.
func skipsSilently(name string, args []ast.Expr) bool {
	switch name {
	case "SkipNow":
		return true
	case "Skip", "Skipf":
		if len(args) == 0 {
			return true
		}
		lit, ok := args[0].(*ast.BasicLit)
		return ok && strings.Trim(lit.Value, "`\" \t") == ""
	}
	return false
}
