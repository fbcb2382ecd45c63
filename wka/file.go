package wka

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	// MaxFileBytes is how large a file of well-known addresses may be, in bytes.
	MaxFileBytes = 1 << 20
	// MaxFileLines is how many lines it may have, comments included.
	MaxFileLines = 4096
)

// readEntries reads the file at path. Lines that are wrong are told and left
// out; a file that is too large counts as a whole, for half a file is worse
// than none.
func (r *Resolver) readEntries(path string, wrong *problems) []Entry {
	read := r.ReadFile
	if read == nil {
		read = readRegular
	}
	content, err := read(path)
	if err != nil {
		wrong.add(fmt.Errorf("well-known address file %s: %w", quote(path), err))
		return nil
	}
	if len(content) > MaxFileBytes {
		wrong.add(fmt.Errorf("well-known address file %s: larger than %d bytes", quote(path), MaxFileBytes))
		return nil
	}
	if lines := bytes.Count(bytes.TrimSuffix(content, []byte("\n")), []byte("\n")) + 1; lines > MaxFileLines {
		wrong.add(fmt.Errorf("well-known address file %s: %d lines; at most %d are allowed", quote(path), lines, MaxFileLines))
		return nil
	}
	return parseLines(path, string(content), wrong)
}

// parseLines reads one entry a line. Some editors mark the start of a file with
// U+FEFF, and end lines with CR LF; neither is the operator's fault.
func parseLines(path, content string, wrong *problems) []Entry {
	var entries []Entry
	line := 0
	for text := range strings.SplitSeq(strings.TrimPrefix(content, "\ufeff"), "\n") {
		line++
		text, _, _ = strings.Cut(text, "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		entry, problem := parseEntry(text)
		if problem == "" && entry.kind == File {
			problem = "a file cannot name a file; want host:port or srv+name"
		}
		if problem != "" {
			wrong.add(fmt.Errorf("well-known address file %s line %d %s: %s", quote(path), line, quote(text), problem))
			continue
		}
		entries = append(entries, entry)
	}
	return entries
}

// readRegular reads a little more than is allowed at most. It asks what it is
// before it opens it, because opening a pipe waits for a writer.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file but %v", info.Mode().Type())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
}
