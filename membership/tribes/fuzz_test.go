package tribes

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"encoding/hex"

	"github.com/gotribes/tribes/internal/javastream"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// The contents of messages that are for the node itself: nothing panics, and
// what is read can be written again.
func FuzzContent(f *testing.F) {
	files, err := filepath.Glob("../../transport/tribes/testdata/frames/*.hex")
	if err != nil || len(files) == 0 {
		f.Fatal("no captured frames", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
		if err != nil {
			f.Fatal(err)
		}
		if frame, err := wire.NewReader(bytes.NewReader(b), 0).Next(); err == nil && frame.Message != nil {
			f.Add(frame.Message.Content)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if token, err := ballotOf(in); err == nil {
			if _, err := appendBallot(nil, token, token.leader.Layout); err != nil {
				t.Fatalf("a token that was read cannot be written: %v", err)
			}
		}
		v, _, err := javastream.DecodePrefix(in)
		if err != nil {
			return
		}
		if r, ok, err := rpcOf(v); ok && err == nil {
			v = r.body
			if again, ok, err := rpcOf(r.object()); !ok || err != nil || again.call != r.call || again.channel != r.channel {
				t.Fatalf("a call that was read is another when written: %v %v", again, err)
			}
		}
		if o, ok := v.(*javastream.Object); ok {
			for _, field := range []string{"member", "members", "membershipId", "msgtype"} {
				if m, uid, err := memberOf(o.Field(field)); err == nil {
					if _, err := memberObject(m, uid); err != nil {
						t.Fatalf("a member that was read cannot be written: %v", err)
					}
				}
			}
		}
		isSessionRequest(v)
		textOf(shown(wire.Member{}, nil, 0, 0), wire.Member{}, 0, nil, v)
	})
}
