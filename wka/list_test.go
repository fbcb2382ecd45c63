package wka_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

func TestParseTakesWhatIsRight(t *testing.T) {
	for _, c := range []struct {
		value string
		kind  wka.Kind
		text  string // "": as value
	}{
		{"10.0.0.1:4000", wka.Literal, ""},
		{"10.0.0.1:0080", wka.Literal, "10.0.0.1:80"},
		{"127.0.0.1:65535", wka.Literal, ""},
		{"[::1]:4000", wka.Literal, ""},
		{"[fe80::1%eth0]:4000", wka.Literal, ""},
		{"[2001:DB8:0::1]:1", wka.Literal, "[2001:db8::1]:1"},
		{"[::ffff:10.0.0.1]:4000", wka.Literal, "10.0.0.1:4000"},
		{"a:1", wka.Name, ""},
		{"localhost:4000", wka.Name, ""},
		{"members.example:4000", wka.Name, ""},
		{"Members.example.:4000", wka.Name, ""},
		{"my_service:4000", wka.Name, ""},
		{"4lb-2:4000", wka.Name, ""},
		{"srv+_tribes._tcp.example", wka.SRV, ""},
		{"srv+members.example.", wka.SRV, ""},
		{"file:/etc/tribes/members", wka.File, ""},
		{"file:members.txt", wka.File, ""},
		{"file:./4000", wka.File, ""},
		{`file:C:\Program Files\tribes.txt`, wka.File, ""},
		{"file.example:4000", wka.Name, ""},
	} {
		entries, err := wka.List{c.value}.Parse()
		require.NoError(t, err, c.value)
		require.Len(t, entries, 1)
		require.Equal(t, c.kind, entries[0].Kind(), c.value)
		if c.text == "" {
			c.text = c.value
		}
		require.Equal(t, c.text, entries[0].String())
		addr, ok := entries[0].Literal()
		require.Equal(t, c.kind == wka.Literal, ok, c.value)
		if ok {
			require.Equal(t, c.text, addr)
		} else {
			require.Empty(t, addr)
		}
	}
}

func TestParseRefusesWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ value, says string }{
		{"", "empty; want host:port, srv+name or file:path"},
		{"10.0.0.1", "no port; want host:port, srv+name or file:path"},
		{"[::1]", "no port;"},
		{"members.example", "no port;"},
		{"::1", "IPv6 address in brackets"},
		{"fe80::1:4000", "IPv6 address in brackets"},
		{"a:b:1", "too many colons"},
		{"[::1]4000", "not host:port"},
		{"[::1:4000", "not host:port"},
		{"::1]:4000", "too many colons"},
		{"a]:4000", "not host:port"},
		{"[a]:4000", `"a" is not an IPv6 address; only those take brackets`},
		{"[10.0.0.1]:4000", "only those take brackets"},
		{"a:", `port "" is not a number from 1 to 65535`},
		{"a:0", `port "0" is not a number from 1 to 65535`},
		{"a:65536", "port"},
		{"a:-1", "port"},
		{"a:http", `port "http" is not a number`},
		{":4000", "listening on all interfaces"},
		{"*:4000", "listening on all interfaces"},
		{"0.0.0.0:4000", `host "0.0.0.0" is for listening on all interfaces`},
		{"[::]:4000", "listening on all interfaces"},
		{"[::%eth0]:4000", "listening on all interfaces"},
		{"[::ffff:0.0.0.0]:4000", "listening on all interfaces"},
		{"224.0.0.1:4000", "many hosts at once"},
		{"[ff02::1]:4000", "many hosts at once"},
		{"255.255.255.255:4000", "many hosts at once"},
		{"10.0.0:4000", "neither an IP address nor a DNS name"},
		{"10.0.0.256:4000", "neither an IP address nor a DNS name"},
		{" a:1", "begins or ends with a space"},
		{"a:1\u00a0", "begins or ends with a space"},
		{"a:1 b:1", "has a space in it; want host:port, srv+name or file:path, one an entry"},
		{"a:1,b:1", "too many colons"},
		{"a:1\nb:1", "control character"},
		{"a\xff:1", "control character"},
		{"a..b:1", "not a DNS name"},
		{".:1", "no name"},
		{strings.Repeat("a", 64) + ":1", "1 to 63 characters"},
		{strings.Repeat("a.", 127) + "a:1", "253"},
		{"http://a:1", "too many colons"},
		{"a/b:1", `has '/' in it`},
		{"bücher.example:1", "xn--"},
		{"dns+members.example:4000", `unknown scheme "dns+"; want host:port, srv+name or file:path`},
		{"SRV+members.example", `unknown scheme "SRV+"`},
		{"srv+", "no name"},
		{"srv+members.example:4000", "takes no port"},
		{"srv+mem bers", "space"},
		{"file:", "no path; want file:path"},
		{"file: /etc/tribes", "space before the path"},
		{"file:4000", "write its full name"},
		{"file:" + strings.Repeat("x", 5000), "longer than 4096 bytes"},
	} {
		entries, err := wka.List{"a:1", c.value}.Parse()
		require.ErrorContains(t, err, c.says, "%q", c.value)
		require.Empty(t, entries)
		wrong, ok := errors.AsType[*wka.AddressError](err)
		require.True(t, ok)
		require.Equal(t, 1, wrong.Index)
		require.Equal(t, c.value, wrong.Value)
		require.Less(t, len(err.Error()), 700, "an operator reads it")
	}
}

func TestParseTellsAllThatIsWrongAtOnce(t *testing.T) {
	_, err := wka.List{"a:1", "b", "10.0.0.1"}.Parse()
	require.EqualError(t, err, `well-known address 1 "b": no port; want host:port, srv+name or file:path
well-known address 2 "10.0.0.1": no port; want host:port, srv+name or file:path`)

	var many wka.List
	for range 100 {
		many = append(many, "b")
	}
	_, err = many.Parse()
	require.ErrorContains(t, err, "and 92 more errors like these")
	require.Equal(t, 9, len(strings.Split(err.Error(), "\n")))
}

func TestParseOfNothing(t *testing.T) {
	entries, err := wka.List(nil).Parse()
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestParseIsBounded(t *testing.T) {
	list := make(wka.List, wka.MaxEntries)
	for i := range list {
		list[i] = fmt.Sprintf("a%d:1", i)
	}
	entries, err := list.Parse()
	require.NoError(t, err)
	require.Len(t, entries, wka.MaxEntries)
	_, err = append(list, "b:1").Parse()
	require.ErrorContains(t, err, "at most 4096 are allowed")
}

func TestEntriesCompare(t *testing.T) {
	entries, err := wka.List{"[::ffff:10.0.0.1]:0080", "10.0.0.1:80", "10.0.0.1:81", "a:80"}.Parse()
	require.NoError(t, err)
	require.True(t, entries[0] == entries[1], "written differently, but the same")
	require.False(t, entries[1] == entries[2])
	require.False(t, entries[1] == entries[3])
	require.Empty(t, wka.Entry{}.String())
}

func TestKindsHaveNames(t *testing.T) {
	for kind, name := range map[wka.Kind]string{wka.Literal: "literal", wka.Name: "name", wka.SRV: "srv", wka.File: "file", 0: "Kind(0)"} {
		require.Equal(t, name, kind.String())
	}
}

// What is taken is written in one way, and reads again as the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"10.0.0.1:4000", "[fe80::1%eth0]:4000", "[::ffff:10.0.0.1]:1", "members.example:4000", "a:0001",
		"srv+_tribes._tcp.example", "file:/etc/tribes", "file:", "file:1", "srv+", "x+y", "[]:1", "*:1", "::", "a b:1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		entries, err := wka.List{value}.Parse()
		if err != nil {
			require.ErrorContains(t, err, "well-known address 0 ")
			return
		}
		text := entries[0].String()
		again, err := wka.List{text}.Parse()
		require.NoError(t, err, "%q became %q", value, text)
		require.Equal(t, entries[0], again[0])
		require.Equal(t, text, again[0].String())
		if addr, ok := entries[0].Literal(); ok {
			got, err := (&wka.Resolver{}).Resolve(t.Context(), entries[0])
			require.NoError(t, err)
			require.Equal(t, []string{addr}, got)
		}
	})
}
