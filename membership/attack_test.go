package membership

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

// What an attack may cost, the attacker's own part of it included, which runs in
// the same process.
const (
	attackHeap = 16 << 20
	attackCPU  = time.Second
	raceFactor = 15 // that the race detector makes everything slower
)

// withstand runs an attack on nodes and then looks whether it has left anything
// behind: their views are as before, with the very numbers; no goroutine is
// left; it cost little memory, measured at the end of the attack while its
// connections are open, and little processor time. attack returns what ends it.
func (b *bubble) withstand(nodes []*Node, attack func() (end func())) {
	b.Helper()
	views := func() []string {
		var out []string
		for _, n := range nodes {
			v := n.Own().View()
			var text strings.Builder
			text.WriteString(fmt.Sprint(v.Number(), v.Isolated()))
			for m := range v.All() {
				text.WriteString(fmt.Sprint(" ", m.Address, m.Name, m.State, m.ID))
			}
			out = append(out, text.String())
		}
		return out
	}
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	b.pass(time.Second)
	before, goroutines, memory, used := views(), goroutinesNow(), heap(), cpuTime()
	require.NotEmpty(b, goroutines)
	end := attack()
	used = cpuTime() - used
	grown := heap() - memory
	b.Logf("heap %+d KiB, processor %v", grown>>10, used.Round(time.Millisecond))
	if raceEnabled {
		used /= raceFactor
	}
	require.Less(b, grown, int64(attackHeap))
	require.Less(b, used, attackCPU)
	end()
	b.pass(10 * time.Second)
	require.Equal(b, before, views())
	left := goroutinesNow()
	require.Len(b, left, len(goroutines), "no goroutine is left: %s", left)
	for _, n := range nodes {
		require.NoError(b, n.Err())
		require.Zero(b, n.endpoint.Stats().Pending)
	}
}

// goroutinesNow returns the stacks of all goroutines of the caller's bubble.
// runtime.NumGoroutine also counts some that are just being put away, and
// outside the bubble the runtime's own come and go, such as the one that runs
// cleanups after a collection.
func goroutinesNow() []string {
	buf := make([]byte, 4<<20)
	all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	_, bubble, _ := strings.Cut(strings.SplitN(all[0], "\n", 2)[0], ", synctest")
	return slices.DeleteFunc(all, func(stack string) bool {
		return !strings.HasSuffix(strings.SplitN(stack, "\n", 2)[0], ", synctest"+bubble)
	})
}

// fort starts a group of three with a key.
func (b *bubble) fort(changes ...func(c *Config)) []*Node {
	b.Helper()
	var all []*Node
	for i := range 3 {
		all = append(all, b.start(i+1, changes...))
	}
	b.pass(3 * time.Second)
	for _, n := range all {
		require.Equal(b, 3, n.Own().View().Len())
	}
	return all
}

// knock connects to host 1 from another; nil: not taken in.
func (b *bubble) knock(from string) net.Conn {
	conn, err := b.net.Host(from).DialContext(b.Context(), "tcp", addr(1))
	if err != nil {
		return nil
	}
	return conn
}

// crowd connects from many hosts and has each say something.
func (b *bubble) crowd(count int, say func(i int) []byte) (end func()) {
	var conns []net.Conn
	for i := range count {
		if conn := b.knock(fmt.Sprint("s", i)); conn != nil {
			_, _ = conn.Write(say(i))
			conns = append(conns, conn)
		}
	}
	b.pass(0)
	return func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}
}

// frame puts the length before a payload.
func frame(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

// clientHello returns the first bytes of a TLS client.
func clientHello(t testing.TB) []byte {
	t.Helper()
	near, far := net.Pipe()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer near.Close()
	defer far.Close()
	wg.Go(func() {
		_ = tls.Client(near, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"tribes/1"}}).Handshake()
	})
	buf := make([]byte, 16<<10)
	n, err := far.Read(buf)
	require.NoError(t, err)
	return buf[:n]
}

// strangers are attacks by those who have no key.
func strangers(hello []byte) map[string]func(b *bubble) (end func()) {
	return map[string]func(b *bubble) (end func()){
		"slowloris × 1,000": func(b *bubble) func() { return b.slowloris(hello) },
		"half-open × 1,000, many hosts": func(b *bubble) func() {
			return b.crowd(1000, func(int) []byte { return nil })
		},
		"half-open × 1,000, one host": func(b *bubble) func() {
			var conns []net.Conn
			for range 1000 {
				if conn := b.knock("s"); conn != nil {
					conns = append(conns, conn)
				}
			}
			return func() {
				for _, c := range conns {
					_ = c.Close()
				}
			}
		},
		"frames of 1 GiB": func(b *bubble) func() { return b.crowd(500, func(int) []byte { return []byte{0x40, 0, 0, 0, 1, 2} }) },
		"records of 16 KiB, unfinished": func(b *bubble) func() {
			record := append([]byte{22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff}, make([]byte, 16000)...)
			return b.crowd(256, func(int) []byte { return record })
		},
		"hellos cut short": func(b *bubble) func() {
			return b.crowd(500, func(i int) []byte { return hello[:i%len(hello)] })
		},
		"hellos with a bit changed": func(b *bubble) func() {
			rng := rand.New(rand.NewPCG(1, 2))
			return b.crowd(300, func(int) []byte {
				x := bytes.Clone(hello)
				x[rng.IntN(len(x))] ^= 1 << rng.IntN(8)
				return x
			})
		},
		"old versions of TLS": func(b *bubble) func() {
			for range 50 {
				if conn := b.knock("s"); conn != nil {
					require.Error(b, tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}).Handshake())
					_ = conn.Close()
				}
			}
			return b.crowd(50, func(int) []byte { return []byte{0x80, 0x2e, 1, 0, 2, 0, 21, 0, 0, 0, 16} })
		},
		"frames in plain": func(b *bubble) func() { return b.crowd(200, func(int) []byte { return spoofed(b) }) },
		"a wrong key":     func(b *bubble) func() { return b.wrongKeys(100) },
		"certificates of one's own making": func(b *bubble) func() {
			return b.foreignCertificates(100)
		},
		"a recorded session, whole and shuffled": func(b *bubble) func() { return b.replay() },
	}
}

func TestStrangers(t *testing.T) {
	for name, attack := range strangers(clientHello(t)) {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				k := transport.NewKey()
				all := b.fort(keys(k))
				b.withstand(all, func() func() { return attack(b) })
				require.LessOrEqual(b, len(b.log.having("connection turned away", "peer=s:")), 3, "one line a host in ten seconds")
				b.join(4, keys(k))
			})
		})
	}
}

// slowloris has 1,000 hosts send a byte a second, and come again as they are
// closed.
func (b *bubble) slowloris(hello []byte) (end func()) {
	type slow struct {
		conn net.Conn
		said int
	}
	all := make([]slow, 1000)
	for range 8 {
		for i := range all {
			s := &all[i]
			if s.conn != nil {
				if _, err := s.conn.Write(hello[s.said : s.said+1]); err == nil {
					s.said++
					continue
				}
				_ = s.conn.Close()
			}
			*s = slow{conn: b.knock(fmt.Sprint("s", i))}
		}
		b.pass(time.Second)
	}
	return func() {
		for _, s := range all {
			if s.conn != nil {
				_ = s.conn.Close()
			}
		}
	}
}

// spoofed returns what somebody without a key might hope to be heard with: a
// hello in plain, and messages in the name of a member.
func spoofed(b *bubble) []byte {
	_, own, err := ed25519.GenerateKey(nil)
	require.NoError(b, err)
	rec := &wire.Record{Domain: "d", Incarnation: 9, Version: 9, Role: wire.Member, State: wire.Left, Name: addr(2), Address: addr(2)}
	rec.Seal(wire.Ed25519Signer{Key: own})
	var e wire.Encoder
	wire.Encode(&e, &wire.Gossip{Domain: "d", Records: []*wire.Record{rec}})
	return slices.Concat(frame([]byte{1, 0x81, 0, 0xa6, 't', 'r', 'i', 'b', 'e', 's'}), frame(e.Bytes()))
}

// wrongKeys has a node with another key dial again and again.
func (b *bubble) wrongKeys(times int) (end func()) {
	wrong := []transport.Key{transport.NewKey()}
	e, err := transport.New(transport.Config{Cluster: "default", Keys: wrong, Dial: b.net.Host("s").DialContext})
	require.NoError(b, err)
	for range times {
		_, err := e.Dial(b.Context(), addr(1), transport.ID{})
		require.Equal(b, transport.FailureRejected, transport.FailureOf(err), "%v", err)
		b.pass(10 * time.Millisecond)
	}
	return func() { require.NoError(b, e.Close()) }
}

// foreignCertificates shows certificates that the attacker has made: fresh,
// expired, and with the public key that a node has shown.
func (b *bubble) foreignCertificates(times int) (end func()) {
	pub, own, err := ed25519.GenerateKey(nil)
	require.NoError(b, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(-time.Hour)}
	expired, err := x509.CreateCertificate(nil, template, template, pub, own)
	require.NoError(b, err)
	template.NotAfter = time.Now().Add(time.Hour)
	fresh, err := x509.CreateCertificate(nil, template, template, pub, own)
	require.NoError(b, err)
	shown := fresh
	for i := range times {
		conn := b.knock("s")
		require.NotNil(b, conn)
		tc := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"tribes/1"},
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &tls.Certificate{Certificate: [][]byte{[][]byte{fresh, expired, shown}[i%3]}, PrivateKey: own}, nil
			}})
		if tc.Handshake() == nil {
			_, err = tc.Read(make([]byte, 1))
			require.Error(b, err)
			shown = tc.ConnectionState().PeerCertificates[0].Raw
		}
		_ = conn.Close()
		b.pass(10 * time.Millisecond)
	}
	return func() {}
}

// replay records what a member writes when it links anew, whichever of the two
// dials, and says it again: whole, cut short, and in another order.
func (b *bubble) replay() (end func()) {
	var mu sync.Mutex
	var said [][]byte
	from := ""
	b.net.Tap(func(f, to string, p []byte) {
		mu.Lock()
		defer mu.Unlock()
		dials := to == addr(1) || to == addr(2)
		if dials && (from == "" && p[0] == 22 || from == f) { // a handshake from its beginning
			from = f
			said = append(said, bytes.Clone(p))
		}
	})
	b.net.Reset(ip(1), ip(2)) // they link again
	b.pass(time.Second)
	b.net.Tap(nil)
	require.Greater(b, len(said), 2)
	rng := rand.New(rand.NewPCG(3, 4))
	return b.crowd(60, func(i int) []byte {
		mine := slices.Clone(said)
		switch i % 3 {
		case 1:
			mine = mine[:1+rng.IntN(len(mine)-1)]
		case 2:
			rng.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
		}
		return bytes.Join(mine, nil)
	})
}
