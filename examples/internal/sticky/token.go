package sticky

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/membership"
)

// keySize is the bytes of a key.
const keySize = 32

// mostKeys bounds how many keys a file may have.
const mostKeys = 8

// A Key makes tokens. Balancers with the same key make the same ones.
type Key [keySize]byte

// tokenSize is the bytes of the code that a token is cut to: 128 bits cannot be
// guessed.
const tokenSize = 16

// Token names a member of a domain. Without the key nobody can make the token of
// a member, or see from it which member it is.
func (k *Key) Token(domain string, member membership.ID) string {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte("member\x00" + domain + "\x00"))
	mac.Write(member[:])
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:tokenSize])
}

// ReadKeys reads a file with keys: one a line, 32 bytes in hex or base64, # for
// comments. The first makes tokens, all are accepted, so that keys can be
// changed while clients are about. On systems that know it, others than the
// owner must not be allowed to read the file.
func ReadKeys(file string) ([]Key, error) {
	if info, err := os.Stat(file); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: others may read the key (mode %04o); want 0600", file, info.Mode().Perm())
	}
	data, err := conf.Read(file)
	if err != nil {
		return nil, err
	}
	if data, err = conf.Text(file, data); err != nil {
		return nil, err
	}
	var out []Key
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		text := strings.TrimSpace(line)
		if text == "" {
			continue
		}
		key, ok := parseKey(text)
		if !ok || len(out) == mostKeys {
			at := conf.Place{File: file, Line: number, Column: 1}
			want := fmt.Sprintf("want a key of %d bytes in hex or base64, and %d keys at most", keySize, mostKeys)
			return nil, conf.Problems{{Place: at, Text: want}} // and not the text, which may be near to a key
		}
		out = append(out, key)
	}
	if len(out) == 0 {
		return nil, conf.Problems{{Place: conf.Place{File: file}, Text: "there is no key in the file"}}
	}
	return out, nil
}

func parseKey(text string) (key Key, ok bool) {
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if data, err := decode(text); err == nil && len(data) == keySize {
			return Key(data), true
		}
	}
	return key, false
}
