package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDecode holds for any payload: decoding does not panic, and refuses it
// with one of the two errors, or returns a message whose encoding decodes to
// the same message again.
func FuzzDecode(f *testing.F) {
	f.Add(readGolden(f, "beat"))
	for _, m := range samples() {
		payload := readGolden(f, strings.ToLower(Name(m)))
		f.Add(payload)
		f.Add(payload[:len(payload)/2])
	}
	f.Add(fieldsOf(KindGossip, append([]any{1, "d"}, unknown...)...))
	f.Add(fieldsOf(KindTable, 1, "d", 2, []any{signedAs(body(unknown...))}, 3, []any{[]any{make([]byte, 16), 1, 1, "x", nil}}))
	f.Add(fieldsOf(KindGossip, 1, "d", 3, []any{signedAs(accBody(unknown...))}, 4, []any{verdictOf(2)}))
	f.Add(fieldsOf(KindDomains, 1, []any{[]any{"d", 1}}, 1, []any{[]any{"e", 1}}))
	for _, bomb := range bombs() {
		f.Add(fieldsOf(KindSync, 100, bomb[:min(len(bomb), 200)]))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var d Decoder
		if b, ok, err := DecodeBeat(&d, payload); ok && err == nil {
			var e Encoder
			b.Encode(&e)
			again, ok, err := DecodeBeat(&d, e.Bytes())
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, b, again)
		}
		m, err := Decode(payload)
		if err != nil {
			require.Nil(t, m)
			if !errors.Is(err, ErrUnknownKind) {
				require.ErrorIs(t, err, ErrMalformed)
			}
			return
		}
		sent := encoded(m)
		clear(payload) // a message shares nothing with its frame
		again, err := Decode(sent)
		require.NoError(t, err, "what was taken can be passed on")
		require.Equal(t, m, again)
		require.Equal(t, sent, encoded(again))
		for _, r := range recordsOf(m) {
			require.Equal(t, IDOf(r.Key, r.Birth), r.ID)
			require.NotEmpty(t, r.String())
			require.False(t, r.Newer(r))
		}
		for _, a := range accusationsOf(m) {
			require.Equal(t, IDOf(a.Key, a.Birth), a.Watcher)
			require.LessOrEqual(t, len(a.Body), MaxAccusation)
		}
	})
}
