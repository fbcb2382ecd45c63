package tidy

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of shape. They are where a reader loses the thread, not targets.
const (
	maxFileLines     = 500
	maxTestFileLines = 900
	maxFuncLines     = 70  // from the line of `func` to the line of its closing brace, both counted
	maxColumns       = 140 // characters; a tab counts as tabColumns
	tabColumns       = 4
	maxCaseLines     = 12 // of one case of a flat switch
	maxAroundSwitch  = 5  // statements before and after a flat switch
)

// checkSize: files, functions and lines stay within the bounds above.
//
// A function may be longer than maxFuncLines only if its body is one flat switch, see isFlat. In tests the lines of
// slice and map literals (tables of cases) are data and do not count, but a function inside a table counts on its
// own. Other function literals count with the function that holds them.
func checkSize(t *tree) []breach {
	var out []breach
	for _, s := range t.sources {
		bound := maxFileLines // tests may be longer: they are read one at a time
		if s.isTest() {
			bound = maxTestFileLines
		}
		lines := strings.Split(strings.TrimSuffix(s.text, "\n"), "\n")
		if len(lines) > bound {
			text := fmt.Sprintf("the file has %d lines, more than %d; split it by concept", len(lines), bound)
			out = append(out, breach{s.path, len(lines), text})
		}
		for i, l := range lines {
			if n := utf8.RuneCountInString(l) + (tabColumns-1)*strings.Count(l, "\t"); n > maxColumns {
				out = append(out, breach{s.path, i + 1, fmt.Sprintf("the line is %d columns wide, more than %d; break it", n, maxColumns)})
			}
		}
		out = append(out, longFuncs(s)...)
	}
	return out
}

// longFuncs measures every declared function and every function in a table.
func longFuncs(s *source) []breach {
	var out []breach
	look := func(name string, n ast.Node, body *ast.BlockStmt) {
		lines := s.line(body.End()) - s.line(n.Pos()) + 1
		if s.isTest() {
			lines -= tableLines(s, body)
		}
		if lines > maxFuncLines && !isFlat(s, body) {
			out = append(out, s.breach(n.Pos(), "%s has %d lines, more than %d, and is not one flat switch; split it",
				name, lines, maxFuncLines))
		}
	}
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			look("func "+f.Name.Name, f, f.Body)
		}
		for _, table := range tables(d) {
			for n := range ast.Preorder(table) {
				if f, ok := n.(*ast.FuncLit); ok {
					look("a function in a table", f, f.Body)
				}
			}
		}
	}
	return out
}

// tables finds the outermost slice, array and map literals below n.
func tables(n ast.Node) []*ast.CompositeLit {
	var out []*ast.CompositeLit
	ast.Inspect(n, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		switch lit.Type.(type) {
		case *ast.ArrayType, *ast.MapType:
			out = append(out, lit)
			return false // a table in a table counts once
		}
		return true
	})
	return out
}

// tableLines counts the lines that tables take, without the line on which each begins.
func tableLines(s *source, body *ast.BlockStmt) int {
	sum := 0
	for _, lit := range tables(body) {
		sum += s.line(lit.End()) - s.line(lit.Pos())
	}
	return sum
}

// isFlat: the body is one switch, type switch or select, or one `for` around it, with at most maxAroundSwitch other
// statements, none of which is a loop or a switch. Each case takes at most maxCaseLines and holds neither a loop
// nor a further switch. Such a function is read as a table, whatever its length.
func isFlat(s *source, body *ast.BlockStmt) bool {
	var clauses *ast.BlockStmt // of the one switch, once found
	for _, st := range body.List {
		var next *ast.BlockStmt
		switch st := st.(type) {
		case *ast.SwitchStmt:
			next = st.Body
		case *ast.TypeSwitchStmt:
			next = st.Body
		case *ast.SelectStmt:
			next = st.Body
		case *ast.ForStmt:
			return clauses == nil && len(body.List) <= maxAroundSwitch+1 && alone(body, st) && isFlat(s, st.Body)
		case *ast.RangeStmt:
			return clauses == nil && len(body.List) <= maxAroundSwitch+1 && alone(body, st) && isFlat(s, st.Body)
		default:
			// A guard or an assignment is fine; one that hides a loop in a literal or an if is not.
			if branches(st) {
				return false
			}
			continue
		}
		if clauses != nil {
			return false // two switches
		}
		clauses = next
	}
	if clauses == nil || len(body.List) > maxAroundSwitch+1 {
		return false
	}
	for _, c := range clauses.List {
		if s.line(c.End())-s.line(c.Pos())+1 > maxCaseLines {
			return false
		}
		var inside []ast.Stmt
		switch c := c.(type) {
		case *ast.CaseClause:
			inside = c.Body
		case *ast.CommClause:
			inside = c.Body
		}
		if slices.ContainsFunc(inside, branches) {
			return false
		}
	}
	return true
}

// alone tells whether no other statement of the block holds a loop or a switch.
func alone(body *ast.BlockStmt, only ast.Stmt) bool {
	for _, st := range body.List {
		if st != only && branches(st) {
			return false
		}
	}
	return true
}

// branches tells whether a loop, a switch or a select is in the statement.
func branches(st ast.Stmt) bool {
	for n := range ast.Preorder(st) {
		switch n.(type) {
		case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
			return true
		}
	}
	return false
}
