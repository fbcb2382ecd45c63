package tenants_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/tenants"
)

func TestNamesHaveNumbers(t *testing.T) {
	m, err := tenants.Parse("t", []byte("# all of them\nGold.test 7\n\n  silver.test\t2147483647 # new\r\n"))
	require.NoError(t, err)
	require.Equal(t, 7, m.ID("gold.TEST"))
	require.Equal(t, 2147483647, m.ID("silver.test"))
	require.Zero(t, m.ID("other"))
	require.Zero(t, tenants.Map(nil).ID("gold.test"))
	require.Zero(t, m.ID(string(make([]byte, 10_000))))
	require.Zero(t, testing.AllocsPerRun(100, func() { m.ID("GOLD.test") }))
}

func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		"a 1\n b":         `t:2:2: want "name number", not 1 words`,
		"a 1 2":           `t:1:1: want "name number", not 3 words`,
		"a x":             `t:1:1: tenant a: number "x": want a whole number from 1 on`,
		"a 0":             `t:1:1: tenant a: number "0": want a whole number from 1 on`,
		"a 1\n\nA 2":      `t:3:1: tenant a is there twice; the first time at line 1`,
		"a 1\n\x00":       `t:2:1: byte 0x00 is not text; want a file in UTF-8`,
		"a 1\nb 2 3\nc d": "t:2:1: want \"name number\", not 3 words\nt:3:1: tenant c: number \"d\": want a whole number from 1 on",
	} {
		_, err := tenants.Parse("t", []byte(text))
		require.EqualError(t, err, want)
	}
}

// FuzzParse: no text makes it crash, and every number is from 1 on.
func FuzzParse(f *testing.F) {
	f.Add([]byte("gold.test 7\n# x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := tenants.Parse("t", data)
		if err != nil {
			_, ok := errors.AsType[conf.Problems](err)
			require.True(t, ok, "%v has no place", err)
			return
		}
		for name, id := range m {
			require.Positive(t, id)
			require.Equal(t, id, m.ID(name))
		}
	})
}
