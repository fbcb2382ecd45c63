package tribes

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"
)

// What is accepted encodes to the bytes that it came from; what is not is an
// error, and nothing panics.
func FuzzFrame(f *testing.F) {
	for _, x := range fixtures(f) {
		f.Add(x.raw)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(bytes.NewReader(in), 1<<20)
		var again []byte
		for {
			frame, err := r.Next()
			if err != nil {
				var format *FormatError
				if err != io.EOF && err != io.ErrUnexpectedEOF && !errors.As(err, &format) {
					t.Fatalf("another error: %v", err)
				}
				break
			}
			if frame.Message == nil {
				again = AppendAnswer(again, frame.Answer)
				continue
			}
			if again, err = AppendMessage(again, frame.Message); err != nil {
				t.Fatalf("accepted, but cannot be written: %v", err)
			}
		}
		if !bytes.HasPrefix(in, again) {
			t.Fatalf("read %x, written %x", in, again)
		}
	})
}

func FuzzMember(f *testing.F) {
	for _, x := range fixtures(f) {
		if frame, err := read(x.raw); err == nil && frame.Message != nil {
			b, _ := AppendMember(nil, frame.Message.Sender)
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := DecodeMember(in)
		if err != nil {
			return
		}
		again, err := AppendMember(nil, m)
		if err != nil || !bytes.Equal(in, again) {
			t.Fatalf("read %x, written %x (%v)", in, again, err)
		}
	})
}

// Properties that were read can be written and read again.
func FuzzProperties(f *testing.F) {
	f.Add("#\n#Sun Nov 22 14:06:33 UTC 2026\nhttpPort=8080\nisActive=true\n")
	f.Add("a\\=b : c\\\n d\\u00e4")
	f.Fuzz(func(t *testing.T, in string) {
		got := ParseProperties(in)
		again := ParseProperties(FormatProperties(got, time.Unix(0, 0)))
		if len(got) != len(again) {
			t.Fatalf("%q: %q is not %q", in, got, again)
		}
		for k, v := range got {
			if w, ok := again[k]; !ok || w != v {
				t.Fatalf("%q: %q is %q, then %q", in, k, v, w)
			}
		}
	})
}
