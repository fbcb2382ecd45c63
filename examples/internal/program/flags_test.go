package program_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
)

// A set with one flag of each kind.
func flags() (program.Flags, *program.List, *program.Pairs) {
	f := program.NewFlags("demo", "a demonstration")
	var list program.List
	var pairs program.Pairs
	f.Var(&list, "list", "`items` with commas between")
	f.Var(&pairs, "pair", "a `key=value`")
	return f, &list, &pairs
}

func TestListsAndPairsAddUp(t *testing.T) {
	f, list, pairs := flags()
	args := []string{"-list", "a, b", "-list=c", "-pair", "k=v", "-pair", "url=http://h/?a=b", "-pair", "none="}
	require.NoError(t, f.Parse(args, io.Discard))
	require.Equal(t, program.List{"a", "b", "c"}, *list)
	require.Equal(t, program.Pairs{"k": "v", "url": "http://h/?a=b", "none": ""}, *pairs)
}

func TestMistakesNameTheFlag(t *testing.T) {
	for _, c := range []struct {
		args []string
		text string
	}{
		{[]string{"-list", "a,,b"}, `invalid value "a,,b" for flag -list: an item of the list is empty`},
		{[]string{"-pair", "k"}, `invalid value "k" for flag -pair: want key=value`},
		{[]string{"-pair", "=v"}, `invalid value "=v" for flag -pair: want key=value`},
		{[]string{"-pair", "k=1", "-pair", "k=2"}, `invalid value "k=2" for flag -pair: k is set twice`},
		{[]string{"-list"}, "flag needs an argument: -list"},
		{[]string{"-lits", "a"}, "flag provided but not defined: -lits"},
		{[]string{"more"}, `"more" is not a flag; all settings are flags, see -h`},
	} {
		var help bytes.Buffer
		f, _, _ := flags()
		err := f.Parse(c.args, &help)
		require.EqualError(t, err, c.text)
		_, ok := errors.AsType[*program.SettingError](err)
		require.True(t, ok, "%v is about a setting", err)
		require.Empty(t, help.String(), "a mistake does not bring a page of help")
	}
}

func TestHelpIsNoMistake(t *testing.T) {
	var help bytes.Buffer
	f, _, _ := flags()
	err := f.Parse([]string{"-h"}, &help)
	require.ErrorIs(t, err, flag.ErrHelp)
	require.Contains(t, help.String(), "Usage: demo [flags]")
	require.Contains(t, help.String(), "-pair key=value")
	require.Equal(t, program.ExitOK, program.Status("demo", err, io.Discard))
}

func TestStatusIsOneLine(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		text   string
	}{
		{nil, program.ExitOK, ""},
		{program.Bad("http", "x", "want host:port"), program.ExitUsage, "demo: -http \"x\": want host:port\n"},
		{program.Missing("wka", "want one"), program.ExitUsage, "demo: -wka is not set: want one\n"},
		{errors.New("broken"), program.ExitFailure, "demo: broken\n"},
		{errors.Join(errors.New("one"), errors.New("two")), program.ExitFailure, "demo: one; two\n"},
	} {
		var out bytes.Buffer
		require.Equal(t, c.status, program.Status("demo", c.err, &out))
		require.Equal(t, c.text, out.String())
	}
}

func TestConfigNamesFlags(t *testing.T) {
	flagOf := map[string]string{"Advertise": "advertise", "Manage": "manage", "Insecure": "insecure", "Listener": "listen"}
	for _, c := range []struct{ field, want, text string }{
		{"Config.Advertise", "a host", `-advertise "v": want a host`},
		{"Config.Advertise (empty, so that of the listener)", "a host", `-advertise "v": want a host`},
		{"Config.Manage[1]", "a name", `-manage "v": want a name`},
		{"Config.Listener", "loopback, or Config.Insecure", `-listen "v": want loopback, or -insecure`},
		{"Config.MaxDomains", "64", `Config.MaxDomains: "v": want 64`},
	} {
		err := program.Config(&membership.ConfigError{Field: c.field, Value: `"v"`, Want: c.want}, flagOf)
		require.EqualError(t, err, c.text)
		require.Equal(t, program.ExitUsage, program.Status("demo", err, io.Discard))
	}
	other := errors.New("the port is taken")
	require.Equal(t, other, program.Config(other, flagOf), "what is no setting stays what it is")
}

func TestAddress(t *testing.T) {
	for _, good := range []string{"127.0.0.1:0", ":8290", "[::1]:65535", "name.test:80"} {
		require.NoError(t, program.Address("http", good))
	}
	for _, bad := range []string{"", "8290", "127.0.0.1", "127.0.0.1:", "h:65536", "h:-1", "h:+1", "h:080", "h:http", "::1:80"} {
		require.ErrorContains(t, program.Address("http", bad), `-http "`+bad+`"`)
	}
}
