package lbconf

import (
	"strings"

	"github.com/gotribes/tribes/examples/internal/conf"
)

// deepest bounds how far blocks may lie in each other. The format needs five.
const deepest = 16

// A pair is "key value;".
type pair struct {
	at         conf.Place
	key, value string
}

// A block is "name { … }"; the whole file is one without a name.
type block struct {
	at     conf.Place
	name   string
	pairs  []pair
	blocks []*block
}

// first returns the first block with a name, and reports any further one.
func (b *block) first(name string, r *conf.Report) *block {
	var found *block
	for _, c := range b.blocks {
		switch {
		case c.name != name:
		case found != nil:
			r.Bad(c.at, "the block %q is there twice; the first begins at line %d", name, found.at.Line)
		default:
			found = c
		}
	}
	return found
}

// A parser turns text into blocks. It does not know any key.
type parser struct {
	file      string
	text      string
	pos       int // of the next byte
	line      int // of the next byte, from 1
	lineBegin int // pos of the line's first byte
	report    *conf.Report
}

// parse reads a file. Mistakes go to the report, which is then the result that
// counts.
func parse(file, text string, report *conf.Report) *block {
	p := &parser{file: file, text: text, line: 1, report: report}
	root := &block{at: p.here()}
	p.body(root, 0)
	return root
}

func (p *parser) here() conf.Place {
	return conf.Place{File: p.file, Line: p.line, Column: p.pos - p.lineBegin + 1}
}

// skip goes past blanks, ends of lines and comments.
func (p *parser) skip() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case '\n':
			p.newline()
		case ' ', '\t', '\r':
			p.pos++
		case '#':
			p.toLineEnd()
		default:
			return
		}
	}
}

func (p *parser) newline() {
	p.pos++
	p.line++
	p.lineBegin = p.pos
}

// toLineEnd goes to the end of the line, but not past it.
func (p *parser) toLineEnd() {
	if i := strings.IndexByte(p.text[p.pos:], '\n'); i >= 0 {
		p.pos += i
		return
	}
	p.pos = len(p.text)
}

// body reads statements into a block, up to its closing brace or, at depth 0,
// to the end of the file.
func (p *parser) body(b *block, depth int) {
	for {
		p.skip()
		switch {
		case p.pos == len(p.text):
			if depth > 0 {
				p.report.Bad(p.here(), "the block %q, which begins at line %d, is not closed: want a \"}\"", b.name, b.at.Line)
			}
			return
		case p.text[p.pos] == '}':
			if depth > 0 {
				p.pos++
				return
			}
			p.report.Bad(p.here(), "this \"}\" closes nothing; is there one too many, or a \"{\" missing before?")
			p.pos++
		default:
			if !p.statement(b, depth) {
				return
			}
		}
	}
}

// statement reads "name {" with all that belongs to it, or "key value;". It
// returns false if there is no sense in going on.
func (p *parser) statement(b *block, depth int) bool {
	at := p.here()
	name := p.word()
	p.blanks()
	switch {
	case name == "":
		p.report.Bad(at, "unexpected %q: want a name", p.text[p.pos:p.pos+1])
		p.pos++
	case p.pos < len(p.text) && p.text[p.pos] == '{':
		p.pos++
		if depth == deepest {
			p.report.Bad(at, "blocks lie more than %d deep in each other", deepest)
			return false
		}
		inner := &block{at: at, name: name}
		b.blocks = append(b.blocks, inner)
		before := len(p.report.Problems)
		p.body(inner, depth+1)
		// One brace that is missing would otherwise be reported by each block around it.
		return p.pos < len(p.text) || len(p.report.Problems) == before
	default:
		p.value(b, at, name)
	}
	return true
}

// word reads a name: everything up to a blank or a character with a meaning.
func (p *parser) word() string {
	begin := p.pos
	for p.pos < len(p.text) && !strings.ContainsRune(" \t\r\n{};#", rune(p.text[p.pos])) {
		p.pos++
	}
	return p.text[begin:p.pos]
}

// blanks goes past blanks within a line.
func (p *parser) blanks() {
	for p.pos < len(p.text) && strings.ContainsRune(" \t\r", rune(p.text[p.pos])) {
		p.pos++
	}
}

// value reads what follows a key: all up to the semicolon, which has to be on
// the same line and before any comment.
func (p *parser) value(b *block, at conf.Place, key string) {
	begin := p.pos
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == ';':
			value := strings.TrimSpace(p.text[begin:p.pos])
			p.pos++
			if value == "" {
				p.report.Bad(at, "%q has no value: want \"%s value;\"", key, key)
				return
			}
			b.pairs = append(b.pairs, pair{at, key, value})
			return
		case c == '{' && strings.HasSuffix(p.text[begin:p.pos], "$"):
			p.variable()
		case c == '{':
			p.report.Bad(at, "a block has a name of one word, not %q", strings.TrimSpace(key+" "+p.text[begin:p.pos]))
			p.toLineEnd()
			return
		case c == '\n' || c == '#' || c == '}':
			p.report.Bad(p.end(begin), "%q is not ended: want a \";\" behind its value", key)
			if c == '#' {
				p.toLineEnd()
			}
			return
		default:
			p.pos++
		}
	}
	p.report.Bad(p.end(begin), "%q is not ended: want a \";\" behind its value", key)
}

// variable goes past "{name}", of which a "$" was just before.
func (p *parser) variable() {
	for p.pos < len(p.text) && p.text[p.pos] != '\n' {
		p.pos++
		if p.text[p.pos-1] == '}' {
			return
		}
	}
}

// end is the place behind the last character of a value that began at begin:
// where the semicolon is missing.
func (p *parser) end(begin int) conf.Place {
	end := begin + len(strings.TrimRight(p.text[begin:p.pos], " \t\r"))
	return conf.Place{File: p.file, Line: p.line, Column: end - p.lineBegin + 1}
}
