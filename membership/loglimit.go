package membership

import (
	"context"
	"log/slog"
	"time"

	"github.com/gotribes/tribes/internal/machine"
)

const (
	logEvery = 10 * time.Second // one line about one thing in this time
	logMost  = 1024             // things that are told apart
)

// A logger is what the loop writes to; it drops everything if the
// configuration names none.
type logger = slog.Logger

// A logLimit keeps a line from being written over and over: each message, about
// each subject, once in a period, with the number of those left out. Subjects
// beyond 1,024 share one period. It belongs to the loop's goroutine.
type logLimit struct {
	log  *logger
	now  func() machine.Time
	seen map[logKey]*logSeen
}

type logKey struct{ message, about string }

type logSeen struct {
	until   machine.Time // the next line is written after this
	skipped int
}

func (l *logLimit) info(message, about string, args ...any) {
	l.write(slog.LevelInfo, logEvery, message, about, args)
}

func (l *logLimit) warn(message, about string, args ...any) {
	l.write(slog.LevelWarn, logEvery, message, about, args)
}

func (l *logLimit) warnEvery(period time.Duration, message, about string, args ...any) {
	l.write(slog.LevelWarn, period, message, about, args)
}

func (l *logLimit) write(level slog.Level, period time.Duration, message, about string, args []any) {
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	now := l.now()
	if l.seen == nil {
		l.seen = make(map[logKey]*logSeen)
	}
	key := logKey{message, about}
	s := l.seen[key]
	if s == nil {
		if len(l.seen) >= logMost {
			l.forget(now)
		}
		if len(l.seen) >= logMost {
			key = logKey{}
			s = l.seen[key]
		}
	}
	if s == nil {
		s = &logSeen{}
		l.seen[key] = s
	} else if now < s.until {
		s.skipped++
		return
	}
	if s.skipped > 0 {
		args = append(args, "not_logged_before", s.skipped)
	}
	s.until, s.skipped = now+period, 0
	l.log.Log(context.Background(), level, message, args...)
}

// forget drops what could be written again anyway.
func (l *logLimit) forget(now machine.Time) {
	for key, s := range l.seen {
		if now >= s.until {
			delete(l.seen, key)
		}
	}
}
