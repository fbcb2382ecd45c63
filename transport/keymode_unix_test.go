//go:build unix

package transport

import (
	"io/fs"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// Only a file of root's that nobody may write, not even root without asking, is
// taken although a group may read it.
func TestASecretThatRootHandsOutIsTaken(t *testing.T) {
	look := func(uid uint32, mode fs.FileMode) error {
		files := fstest.MapFS{"key": {Mode: mode, Sys: &syscall.Stat_t{Uid: uid}}}
		info, err := fs.Stat(files, "key")
		require.NoError(t, err)
		return checkKeyMode(info)
	}
	require.NoError(t, look(0, 0o440))
	require.Error(t, look(1000, 0o440), "somebody else's")
	for _, mode := range []fs.FileMode{0o444, 0o460, 0o640, 0o450, 0o404} {
		require.Error(t, look(0, mode), "%#o", mode)
	}
}
