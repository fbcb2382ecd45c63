package program

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gotribes/tribes/examples/internal/conf"
)

// Sources remembers where the values of flags come from: the command line, which
// always counts, a file, or the default.
type Sources struct {
	flags Flags
	from  map[string]string // by flag; none is the default
	means map[string]string // by flag, where the value alone does not say what counts
}

// NewSources is called once the command line has been read.
func NewSources(flags Flags) *Sources {
	s := &Sources{flags: flags, from: map[string]string{}, means: map[string]string{}}
	flags.Visit(func(f *flag.Flag) { s.from[f.Name] = "the command line" })
	return s
}

// Has tells whether a flag has a value that is not its default.
func (s *Sources) Has(name string) bool { return s.from[name] != "" }

// Given tells whether a flag stands on the command line.
func (s *Sources) Given(name string) bool { return s.from[name] == "the command line" }

// Offer gives a flag a value that was found somewhere else, unless it stands on
// the command line. A value that cannot be is an error that names where it was
// found.
func (s *Sources) Offer(name, value, from string) error {
	if s.Given(name) {
		return nil
	}
	if err := s.flags.Set(name, value); err != nil {
		return &SettingError{Text: fmt.Sprintf("%s: %q for -%s: %v", from, value, name, err), Err: err}
	}
	s.from[name] = from
	return nil
}

// Means says what the value of a flag stands for, where it cannot be seen from
// it: Print adds it, and the value stays one that can be given.
func (s *Sources) Means(name, text string) { s.means[name] = text }

// hidden are flags that say what to do, and nothing about the result.
var hidden = map[string]bool{"print-config": true, "check-config": true}

// Print writes one line for each flag: its name, its value, where that comes
// from and, if need be, what it means.
func (s *Sources) Print(out io.Writer) {
	s.flags.VisitAll(func(f *flag.Flag) {
		if hidden[f.Name] {
			return
		}
		from := s.from[f.Name]
		if from == "" {
			from = "default"
		}
		if text := s.means[f.Name]; text != "" {
			from += ": " + text
		}
		fmt.Fprintf(out, "%-18s = %-32s # %s\n", f.Name, f.Value, from)
	})
}

// From says where the value of a flag comes from.
func (s *Sources) From(name string) string { return s.from[name] }

// FileError makes a *SettingError of what was wrong with a file that a flag
// names.
func FileError(flagName string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[conf.Problems](err); ok {
		return &SettingError{Text: err.Error(), Err: err} // each has its file
	}
	return &SettingError{Text: fmt.Sprintf("-%s: %v", flagName, err), Err: err}
}

// Environment gives the value for ${name} in files: that of the environment
// variable of this name.
func Environment(name string) (string, bool) {
	value, ok := os.LookupEnv(name)
	return value, ok && name != ""
}

// Shifted adds an offset to a port. It is an error if that is none any more.
func Shifted(port, offset int) (int, error) {
	if port+offset > 65535 {
		return 0, fmt.Errorf("port %d and the offset %d are %d, more than 65535", port, offset, port+offset)
	}
	return port + offset, nil
}

// Notes writes settings without an effect, one a line.
func Notes(out io.Writer, notes []conf.Note) {
	for _, n := range notes {
		fmt.Fprintln(out, "# "+strings.ReplaceAll(n.String(), "\n", " "))
	}
}
