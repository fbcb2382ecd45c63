//go:build unix

package transport

import (
	"fmt"
	"io/fs"
	"syscall"
)

// handedOut is the mode of a secret that Kubernetes (fsGroup) or systemd
// (LoadCredential) shows to a program that is not root: of root, read by a group
// or an access list, written by nobody. See docs/decisions/0098.
const handedOut = 0o440

// checkKeyMode refuses a key file that others may read or change.
func checkKeyMode(info fs.FileInfo) error {
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid == 0 && info.Mode() == handedOut {
		return nil
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("mode %#o lets others read or change it", mode)
	}
	return nil
}
