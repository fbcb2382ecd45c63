// Package xmltree reads small XML files into elements that know where they
// stand, so that a reader of settings can name the place of a mistake.
//
// It reads what configuration files need and no more: a document type
// declaration is refused, since entities that expand without end come with one.
package xmltree

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gotribes/tribes/examples/internal/conf"
)

// Bounds of a document, beside conf.MaxFile.
const (
	deepest      = 64
	mostElements = 50_000
)

// An Element is one of a document. Name spaces are left out of names.
type Element struct {
	At       conf.Place
	Name     string
	Text     string // its own characters, without those of its children, trimmed
	Children []*Element
	attrs    []xml.Attr
}

// Attr returns the value of an attribute, and whether it is there.
func (e *Element) Attr(name string) (string, bool) {
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

// Child returns the first child of a name, or nil.
func (e *Element) Child(name string) *Element {
	for _, c := range e.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Parse reads a document. The error is a conf.Problems.
func Parse(file string, data []byte) (*Element, error) {
	if err := conf.TooLarge(file, data); err != nil {
		return nil, err
	}
	p := &parser{file: file, decoder: xml.NewDecoder(bytes.NewReader(data))}
	p.decoder.CharsetReader = charset
	root, at, err := p.document()
	if err != nil {
		return nil, conf.Problems{{Place: at, Text: err.Error()}}
	}
	return root, nil
}

type parser struct {
	file     string
	decoder  *xml.Decoder
	elements int
}

func (p *parser) here() conf.Place {
	line, column := p.decoder.InputPos()
	return conf.Place{File: p.file, Line: line, Column: column}
}

// document reads to the end of the input. The place is that of an error.
func (p *parser) document() (root *Element, at conf.Place, err error) {
	var open []*Element
	var texts [][]byte // of open, gathered so that many small pieces cost no more than one
	for {
		at = p.here()
		token, err := p.decoder.Token()
		if err != nil {
			if err == io.EOF && root != nil {
				return root, at, nil
			}
			return nil, p.here(), explain(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &Element{At: at, Name: token.Name.Local, attrs: token.Copy().Attr}
			p.elements++
			switch {
			case p.elements > mostElements:
				return nil, at, fmt.Errorf("the file has more than %d elements", mostElements)
			case len(open) == deepest:
				return nil, at, fmt.Errorf("elements lie more than %d deep in each other", deepest)
			case len(open) > 0:
				parent := open[len(open)-1]
				parent.Children = append(parent.Children, e)
			case root != nil:
				return nil, at, errors.New("a second root element; want one that holds all others")
			default:
				root = e
			}
			open, texts = append(open, e), append(texts, nil)
		case xml.EndElement: // the decoder has checked that it is the right one
			last := len(open) - 1
			open[last].Text = string(bytes.TrimSpace(texts[last]))
			open, texts = open[:last], texts[:last]
		case xml.CharData:
			if len(open) > 0 {
				texts[len(open)-1] = append(texts[len(open)-1], token...)
			} else if len(bytes.TrimSpace(token)) > 0 {
				return nil, at, errors.New("text outside of all elements; is this an XML file?")
			}
		case xml.Directive:
			return nil, at, errors.New("a document type declaration is not accepted: entities are not expanded; remove it")
		}
	}
}

// explain turns an error of the decoder into words. The place is given beside it.
func explain(err error) error {
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return errors.New("not well-formed XML: " + syntax.Msg)
	}
	if err == io.EOF {
		return errors.New("there is no element in the file; is this an XML file?")
	}
	return err
}

// charset reads the encodings that are found in such files beside UTF-8.
func charset(name string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "utf-8", "us-ascii":
		return input, nil
	case "iso-8859-1", "latin1":
		data, err := io.ReadAll(io.LimitReader(input, conf.MaxFile))
		if err != nil {
			return nil, err
		}
		text := make([]rune, len(data))
		for i, b := range data {
			text[i] = rune(b)
		}
		return strings.NewReader(string(text)), nil
	}
	return nil, fmt.Errorf("the encoding %q is not known; want UTF-8", name)
}
