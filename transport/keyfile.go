package transport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxKeyFile bounds a key file, in bytes.
const maxKeyFile = 16 << 10

// ReadKeyFile reads cluster keys from a file: one a line, as ParseKey reads
// them, the one in use first. Empty lines and lines that begin with # are
// ignored. There are 1 to MaxKeys, each once. On Unix the file must be nobody's
// to read or write but its owner's (chmod 600), or root's with exactly mode 0440,
// as Kubernetes and systemd hand out secrets. The error names the file, and the
// line where that helps.
func ReadKeyFile(path string) ([]Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err) // names the path
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("key file %s: not a file but %v", path, info.Mode().Type())
	}
	if err := checkKeyMode(info); err != nil {
		return nil, fmt.Errorf("key file %s: %w; chmod 600 %s", path, err, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	keys, err := parseKeys(data)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return keys, nil
}

// parseKeys reads the text of a key file.
func parseKeys(data []byte) ([]Key, error) {
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("over %d bytes, which no list of keys is", maxKeyFile)
	}
	var keys []Key
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := ParseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		keys = append(keys, k)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it: want 64 hexadecimal digits, or base64 of 44 characters")
	}
	return keys, CheckKeys(keys)
}

// CheckKeys says what is wrong with a list of keys: they are MaxKeys at most,
// none is empty, and each is there once.
func CheckKeys(keys []Key) error {
	if len(keys) > MaxKeys {
		return fmt.Errorf("%d keys, at most %d allowed", len(keys), MaxKeys)
	}
	for i, k := range keys {
		if k == (Key{}) {
			return fmt.Errorf("key %d of %d is empty", i+1, len(keys))
		}
		for j := range i {
			if keys[j] == k {
				return fmt.Errorf("keys %d and %d are the same", j+1, i+1)
			}
		}
	}
	return nil
}
