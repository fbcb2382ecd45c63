package program

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport"
)

// A KeyFile is the flag -key-file: where the cluster keys are. It is read at
// the start, and again with each SIGHUP, so that keys can be changed without a
// restart.
type KeyFile struct {
	path    string
	keys    []transport.Key
	hangups chan os.Signal
}

// KeyFile adds the flag.
func (f Flags) KeyFile() *KeyFile {
	k := &KeyFile{}
	f.StringVar(&k.path, "key-file", "", "the `file` with the cluster keys, one a line, the one in use first; "+
		"read again on SIGHUP (default none: nothing is encrypted)")
	return k
}

// Load is Read for a program that then calls Follow.
func (k *KeyFile) Load() error {
	if k.path != "" {
		// From here on, as before it is caught the signal would end the process.
		k.hangups = make(chan os.Signal, 1)
		signal.Notify(k.hangups, syscall.SIGHUP)
	}
	return k.Read()
}

// Read reads the file, if there is one, for a program that hands the keys to
// the node itself, together with what else it reads. An error is a
// *SettingError that names the file.
func (k *KeyFile) Read() error {
	if k.path == "" {
		return nil
	}
	keys, err := transport.ReadKeyFile(k.path)
	if err != nil {
		return &SettingError{Text: "-key-file: " + err.Error(), Err: err}
	}
	k.keys = keys
	return nil
}

// Keys returns what was read: nothing without the flag.
func (k *KeyFile) Keys() []transport.Key { return k.keys }

// Follow reads the file again with each SIGHUP and hands the keys to the node,
// until the node ends. What cannot be used is logged, and the keys stay
// as they were.
func (k *KeyFile) Follow(node *membership.Node, logger *slog.Logger) {
	if k.path == "" {
		return
	}
	defer signal.Stop(k.hangups)
	for {
		select {
		case <-k.hangups:
		case <-node.Done():
			return
		}
		keys, err := transport.ReadKeyFile(k.path)
		if err == nil {
			err = node.SetKeys(keys)
		}
		if err != nil {
			logger.Error("cluster keys not changed", "file", k.path, "error", err)
		}
	}
}
