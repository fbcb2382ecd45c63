package transport

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/stretchr/testify/require"
)

// Golden bytes keep the handshake from changing unnoticed, as those of
// internal/wire do what comes after it. A change is a decision: run
// 'go test ./transport -run Golden -update', and say in the change log which
// versions still understand each other.
var update = flag.Bool("update", false, "write the golden bytes anew")

// goldenSides are a dialer and an acceptor that are the same in each run.
func goldenSides(t *testing.T) (dialer, acceptor *handshake, hellos [2][]byte) {
	t.Helper()
	side := func(seed, nonce byte, born Birth, expect ID, domains ...Domain) (*handshake, []byte) {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
		public := key.Public().(ed25519.PublicKey)
		h := &handshake{endpoint: &Endpoint{cfg: Config{Key: key}}, channel: &channel{}, address: "10.0.0.1:4000"}
		h.self = Hello{
			MinVersion: 1, MaxVersion: 1, Cluster: "shop", Advertise: "10.0.0.1:4000", ID: IDOf(public, born),
			PublicKey: public, Birth: born,
			Purpose: PurposeLink, Expect: expect, HeartbeatInterval: 500 * time.Millisecond, DropTime: 3 * time.Second, Domains: domains,
		}
		copy(h.self.Nonce[:], bytes.Repeat([]byte{nonce}, len(h.self.Nonce)))
		hello, err := h.self.encode()
		require.NoError(t, err)
		return h, hello
	}
	acceptor, hellos[1] = side(2, 0xac, Birth{0: 0xb1, 31: 0xb2}, ID{}, Domain{"lb", RoleMember}, Domain{"orders", RoleManager})
	dialer, hellos[0] = side(1, 0xd1, Birth{}, acceptor.self.ID, Domain{"orders", RoleMember})
	for _, h := range []*handshake{dialer, acceptor} {
		h.dialed, h.accepted = sha256.Sum256(hellos[0]), sha256.Sum256(hellos[1])
	}
	dialer.peer, acceptor.peer = acceptor.self, dialer.self
	return dialer, acceptor, hellos
}

func TestGoldenBytesOfTheHandshakeHaveNotChanged(t *testing.T) {
	dialer, acceptor, hellos := goldenSides(t)
	for name, now := range map[string][]byte{
		"hello":   hellos[0],
		"welcome": encodeWelcome(hellos[1], acceptor.prove(acceptorProof)),
		"open":    encodeOpen(dialer.prove(dialerProof)),
		"refusal": encodeRefusal(CodeCluster, "this is the cluster shop"),
	} {
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(goldenFile(name), hexLines(now), 0o644))
		}
		require.Equal(t, hex.Dump(readGolden(t, name)), hex.Dump(now), "%s is not what earlier versions send", name)
	}
}

// What was said once must stay understood, proofs included.
func TestGoldenBytesOfTheHandshakeAreUnderstood(t *testing.T) {
	dialer, acceptor, hellos := goldenSides(t)
	hello, err := decodeHello(readGolden(t, "hello"))
	require.NoError(t, err)
	require.Equal(t, dialer.self, hello)

	dialer.peer, dialer.accepted = Hello{}, [sha256.Size]byte{} // to be read
	answer := func(name string) ([]byte, error) {
		p := readGolden(t, name)
		frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(p))), p...)
		dialer.frames = handshakeReader(bytes.NewReader(frame))
		return dialer.readWelcome()
	}
	proof, err := answer("welcome")
	require.NoError(t, err)
	require.Equal(t, acceptor.self, dialer.peer)
	require.Equal(t, sha256.Sum256(hellos[1]), dialer.accepted)
	require.True(t, dialer.verify(acceptorProof, proof))
	proof, err = decodeOpen(readGolden(t, "open"))
	require.NoError(t, err)
	require.True(t, acceptor.verify(dialerProof, proof))
	require.False(t, acceptor.verify(acceptorProof, proof), "no side can use the other's proof")

	_, err = answer("refusal")
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, CodeCluster, refused.Code)
	require.Contains(t, refused.Text, "this is the cluster shop")
}

// Each kind of frame that a handshake has is one of the files.
func TestEveryFrameOfTheHandshakeHasGoldenBytes(t *testing.T) {
	for name, kind := range map[string]uint64{"hello": kindHello, "welcome": kindWelcome, "refusal": kindRefusal, "open": kindOpen} {
		var d wire.Decoder
		d.Reset(readGolden(t, name))
		require.Equal(t, kind, d.Uint(), name)
	}
	files, err := filepath.Glob(goldenFile("*"))
	require.NoError(t, err)
	require.Len(t, files, 4)
}

func goldenFile(name string) string { return filepath.Join("testdata", name+".hex") }

// hexLines writes 32 bytes a line.
func hexLines(b []byte) []byte {
	var out []byte
	for len(b) > 0 {
		n := min(32, len(b))
		out = append(hex.AppendEncode(out, b[:n]), '\n')
		b = b[n:]
	}
	return out
}

func readGolden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(goldenFile(name))
	require.NoError(t, err)
	b, err := hex.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
	require.NoError(t, err, goldenFile(name))
	return b
}
