package wire

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Golden bytes keep the wire from changing unnoticed. Nodes of different
// versions must understand each other, so a change here is a decision: run
// 'go test ./internal/wire -run Golden -update', and say in the change log
// which versions still understand each other.
var update = flag.Bool("update", false, "write the golden bytes anew")

// golden returns the encoding of every sample by its file's name.
func golden() map[string][]byte {
	var e Encoder
	sampleBeat.Encode(&e)
	out := map[string][]byte{"beat": e.Bytes()}
	for _, m := range samples() {
		out[strings.ToLower(Name(m))] = encoded(m)
	}
	return out
}

// hexLines writes 32 bytes a line, so that a difference can be found by eye.
func hexLines(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		n := min(32, len(b))
		s.WriteString(hex.EncodeToString(b[:n]) + "\n")
		b = b[n:]
	}
	return s.String()
}

func goldenFile(name string) string { return filepath.Join("testdata", name+".hex") }

// readGolden returns the bytes of one golden file.
func readGolden(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(goldenFile(name))
	require.NoError(t, err)
	b, err := hex.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
	require.NoError(t, err, goldenFile(name))
	return b
}

func TestGoldenBytesHaveNotChanged(t *testing.T) {
	all := golden()
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		for name, b := range all {
			require.NoError(t, os.WriteFile(goldenFile(name), []byte(hexLines(b)), 0o644))
		}
	}
	for name, b := range all {
		want, got := strings.Fields(hexLines(readGolden(t, name))), strings.Fields(hexLines(b))
		for i := range min(len(want), len(got)) { // one line says more than two whole files
			require.Equal(t, want[i], got[i], "line %d of %s is not what earlier versions send", i+1, goldenFile(name))
		}
		require.Len(t, got, len(want), "%s has another length", goldenFile(name))
	}
	files, err := filepath.Glob(goldenFile("*"))
	require.NoError(t, err)
	require.Len(t, files, len(all), "one file a kind of message, no more")
}

// A kind of message that is added without a sample would have no golden bytes.
func TestEveryKindOfMessageHasGoldenBytes(t *testing.T) {
	names := map[string]bool{"beat": true}
	for k := range Kind(1 << 10) {
		m := newMessage(k)
		if m == nil {
			continue
		}
		name := strings.ToLower(Name(m))
		names[name] = true
		payload := readGolden(t, name)
		var d Decoder
		d.Reset(payload)
		require.Equal(t, uint64(k), d.Uint(), "%s is of another kind in its golden bytes", name)
	}
	require.Len(t, golden(), len(names), "each kind has one sample")
}

// Signatures included: what was signed once must stay valid.
func TestGoldenBytesAreUnderstood(t *testing.T) {
	for _, want := range samples() {
		name := strings.ToLower(Name(want))
		got, err := Decode(readGolden(t, name))
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
		for _, r := range recordsOf(got) {
			require.True(t, r.Verify(Ed25519Verify), "a record in %s", name)
		}
		for _, a := range accusationsOf(got) {
			require.True(t, a.Verify(Ed25519Verify), "an accusation in %s", name)
		}
	}
	var d Decoder
	b, ok, err := DecodeBeat(&d, readGolden(t, "beat"))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, sampleBeat, b)
}

// recordsOf returns all records in a message.
func recordsOf(m Message) []*Record {
	switch m := m.(type) {
	case *Join:
		return []*Record{m.Record}
	case *Table:
		return m.Records
	case *Gossip:
		return m.Records
	case *Sync:
		return m.Records
	}
	return nil
}

// accusationsOf returns all accusations in a message.
func accusationsOf(m Message) []*Accusation {
	g, ok := m.(*Gossip)
	if !ok {
		return nil
	}
	out := append([]*Accusation(nil), g.Accusations...)
	for _, v := range g.Verdicts {
		out = append(out, v.Accusations...)
	}
	return out
}
