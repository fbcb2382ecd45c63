package program

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/gotribes/tribes/membership"
)

// A SettingError is about a flag or setting that must be changed.
type SettingError struct {
	Text string // names the flag, its value and what is wanted
	Err  error  // where it came from, or nil
}

// Error returns the text.
func (e *SettingError) Error() string { return e.Text }

// Unwrap returns where the error came from.
func (e *SettingError) Unwrap() error { return e.Err }

// Bad makes the error for the value of a flag; want says what it must be.
func Bad(flagName, value, want string) error {
	return &SettingError{Text: fmt.Sprintf("-%s %q: %s", flagName, value, want)}
}

// Missing makes the error for a flag that has no default and was not set.
func Missing(flagName, want string) error {
	return &SettingError{Text: fmt.Sprintf("-%s is not set: %s", flagName, want)}
}

// Flags is a set of flags whose mistakes are one line each and not a page.
type Flags struct {
	*flag.FlagSet
}

// NewFlags makes an empty set. about is one line for the usage.
func NewFlags(name, about string) Flags {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard) // or Parse would print the usage after each mistake
	set.Usage = func() {
		fmt.Fprintf(set.Output(), "%s: %s\n\nUsage: %s [flags]\n", name, about, name)
		set.PrintDefaults()
	}
	return Flags{set}
}

// Parse reads the arguments. Arguments that are no flags are a mistake, as no
// example takes any. For -h it writes the usage to help and returns
// flag.ErrHelp; every other error is a *SettingError.
func (f Flags) Parse(args []string, help io.Writer) error {
	err := f.FlagSet.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.SetOutput(help)
		f.Usage()
		return err
	case err != nil:
		return &SettingError{Text: err.Error(), Err: err}
	case f.NArg() > 0:
		return &SettingError{Text: fmt.Sprintf("%q is not a flag; all settings are flags, see -h", f.Arg(0))}
	}
	return nil
}

// Config turns what membership says of its Config into a *SettingError that
// names the flag, for the fields that were set from one. Other errors are
// returned as they are.
func Config(err error, flagOf map[string]string) error {
	bad, ok := errors.AsType[*membership.ConfigError](err)
	if !ok {
		return err
	}
	// "Config.Manage[1]" and "Config.Advertise (…)" are about Manage and Advertise.
	field := strings.TrimPrefix(bad.Field, "Config.")
	if i := strings.IndexAny(field, "[ "); i >= 0 {
		field = field[:i]
	}
	text := err.Error()
	if name := flagOf[field]; name != "" {
		text = fmt.Sprintf("-%s %s: want %s", name, bad.Value, bad.Want)
	}
	// What is wanted may speak of other fields.
	for field, name := range flagOf {
		text = strings.ReplaceAll(text, "Config."+field, "-"+name)
	}
	return &SettingError{Text: text, Err: err}
}

// Address checks host:port with a port from 0 to 65535; host may be empty
// where a listener is meant.
func Address(flagName, value string) error {
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		return Bad(flagName, value, "want host:port")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return Bad(flagName, value, "want host:port with a port from 0 to 65535")
	}
	return nil
}

// A List is a flag with items behind commas; blanks around them are fine. It
// may be repeated.
type List []string

// String returns the items as they would be given.
func (l *List) String() string { return strings.Join(*l, ",") }

// Set adds the items of one flag.
func (l *List) Set(s string) error {
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item == "" {
			return errors.New("an item of the list is empty")
		}
		*l = append(*l, item)
	}
	return nil
}

// Pairs is a flag with key=value, once or several times. A key may be set once.
type Pairs map[string]string

// String returns nothing: the flag has no default.
func (p *Pairs) String() string { return "" }

// Set adds one pair. The value may be empty and may hold further equals signs.
func (p *Pairs) Set(s string) error {
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return errors.New("want key=value")
	}
	if _, twice := (*p)[key]; twice {
		return fmt.Errorf("%s is set twice", key)
	}
	if *p == nil {
		*p = Pairs{}
	}
	(*p)[key] = value
	return nil
}
