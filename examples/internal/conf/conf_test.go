package conf_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/conf"
)

func TestUnknownWordsAreAnsweredWithTheNearest(t *testing.T) {
	known := []string{"hosts", "tenant_range", "sub_domain"}
	for word, want := range map[string]string{
		"host":         `unknown key "host"; did you mean "hosts"?`,
		"tenantrange":  `unknown key "tenantrange"; did you mean "tenant_range"?`,
		"subdomian":    `unknown key "subdomian"; did you mean "sub_domain"?`,
		"colour":       `unknown key "colour"`,
		"":             `unknown key ""`,
		"x" + "hosts":  `unknown key "xhosts"; did you mean "hosts"?`,
		"tenant_rangE": `unknown key "tenant_rangE"; did you mean "tenant_range"?`,
	} {
		require.Equal(t, want, conf.Unknown("key", word, known))
	}
	require.Less(t, len(conf.Unknown("key", strings.Repeat("x", 1<<20), known)), 100, "a long word is cut")
}

func TestFilesBeyondTheBoundAreRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "big.conf")
	require.NoError(t, os.WriteFile(file, make([]byte, 10<<20), 0o600))
	_, err := conf.Read(file)
	require.EqualError(t, err, file+": the file has more than 2048 KiB; is it the right one?")
	_, err = conf.Read(file + "x")
	require.ErrorContains(t, err, file+"x")
}

func TestWhatIsNotTextIsNamedWithItsPlace(t *testing.T) {
	text, err := conf.Text("f", []byte("\xef\xbb\xbfgrün\r\n\t"))
	require.NoError(t, err)
	require.Equal(t, "grün\r\n\t", string(text), "the mark at the beginning goes")
	for data, want := range map[string]string{
		"ab\x00":     "f:1:3: byte 0x00 is not text; want a file in UTF-8",
		"a\nb\xffc":  "f:2:2: byte 0xff is not text; want a file in UTF-8",
		"a\n\n\x7fc": "f:3:1: byte 0x7f is not text; want a file in UTF-8",
	} {
		_, err = conf.Text("f", []byte(data))
		require.EqualError(t, err, want)
	}
}

func TestExpandTakesValuesByName(t *testing.T) {
	lookup := func(name string) (string, bool) { return "<" + name + ">", name != "none" }
	text, err := conf.Expand("a${b}c${d.e}$f}", lookup)
	require.NoError(t, err)
	require.Equal(t, "a<b>c<d.e>$f}", text)
	_, err = conf.Expand("${none}", lookup)
	require.EqualError(t, err, "${none} has no value; set the environment variable none")
	_, err = conf.Expand("a${b", lookup)
	require.ErrorContains(t, err, "not closed")
	nested, err := conf.Expand("${x}", func(string) (string, bool) { return "${y}", true })
	require.NoError(t, err)
	require.Equal(t, "${y}", nested, "a value is not looked into again, so that nothing grows without end")
}

func TestReportsAreBoundedAndNotesComeOnce(t *testing.T) {
	var r conf.Report
	require.NoError(t, r.Err())
	for range 100 {
		r.Bad(conf.Place{File: "f", Line: 1, Column: 2}, "bad")
		r.Unused(conf.Place{File: "f", Line: 1, Column: 2}, "key", "no reason")
	}
	require.Len(t, r.Problems, 10)
	require.Equal(t, "f:1:2: key is not used: no reason", r.Notes[0].String())
	require.Len(t, r.Notes, 1)
	require.True(t, strings.HasPrefix(r.Err().Error(), "f:1:2: bad\nf:1:2: bad\n"))
}
