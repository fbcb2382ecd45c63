//go:build unix

package transport

import (
	"fmt"
	"io/fs"
)

// checkKeyMode refuses a key file that others may read or change.
func checkKeyMode(mode fs.FileMode) error {
	if mode.Perm()&0o077 != 0 {
		return fmt.Errorf("mode %#o lets others read or change it", mode.Perm())
	}
	return nil
}
