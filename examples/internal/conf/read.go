package conf

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// MaxFile bounds the bytes of a configuration file. The largest that is known
// to be in use has 60 KiB.
const MaxFile = 2 << 20

// Read returns the content of a file of at most MaxFile bytes. An error names
// the file; one that is too large is a Problems.
func Read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err // names the file
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return data, TooLarge(file, data)
}

// TooLarge is a Problems for data beyond MaxFile, else nil.
func TooLarge(file string, data []byte) error {
	if len(data) <= MaxFile {
		return nil
	}
	text := fmt.Sprintf("the file has more than %d KiB; is it the right one?", MaxFile>>10)
	return Problems{{Place{File: file}, text}}
}

// Text drops the mark that some editors put at the beginning of a file, and
// finds what is no text at all: bytes that are not UTF-8, and control
// characters but tab and the ends of lines.
func Text(file string, data []byte) ([]byte, error) {
	if err := TooLarge(file, data); err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	line, begin := 1, 0
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			at := Place{file, line, i - begin + 1}
			return nil, Problems{{at, fmt.Sprintf("byte 0x%02x is not text; want a file in UTF-8", data[i])}}
		case r == '\n':
			line, begin = line+1, i+1
		}
		i += size
	}
	return data, nil
}

// Expand replaces each ${name} by what lookup says. A name without a value, or
// a brace that is not closed, is an error without a place.
func Expand(text string, lookup func(name string) (string, bool)) (string, error) {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			return "", fmt.Errorf("%q: the brace of ${ is not closed", text)
		}
		value, ok := lookup(name)
		if !ok {
			return "", fmt.Errorf("${%s} has no value; set the environment variable %s", name, name)
		}
		out.WriteString(value)
		text = rest
	}
}
