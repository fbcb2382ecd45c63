//go:build unix

package transport

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// Only a file of root's that root and a group may read, and no mode says that
// anybody may write, is taken although more than its owner may read it.
func TestASecretThatRootHandsOutIsTaken(t *testing.T) {
	look := func(uid uint32, mode fs.FileMode) error {
		files := fstest.MapFS{"key": {Mode: mode, Sys: &syscall.Stat_t{Uid: uid}}}
		info, err := fs.Stat(files, "key")
		require.NoError(t, err)
		return checkKeyMode(info)
	}
	require.NoError(t, look(0, 0o440))
	require.Error(t, look(1000, 0o440), "somebody else's")
	for _, mode := range []fs.FileMode{0o444, 0o460, 0o640, 0o450, 0o404, 0o040, 0o440 | fs.ModeSetgid} {
		require.Error(t, look(0, mode), "%#o", mode)
	}
}

// The same with real files, which only root can give to root.
func TestAKeyFileOfRootsWithItsExactModeIsRead(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make files of root's and of somebody else's")
	}
	path := filepath.Join(t.TempDir(), "cluster.key")
	want := NewKey()
	require.NoError(t, os.WriteFile(path, []byte(want.Text()+"\n"), 0o600))
	require.NoError(t, os.Chmod(path, 0o440))
	link := filepath.Join(t.TempDir(), "link") // Kubernetes shows a secret through links
	require.NoError(t, os.Symlink(path, link))
	keys, err := ReadKeyFile(link)
	require.NoError(t, err)
	require.Equal(t, []Key{want}, keys)
	require.NoError(t, os.Chmod(path, 0o444))
	_, err = ReadKeyFile(path)
	require.ErrorContains(t, err, "lets others read")
	require.NoError(t, os.Chmod(path, 0o440))
	require.NoError(t, os.Chown(path, 65534, 0))
	_, err = ReadKeyFile(path)
	require.ErrorContains(t, err, "chmod 600")
}
