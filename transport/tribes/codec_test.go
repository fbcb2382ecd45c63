package tribes

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

// A fixture is one captured frame and what is known to be in it.
type fixture struct {
	File    string
	Kind    string
	Options string
	Time    int64  `json:"timestamp"`
	UUID    string `json:"uuid"`
	Content string `json:"message_hex"`
	Size    int    `json:"message_bytes"`
	Member  *struct {
		Layout, Host, UID, Command, Domain, Payload string
		Port, SecurePort                            int
		UDPPort                                     *int
		Alive                                       int64
	}
	raw []byte
}

func fixtures(tb testing.TB) []fixture {
	tb.Helper()
	index, err := os.ReadFile("testdata/frames/index.json")
	require.NoError(tb, err)
	var out []fixture
	require.NoError(tb, json.Unmarshal(index, &out))
	for i := range out {
		text, err := os.ReadFile(filepath.Join("testdata/frames", out[i].File))
		require.NoError(tb, err)
		out[i].raw, err = hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
		require.NoError(tb, err)
	}
	require.Len(tb, out, 53)
	return out
}

func read(raw []byte) (Frame, error) { return NewReader(bytes.NewReader(raw), 0).Next() }

func TestCapturedFramesDecodeAndEncodeByteForByte(t *testing.T) {
	for _, f := range fixtures(t) {
		got, err := read(f.raw)
		require.NoError(t, err, f.File)
		if got.Message == nil {
			require.Equal(t, f.raw, AppendAnswer(nil, got.Answer), f.File)
			require.Equal(t, map[string]Answer{"ACK": Accepted, "FAIL_ACK": Failed}[f.Kind], got.Answer, f.File)
			continue
		}
		again, err := AppendMessage(nil, got.Message)
		require.NoError(t, err, f.File)
		require.Equal(t, f.raw, again, f.File)

		m := got.Message
		options, err := strconv.ParseUint(f.Options, 0, 32)
		require.NoError(t, err)
		require.Equal(t, Options(options), m.Options, f.File)
		require.Equal(t, f.Time, m.Timestamp, f.File)
		require.Equal(t, f.UUID, m.ID.String(), f.File)
		require.Len(t, m.Content, f.Size, f.File)
		if f.Content != "" && len(f.Content) == 2*f.Size {
			require.Equal(t, f.Content, hex.EncodeToString(m.Content), f.File)
		}
		require.Equal(t, f.Member.Layout == "legacy", m.Sender.Layout == Layout6, f.File)
		require.Equal(t, f.Member.Host, hex.EncodeToString(m.Sender.Host.AsSlice()), f.File)
		require.Equal(t, f.Member.Port, m.Sender.Port, f.File)
		require.Equal(t, f.Member.SecurePort, m.Sender.SecurePort, f.File)
		require.Equal(t, f.Member.Alive, m.Sender.Alive, f.File)
		require.Equal(t, f.Member.UID, m.Sender.UID.String(), f.File)
		require.Equal(t, f.Member.Command, hex.EncodeToString([]byte(m.Sender.Command)), f.File)
		require.Equal(t, f.Member.Domain, m.Sender.Domain, f.File)
		require.Equal(t, f.Member.Payload, hex.EncodeToString([]byte(m.Sender.Payload)), f.File)
	}
}

func TestControlsAreKnownByTheirContent(t *testing.T) {
	kinds := map[string]Control{"TCP_FAIL_DETECT": Probe, "TCP_PING_DATA": Ping, "MEMBER_START": Start, "MEMBER_STOP": Stop}
	seen := map[Control]int{}
	for _, f := range fixtures(t) {
		got, err := read(f.raw)
		require.NoError(t, err)
		if got.Message == nil {
			continue
		}
		require.Equal(t, kinds[f.Kind], ControlOf(got.Message.Content), f.File)
		seen[kinds[f.Kind]]++
		if c := kinds[f.Kind]; c != NoControl {
			require.Equal(t, got.Message.Content, c.Content())
			require.Equal(t, c.Options(), got.Message.Options&^Ack, f.File)
		}
	}
	require.Len(t, seen, 5, "each control is among the fixtures")
}

func TestFramesMayComeInAnyPieces(t *testing.T) {
	var stream []byte
	all := fixtures(t)
	for _, f := range all {
		stream = append(stream, f.raw...)
	}
	for name, in := range map[string]io.Reader{
		"joined": bytes.NewReader(stream), "byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
		"halved": iotest.HalfReader(bytes.NewReader(stream)),
	} {
		r := NewReader(in, 0)
		for range all {
			_, err := r.Next()
			require.NoError(t, err, name)
		}
		_, err := r.Next()
		require.Equal(t, io.EOF, err, name)
	}
}

// sample is a frame to be spoilt: host 4 bytes, one of each field.
func sample() *Message {
	return &Message{Options: Bytes | Ack, Timestamp: 1, ID: MessageID{1}, Content: []byte("hello"), Sender: Member{
		Host: addr("10.1.2.3"), Port: 4000, SecurePort: None, UDPPort: None, Domain: "d", Payload: "p"}}
}

func frameBytes(t testing.TB, m *Message) []byte {
	t.Helper()
	b, err := AppendMessage(nil, m)
	require.NoError(t, err)
	return b
}

// spoil returns a frame with the bytes at i replaced; the body length is set anew.
func spoil(t *testing.T, change func(body []byte) []byte) []byte {
	t.Helper()
	b := frameBytes(t, sample())
	body := change(bytes.Clone(b[frameHead : len(b)-len(frameEnd)]))
	out := appendBytes([]byte(frameBegin), body)
	return append(out, frameEnd...)
}

func put(at int, v uint32) func([]byte) []byte {
	return func(b []byte) []byte {
		binary.BigEndian.PutUint32(b[at:], v)
		return b
	}
}

func TestBadInputIsRefusedWithAReason(t *testing.T) {
	good := frameBytes(t, sample())
	const block = 36 // where the member block begins in a body
	replace := func(at int, with string) []byte {
		b := bytes.Clone(good)
		copy(b[at:], with)
		return b
	}
	size := func(n uint32) []byte {
		b := bytes.Clone(good)
		binary.BigEndian.PutUint32(b[7:], n)
		return b
	}
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"garbage", []byte("GET / HTTP/1.1\r\n\r\n"), "no begin of a frame"},
		{"less garbage than a head", []byte("GET /"), "no begin of a frame"},
		{"garbage before a good frame", append([]byte("x"), good...), "no begin of a frame"},
		{"a wrong end", replace(len(good)-7, "TLF2004"), "no end of a frame"},
		{"1 GiB announced", size(1 << 30), "a frame of 1073741824 bytes"},
		{"a negative size", size(0xFFFFFFFF), "a frame of -1 bytes"},
		{"a size of two", size(2), "a frame of 2 bytes"},
		{"a size one too small", size(uint32(len(good) - 18 - 1)), "no end of a frame"},
		{"an unknown answer", append(appendBytes([]byte(frameBegin), "abc"), frameEnd...), "an answer of 616263"},
		{"an id of 4 bytes", spoil(t, put(12, 4)), "an id of 4 bytes"},
		{"an id of 0 bytes", spoil(t, put(12, 0)), "an id of 0 bytes"},
		{"a negative id length", spoil(t, put(12, 0x80000000)), "id: -2147483648 bytes announced"},
		{"a member block that is longer than the body", spoil(t, put(32, 100_000)), "member block: 100000 bytes announced"},
		{"a member block of nothing", spoil(t, func(b []byte) []byte {
			return append(append(b[:32:32], 0, 0, 0, 0), b[len(b)-9:]...)
		}), "10 bytes announced where 0 are left"},
		{"another begin of a block", spoil(t, put(block, 0)), "no begin of a member block"},
		{"a block that lies about its length", spoil(t, put(block+10, 50)), "a member block that says 50 bytes"},
		{"a port that is none", spoil(t, put(block+22, 65_536)), "a port of 65536"},
		{"a negative port", spoil(t, put(block+22, 0xFFFFFFFF)), "a port of -1"},
		{"a command that is longer than the block", spoil(t, put(block+39, 1000)), "command: 1000 bytes announced"},
		{"a domain that reaches into the payload", spoil(t, put(block+43, 2)), ""},
		{"a message longer than the body", spoil(t, func(b []byte) []byte { return b[:len(b)-1] }),
			"message: 5 bytes announced where 4 are left"},
		{"bytes behind the message", spoil(t, func(b []byte) []byte { return append(b, 0) }), "1 bytes behind a message"},
		{"a host of 5 bytes", spoil(t, func(b []byte) []byte { b[block+34] = 5; return b }), ""},
	} {
		_, err := read(c.in)
		var format *FormatError
		require.ErrorAs(t, err, &format, c.name)
		require.ErrorContains(t, err, c.want, c.name)
	}
}

func TestAHostHasFourOrSixteenBytes(t *testing.T) {
	for _, host := range [][]byte{nil, {1}, make([]byte, 15), make([]byte, 17)} {
		b, err := AppendMember(nil, sample().Sender)
		require.NoError(t, err)
		b = append(append(append(b[:34:34], byte(len(host))), host...), b[39:]...)
		binary.BigEndian.PutUint32(b[10:], uint32(len(b)-24))
		_, err = DecodeMember(b)
		require.ErrorContains(t, err, "a host of "+strconv.Itoa(len(host))+" bytes")
	}
	m := sample().Sender
	for _, host := range []string{"10.1.2.3", "fe80::1", "::ffff:10.1.2.3"} {
		for _, layout := range []Layout{Layout7, Layout6} {
			m.Host, m.Layout = addr(host), layout
			b, err := AppendMember(nil, m)
			require.NoError(t, err)
			got, err := DecodeMember(b)
			require.NoError(t, err)
			require.Equal(t, m, got, "an IPv4 address is not the IPv6 address that stands for it")
		}
	}
}

func TestAStreamThatEndsWithinAFrame(t *testing.T) {
	good := frameBytes(t, sample())
	for n := 1; n < len(good); n++ {
		_, err := read(good[:n])
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "after %d bytes", n)
	}
}

func TestMembersThatFitNoBlock(t *testing.T) {
	m := sample().Sender
	m.Payload = strings.Repeat("x", maxBlock-78+1)
	_, err := AppendMember(nil, m)
	require.ErrorContains(t, err, "want a block of at most 65535")
	m.Payload = m.Payload[1:]
	b, err := AppendMember(nil, m)
	require.NoError(t, err)
	require.Len(t, b, maxBlock)
	_, err = AppendMember(nil, Member{Port: 1})
	require.ErrorContains(t, err, "no host")
	_, err = AppendMember(nil, Member{Host: addr("::1"), Port: 70_000})
	require.ErrorContains(t, err, "70000")
}

func TestOptionsHaveNames(t *testing.T) {
	require.Equal(t, "bytes+ack", (Bytes | Ack).String())
	require.Equal(t, "0x0", Options(0).String())
	require.Equal(t, "secure+gzip+order+group+0x2000", Options(0x2710).String(), "what Axis2 sends by mistake")
}

func TestPropertiesAsJavaStoresThem(t *testing.T) {
	for _, f := range fixtures(t) {
		got, err := read(f.raw)
		require.NoError(t, err)
		if f.File == "01-fd-probe.hex" {
			require.Equal(t, map[string]string{"httpPort": "8080", "isActive": "true"}, ParseProperties(got.Message.Sender.Payload))
			require.Equal(t, "#\n#Sun Nov 22 14:06:33 UTC 2026\nhttpPort=8080\nisActive=true\n", got.Message.Sender.Payload)
			when := time.Date(2026, 11, 22, 14, 6, 33, 0, time.UTC)
			require.Equal(t, got.Message.Sender.Payload, FormatProperties(ParseProperties(got.Message.Sender.Payload), when))
		}
	}
	for _, c := range []struct {
		in   string
		want map[string]string
	}{
		{"ping", nil},
		{"", nil},
		{"# only a comment\n! another\n\n", nil},
		{"a=1\nb : 2\nc 3\n  d\t=\t4 ", map[string]string{"a": "1", "b": "2", "c": "3", "d": "4 "}},
		{"a=1\ra=2\r\nb", map[string]string{"a": "2", "b": ""}},
		{"a=x\\\n   y\\\\\nb=1", map[string]string{"a": "xy\\", "b": "1"}},
		{"port.mapping.8290=9763\nurl=https\\://h\\:9443/a\\=b", map[string]string{
			"port.mapping.8290": "9763", "url": "https://h:9443/a=b"}},
		{"k\\ ey=\\u00E4\\uD83D\\uDE00\\t\xe4", map[string]string{"k ey": "ä😀\tä"}},
		{"a=\\u12", map[string]string{"a": "u12"}},
		{"binary\x00=1", nil},
	} {
		require.Equal(t, c.want, ParseProperties(c.in), "%q", c.in)
	}
	hard := map[string]string{"a b": " x y", "=:#!\\": "=:#!\\", "ä": "\n\r\t\f€😀", "empty": ""}
	require.Equal(t, hard, ParseProperties(FormatProperties(hard, time.Now())))
	var many strings.Builder
	for i := range 1000 {
		many.WriteString("k" + strconv.Itoa(i) + "=v\n")
	}
	require.Len(t, ParseProperties(many.String()), maxProperties)
}
