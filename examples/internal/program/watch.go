package program

import (
	"context"
	"os"
	"time"
)

// WatchTime is how often watched files are looked at.
const WatchTime = 2 * time.Second

// A Look is what files were like when they were looked at, by name. One that
// was not there is nil.
type Look map[string]os.FileInfo

// LookAt looks at files. Who reads them and then watches them looks first, or a
// change in between would go unnoticed.
func LookAt(files []string) Look {
	out := make(Look, len(files))
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			info = nil
		}
		out[f] = info
	}
	return out
}

// differs tells whether any file is not as it was before, or was not looked at
// before: then it may have changed since it was read.
func (l Look) differs(before Look) bool {
	for f, info := range l {
		if was, known := before[f]; !known || !same(was, info) {
			return true
		}
	}
	return false
}

func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// Watch calls changed after any of the files that list gives was changed, until
// ctx ends; before is how they were, looked at before they were read. When
// another file comes onto the list, changed is called once, as nobody has
// looked at it before it was read. A file that is written in pieces may be met
// half way: changed is called again when it has gone on.
func Watch(ctx context.Context, every time.Duration, before Look, list func() []string, changed func()) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := LookAt(list())
		differs := now.differs(before)
		before = now
		if differs {
			changed()
		}
	}
}
