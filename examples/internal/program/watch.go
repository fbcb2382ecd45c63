package program

import (
	"context"
	"os"
	"slices"
	"time"
)

// WatchTime is how often watched files are looked at.
const WatchTime = 2 * time.Second

// A seen is what a file was like.
type seen struct {
	info os.FileInfo // nil: it was not there
}

func look(files []string) []seen {
	out := make([]seen, len(files))
	for i, f := range files {
		if info, err := os.Stat(f); err == nil {
			out[i].info = info
		}
	}
	return out
}

func same(a, b seen) bool {
	if a.info == nil || b.info == nil {
		return a.info == nil && b.info == nil
	}
	return os.SameFile(a.info, b.info) && a.info.ModTime().Equal(b.info.ModTime()) && a.info.Size() == b.info.Size()
}

// Watch calls changed after any of the files that list gives was changed, until
// ctx ends. A file that is written in pieces may be met half way: changed is
// called again when it has gone on.
func Watch(ctx context.Context, every time.Duration, list func() []string, changed func()) {
	files := list()
	before := look(files)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if now := list(); !slices.Equal(now, files) {
			files, before = now, look(now) // whoever changed the list has read them
			continue
		}
		if now := look(files); !slices.EqualFunc(before, now, same) {
			before = now
			changed()
		}
	}
}
