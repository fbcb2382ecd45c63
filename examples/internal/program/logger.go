package program

import (
	"io"
	"log/slog"
)

// Logger makes the logger that an example hands to the library: text, from
// level Info on.
func Logger(stderr io.Writer, name string) *slog.Logger {
	return slog.New(slog.NewTextHandler(stderr, nil)).With("program", name)
}
