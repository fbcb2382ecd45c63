package transport

import (
	"strings"
	"testing"
	"time"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/stretchr/testify/require"
)

func someHello() Hello {
	h := Hello{
		MinVersion: 1, MaxVersion: 0xffff, Cluster: strings.Repeat("c", 255), Advertise: "[::1]:4000",
		PublicKey: make([]byte, 32), Nonce: [16]byte{1}, Purpose: PurposeLook, Expect: ID{9},
		HeartbeatInterval: time.Second, DropTime: time.Minute,
		Domains: []Domain{{"a", RoleMember}, {"ü", RoleManager}},
	}
	h.Birth = Birth{1}
	h.ID = IDOf(h.PublicKey, h.Birth)
	return h
}

func TestAHelloIsReadAsItWasSaid(t *testing.T) {
	h := someHello()
	p, err := h.encode()
	require.NoError(t, err)
	got, err := decodeHello(p)
	require.NoError(t, err)
	require.Equal(t, h, got)

	clear(p)
	require.Equal(t, h, got, "nothing of it is shared with the frame")
}

func TestFieldsOfLaterVersionsAreSkipped(t *testing.T) {
	h := someHello()
	p, err := h.encode()
	require.NoError(t, err)
	require.Equal(t, byte(0x80|helloBirth+1), p[1])
	var e wire.Encoder
	e.Uint(kindHello)
	e.Map(helloBirth + 3)
	e.Raw(p[2:])
	e.Uint(50)
	e.Map(1)
	e.String("x")
	e.Array(0)
	e.Uint(helloDomains) // the later one holds
	e.Array(1)
	e.Array(3)
	e.String("d")
	e.Uint(7)
	e.String("what later versions say of a domain")
	got, err := decodeHello(e.Bytes())
	require.NoError(t, err)
	h.Domains = []Domain{{"d", 7}}
	require.Equal(t, h, got)
}

func TestHellosThatMakeNoSense(t *testing.T) {
	for name, f := range map[string]func(e *wire.Encoder){
		"long cluster":    func(e *wire.Encoder) { e.Uint(helloCluster); e.String(strings.Repeat("c", 256)) },
		"long advertise":  func(e *wire.Encoder) { e.Uint(helloAdvertise); e.String(strings.Repeat("c", 256)) },
		"short ID":        func(e *wire.Encoder) { e.Uint(helloID); e.Bin(make([]byte, 15)) },
		"long ID":         func(e *wire.Encoder) { e.Uint(helloID); e.Bin(make([]byte, 17)) },
		"birth of zeros":  func(e *wire.Encoder) { e.Uint(helloBirth); e.Bin(make([]byte, 32)) },
		"short birth":     func(e *wire.Encoder) { e.Uint(helloBirth); e.Bin(make([]byte, 31)) },
		"short key":       func(e *wire.Encoder) { e.Uint(helloPublicKey); e.Bin(make([]byte, 31)) },
		"short nonce":     func(e *wire.Encoder) { e.Uint(helloNonce); e.Bin(nil) },
		"large version":   func(e *wire.Encoder) { e.Uint(helloMaxVersion); e.Uint(1 << 16) },
		"large purpose":   func(e *wire.Encoder) { e.Uint(helloPurpose); e.Uint(1 << 8) },
		"nameless domain": func(e *wire.Encoder) { e.Uint(helloDomains); e.Array(1); e.Array(2); e.String(""); e.Uint(1) },
		"half a domain":   func(e *wire.Encoder) { e.Uint(helloDomains); e.Array(1); e.Array(1); e.String("x") },
		"257 domains":     func(e *wire.Encoder) { e.Uint(helloDomains); e.Array(257); e.Raw(make([]byte, 600)) },
		"another word":    func(e *wire.Encoder) { e.Uint(helloMagic); e.String("Tribes") },
	} {
		t.Run(name, func(t *testing.T) {
			h := someHello()
			p, err := h.encode()
			require.NoError(t, err)
			var e wire.Encoder
			e.Uint(kindHello)
			e.Map(helloBirth + 2)
			e.Raw(p[2:])
			f(&e)
			_, err = decodeHello(e.Bytes())
			require.ErrorIs(t, err, ErrMalformed)
		})
	}
}

func TestNamesOfValues(t *testing.T) {
	require.Equal(t, "member", RoleMember.String())
	require.Equal(t, "role(3)", Role(3).String())
	require.Equal(t, "look", PurposeLook.String())
	require.Equal(t, "settings", CodeSettings.String())
	require.Equal(t, "key", CodeKey.String())
	require.Equal(t, "code(0)", Code(0).String())
	require.Equal(t, "malformed", FailureMalformed.String())
	require.Equal(t, "none", FailureNone.String())
	require.Equal(t, "01000000000000000000000000000000", ID{1}.String())
}
