package xmltree_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/xmltree"
)

func TestElementsKnowWhereTheyStand(t *testing.T) {
	root, err := xmltree.Parse("f", []byte("<?xml version='1.0'?>\n<!-- x -->\n<a xmlns='u' b='1'>\n  t <c>u&amp;v</c> w\n</a>\n"))
	require.NoError(t, err)
	require.Equal(t, "f:3:1", root.At.String())
	require.Equal(t, "a", root.Name)
	require.Equal(t, "t  w", root.Text)
	value, ok := root.Attr("b")
	require.True(t, ok)
	require.Equal(t, "1", value)
	_, ok = root.Attr("d")
	require.False(t, ok)
	require.Nil(t, root.Child("d"))
	c := root.Child("c")
	require.Equal(t, "f:4:5", c.At.String())
	require.Equal(t, "u&v", c.Text)
}

func TestOldEncodingsAreRead(t *testing.T) {
	root, err := xmltree.Parse("f", []byte("<?xml version='1.0' encoding='ISO-8859-1'?><a>gr\xfcn</a>"))
	require.NoError(t, err)
	require.Equal(t, "grün", root.Text)
}

func TestWhatIsNoXMLIsNamedWithItsPlace(t *testing.T) {
	bomb := `<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;">]><a>&y;</a>`
	for why, c := range map[string]struct{ text, want string }{
		"an entity bomb":    {bomb, "f:1:1: a document type declaration is not accepted"},
		"an unknown entity": {"<a>\n&y;</a>", "f:2:4: not well-formed XML: invalid character entity &y;"},
		"a wrong end":       {"<a>\n<b>\n</a>", "f:3:5: not well-formed XML: element <b> closed by </a>"},
		"no end":            {"<a>\n<b>", "f:2:4: not well-formed XML: unexpected EOF"},
		"nothing":           {"", "f:1:1: there is no element in the file"},
		"another format":    {"a = b\n", "f:1:1: text outside of all elements"},
		"two roots":         {"<a/>\n<b/>", "f:2:1: a second root element"},
		"binary":            {"\x00\x01\x02", "f:1:4: not well-formed XML: illegal character code U+0000"},
		"an unknown encoding": {
			"<?xml version='1.0' encoding='utf-16'?><a/>",
			"f:1:40: xml: opening charset \"utf-16\": the encoding \"utf-16\" is not known; want UTF-8",
		},
		"10 MiB":    {strings.Repeat(" ", 10<<20), "f: the file has more than 2048 KiB"},
		"very deep": {strings.Repeat("<a>", 100_000), "f:1:193: elements lie more than 64 deep"},
		"very many": {"<a>" + strings.Repeat("<b/>", 100_000) + "</a>", "f:1:200000: the file has more than 50000 elements"},
	} {
		t.Run(why, func(t *testing.T) {
			_, err := xmltree.Parse("f", []byte(c.text))
			require.Error(t, err)
			_, ok := errors.AsType[conf.Problems](err)
			require.True(t, ok)
			require.True(t, strings.HasPrefix(err.Error(), c.want), "%v is not %s", err, c.want)
		})
	}
}

// FuzzParse: no document makes it crash, and every element has a place.
func FuzzParse(f *testing.F) {
	f.Add([]byte("<?xml version='1.0' encoding='ISO-8859-1'?><a b='c'><d>\xfc</d></a>"))
	f.Add([]byte("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := xmltree.Parse("f", data)
		if err != nil {
			_, ok := errors.AsType[conf.Problems](err)
			require.True(t, ok, "%v has no place", err)
			return
		}
		require.Positive(t, root.At.Line)
	})
}
