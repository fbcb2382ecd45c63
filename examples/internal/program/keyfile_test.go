package program

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport"
)

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.key")
	load := func(args ...string) (*KeyFile, error) {
		f := NewFlags("x", "a test")
		k := f.KeyFile()
		require.NoError(t, f.Parse(args, io.Discard))
		return k, k.Load()
	}
	k, err := load()
	require.NoError(t, err)
	require.Empty(t, k.Keys(), "none without the flag")

	_, err = load("-key-file", path)
	var bad *SettingError
	require.ErrorAs(t, err, &bad)
	require.ErrorContains(t, err, "-key-file: key file: open "+path)
	require.Equal(t, ExitUsage, Status("x", err, io.Discard))

	want := transport.NewKey()
	require.NoError(t, os.WriteFile(path, []byte(want.Text()), 0o600))
	k, err = load("-key-file", path)
	require.NoError(t, err)
	require.Equal(t, []transport.Key{want}, k.Keys())
}
