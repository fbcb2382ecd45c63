package transport

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAKeyIsReadFromTextInAnyUsualForm(t *testing.T) {
	k := NewKey()
	raw, err := hex.DecodeString(k.Text())
	require.NoError(t, err)
	for _, text := range []string{
		k.Text(), strings.ToUpper(k.Text()), " " + k.Text() + "\n",
		base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
	} {
		got, err := ParseKey(text)
		require.NoError(t, err)
		require.True(t, got == k, "%q", text)
	}
	require.False(t, NewKey() == k)
}

func TestWhatIsNoKey(t *testing.T) {
	secret := strings.Repeat("5ec2e7", 10)
	for name, text := range map[string]string{
		"nothing":           "",
		"too short":         secret,
		"too long":          secret + secret,
		"no digits":         strings.Repeat("xy", 32),
		"no base64":         strings.Repeat("!", 44),
		"a password":        "correct horse battery staple",
		"zeros":             strings.Repeat("0", 64),
		"bits left over":    strings.Repeat("A", 42) + "B=",
		"two at once":       NewKey().Text() + " " + NewKey().Text(),
		"base64 of 31 only": base64.StdEncoding.EncodeToString(make([]byte, 31)),
	} {
		_, err := ParseKey(text)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "5ec2e7", "an error goes to logs")
	}
	_, err := KeyOf(make([]byte, 16))
	require.ErrorContains(t, err, "16 bytes, want a key of 32")
}

func TestAKeyDoesNotReachALogByMistake(t *testing.T) {
	k := NewKey()
	raw, err := hex.DecodeString(k.Text())
	require.NoError(t, err)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "key", k, "keys", []Key{k})
	slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "key", k, "keys", []Key{k}, "config", Config{Keys: []Key{k}}.Keys)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%t"} {
		fmt.Fprintf(&log, verb+" "+verb+" "+verb+"\n", k, &k, []Key{k})
	}
	out, err := json.Marshal(struct{ K Key }{k})
	require.NoError(t, err)
	log.Write(out)
	forms := []string{k.Text(), strings.ToUpper(k.Text()), string(raw), fmt.Sprint(raw)[1:60], base64.StdEncoding.EncodeToString(raw)}
	for _, form := range forms {
		require.NotContains(t, log.String(), form)
	}
	require.Contains(t, log.String(), "key "+k.Fingerprint())
	require.NotContains(t, k.Text(), k.Fingerprint())
}

func TestWhatIsDerivedFromAKeyStaysAsItIs(t *testing.T) {
	k, err := ParseKey(strings.Repeat("07", 32))
	require.NoError(t, err)
	require.Equal(t, "3ad4d929", k.Fingerprint())
	require.Equal(t, "3af997c20ee551b168edf97f741580f5d9b1f6092de06cc4f118c38b5a8fd4f4",
		hex.EncodeToString(k.identity()[32:]), "made with other tools as well; nodes of other versions know the key by this")
}

// writeKeys writes a key file that only its owner may read.
func writeKeys(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cluster.key")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestAKeyFile(t *testing.T) {
	a, b := NewKey(), NewKey()
	keys, err := ReadKeyFile(writeKeys(t, "# the new one\r\n"+a.Text()+"\r\n\n  "+b.Text()+"  "))
	require.NoError(t, err)
	require.True(t, len(keys) == 2 && keys[0] == a && keys[1] == b)
}

func TestWhatIsNoKeyFile(t *testing.T) {
	many := &strings.Builder{}
	for range MaxKeys + 1 {
		fmt.Fprintln(many, NewKey().Text())
	}
	same := NewKey().Text()
	for name, c := range map[string]struct{ text, says string }{
		"empty":          {"", "no key in it"},
		"a comment":      {"# later\n", "no key in it"},
		"a short key":    {"# one\nabcd\n", "line 2: 4 characters, want a key of 32 bytes"},
		"too many":       {many.String(), "17 keys, at most 16"},
		"one twice":      {same + "\n" + same, "keys 1 and 2 are the same"},
		"a long line":    {strings.Repeat("a", maxKeyFile), "line"},
		"something else": {strings.Repeat("#\n", maxKeyFile), "over 16384 bytes"},
	} {
		path := writeKeys(t, c.text)
		_, err := ReadKeyFile(path)
		require.ErrorContains(t, err, "key file "+path, name)
		require.ErrorContains(t, err, c.says, name)
	}
	_, err := ReadKeyFile(filepath.Join(t.TempDir(), "missing.key"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "missing.key")
	dir := t.TempDir()
	_, err = ReadKeyFile(dir)
	require.ErrorContains(t, err, dir)
}

func TestAKeyFileThatOthersCanReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the mode of a file does not say who may read it on Windows")
	}
	path := writeKeys(t, NewKey().Text())
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602} {
		require.NoError(t, os.Chmod(path, mode))
		_, err := ReadKeyFile(path)
		require.ErrorContains(t, err, "chmod 600 "+path)
		require.ErrorContains(t, err, fmt.Sprintf("mode %#o", mode))
	}
	for _, mode := range []os.FileMode{0o600, 0o400, 0o700} {
		require.NoError(t, os.Chmod(path, mode))
		_, err := ReadKeyFile(path)
		require.NoError(t, err)
	}
}

// FuzzKeys reads key files of any content.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("# one\n" + NewKey().Text() + "\n" + NewKey().Text()))
	f.Add([]byte("qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo="))
	f.Add([]byte(strings.Repeat("0", 64)))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeys(data)
		if err != nil {
			return
		}
		var text strings.Builder
		for _, k := range keys {
			text.WriteString(k.Text() + "\n")
		}
		again, err := parseKeys([]byte(text.String()))
		require.NoError(t, err, "what was accepted is written and read again")
		require.True(t, len(again) == len(keys) && len(keys) <= MaxKeys)
		for i := range keys {
			require.True(t, keys[i] == again[i])
		}
	})
}
