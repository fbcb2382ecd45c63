package carbon_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/carbon"
	"github.com/gotribes/tribes/examples/internal/conf"
)

func none(string) (string, bool) { return "", false }

func TestFileAsUsersHaveIt(t *testing.T) {
	f, err := carbon.Read("../../testdata/carbon-node1.xml", none)
	require.NoError(t, err)
	require.Equal(t, 5, f.Offset)
	require.Equal(t, "identity.example.test", f.HostName)
	require.Equal(t, "../../testdata/carbon-node1.xml:6", f.OffsetAt.Short())
}

func TestWhatIsNotSaidIsNothing(t *testing.T) {
	f, err := carbon.Parse("c.xml", []byte("<Server><Ports/></Server>"), none)
	require.NoError(t, err)
	require.Zero(t, f.Offset)
	require.Zero(t, f.OffsetAt.Line)
	require.Empty(t, f.HostName)
}

func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		"<axisconfig/>": `c.xml:1:1: the file begins with <axisconfig>, not with <Server>; is it a carbon.xml?`,
		"<Server><Ports>\n<Offset>x</Offset></Ports></Server>":  `c.xml:2:1: Offset "x": want a whole number from 0 to 60000`,
		"<Server><Ports>\n<Offset>-1</Offset></Ports></Server>": `c.xml:2:1: Offset "-1": want a whole number from 0 to 60000`,
		"<Server>\n<HostName>${carbon.host}</HostName></Server>": `c.xml:2:1: HostName: ${carbon.host} has no value; set the ` +
			`environment variable carbon.host`,
		"<Server>\n<HostName>a</HostName>": `c.xml:2:23: not well-formed XML: unexpected EOF`,
	} {
		_, err := carbon.Parse("c.xml", []byte(text), none)
		require.EqualError(t, err, want)
	}
}

// FuzzParse: no text makes it crash.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("../../testdata/carbon-node1.xml")
	require.NoError(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := carbon.Parse("c.xml", data, none)
		if err != nil {
			_, ok := errors.AsType[conf.Problems](err)
			require.True(t, ok, "%v has no place", err)
			return
		}
		require.GreaterOrEqual(t, file.Offset, 0)
	})
}
