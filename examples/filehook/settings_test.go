package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport"
)

// The key file is read at the start; one that is not there is named.
func TestKeyFile(t *testing.T) {
	args := []string{"-manage", "d", "-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000",
		"-template", "nginx.tmpl", "-out", "x", "-exec", "true"}
	path := filepath.Join(t.TempDir(), "cluster.key")
	_, err := parse(append(args, "-key-file", path), io.Discard)
	require.ErrorContains(t, err, path)
	key := transport.NewKey()
	require.NoError(t, os.WriteFile(path, fmt.Appendln(nil, key.Text()), 0o600))
	s, err := parse(append(args, "-key-file", path), io.Discard)
	require.NoError(t, err)
	require.Equal(t, []transport.Key{key}, s.config().Keys)
}
