package tribes

import (
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/javastream"
	wire "github.com/gotribes/tribes/transport/tribes"
)

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

// member is the block of process n, in the domain d.
func member(n int) wire.Member {
	a := netip.MustParseAddrPort(at(n))
	return wire.Member{Alive: 1, Host: a.Addr(), Port: int(a.Port()), SecurePort: wire.None, UDPPort: wire.None, Domain: "d"}
}

// captured reads one of the captured frames.
func captured(t *testing.T, file string) *wire.Message {
	t.Helper()
	text, err := os.ReadFile("../../transport/tribes/testdata/frames/" + file)
	require.NoError(t, err)
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	require.NoError(t, err)
	f, err := wire.NewReader(strings.NewReader(string(b)), 0).Next()
	require.NoError(t, err)
	return f.Message
}

func frameOf(t *testing.T, sender wire.Member, o Options, content []byte) []byte {
	t.Helper()
	b, err := wire.AppendMessage(nil, &wire.Message{Options: o, ID: wire.NewMessageID(), Sender: sender, Content: content})
	require.NoError(t, err)
	return b
}

func encoded(t *testing.T, v javastream.Value) []byte {
	t.Helper()
	b, err := javastream.Encode(v)
	require.NoError(t, err)
	return b
}

// Whatever strangers send, and members in the name of others, no view changes,
// nothing grows, and a line says what came from where.
func TestHostileInputChangesNoView(t *testing.T) {
	foreign := member(2)
	foreign.Domain = "foreign"
	rpcWith := func(body javastream.Value) []byte {
		return encoded(t, (&rpc{call: [16]byte{1}, channel: "chan-StaticMembership", body: body}).object())
	}
	about := func(m wire.Member, kind int32) javastream.Value {
		o, err := memberObject(m, memberUIDs[0])
		require.NoError(t, err)
		return plain(announceClass, kind, o, []byte("chan-StaticMembership"))
	}
	join := func(domain string) []byte {
		return encoded(t, (&rpc{call: [16]byte{1}, channel: domain + membershipChannel, body: plain(joinClass, nil)}).object())
	}
	lyingBlock := &rpc{call: [16]byte{1}, channel: "x"}
	lying := lyingBlock.object()
	lying.Parts[0].Extra[0] = javastream.Block("\x00\x7f\xff\xff\xff")
	badToken, err := appendBallot(nil, &ballot{leader: member(2), source: member(2), members: []wire.Member{member(2)}}, wire.Layout7)
	require.NoError(t, err)
	million := append([]byte("\xac\xed\x00\x05\x75\x72\x00\x03[LX\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x78\x70\x00\x0f\x42\x40"),
		[]byte(strings.Repeat("\x74\x00\x00", 1_000_000))...)
	unknown := plain(&javastream.Class{Name: "evil.Gadget", UID: 1, Flags: javastream.Serializable})
	for _, c := range []struct {
		name string
		mode Mode
		in   []byte
		line string // "" if there is nothing to tell
	}{
		{"garbage", Static, []byte("GET / HTTP/1.1\r\n\r\n"), "bad input, connection closed"},
		{"1 GiB announced", Static, append([]byte("FLT2002"), 0x40, 0, 0, 0), "1073741824 bytes"},
		{"a notice of a stranger", Static, frameOf(t, member(7), 0, wire.Start.Content()), "notice of an unknown process"},
		{"a stop of a stranger", Static, frameOf(t, member(7), 0, wire.Stop.Content()), "notice of an unknown process"},
		{"a stop from a foreign domain", Static, frameOf(t, foreign, 0, wire.Stop.Content()), "announces itself otherwise"},
		{"a message from a foreign domain", Static, frameOf(t, foreign, 1, []byte("x")), "foreign domain"},
		{"a name for this node itself", Static, frameOf(t, member(1), 0, wire.Stop.Content()), ""},
		{"an undecodable object", Static, frameOf(t, member(2), 2, []byte("\xac\xed\x00\x05\x7b")), "message that cannot be read"},
		{"no object at all", Static, frameOf(t, member(2), 2, []byte("hello")), "message that cannot be read"},
		{"a million handles", Static, frameOf(t, member(2), 2, million), "more than 16384 handles"},
		{"an unknown class", Static, frameOf(t, member(2), 2, encoded(t, unknown)), ""},
		{"an rpc message that lies", Static, frameOf(t, member(2), 2, encoded(t, lying)), "lengths do not agree"},
		{"a token of a stranger", Axis2, frameOf(t, member(7), 2, badToken), "token of an unknown process"},
		{"a token that ends early", Axis2, frameOf(t, member(2), 2, badToken[:40]), "token that cannot be read"},
		{"a join from a domain that is not served", Axis2, frameOf(t, func() wire.Member {
			m := member(7)
			m.Domain = "foreign"
			return m
		}(), 0x408, join("foreign")), "foreign domain"},
		{"a join of nobody", Axis2, frameOf(t, member(7), 0x408, join("d")), ""},
		{"a stop of another in service mode", Service, frameOf(t, member(7), 8, encoded(t, about(member(2), announceStop))),
			"about 10.0.0.2:4000"},
		{"a start about another", Service, frameOf(t, member(7), 8, rpcWith(about(member(8), announceStart))), "about 10.0.0.8:4000"},
		{"a start with another object", Service, frameOf(t, member(7), 8, rpcWith("text")), "announcement that is not accepted"},
	} {
		inSite(t, func(s *site) {
			log := &logs{}
			cfg := Config{Mode: c.mode, Domain: "d", Peers: peersAt(2), Logger: log.logger(), Receive: nil}
			node, seen := s.join(1, cfg)
			s.start(2, Config{Mode: c.mode, Domain: "d", Peers: peersAt(1)})
			s.wants("both there", 3*time.Second, seen, "added #1 (joined)", "added #2 (joined)")
			before := node.Own().View()
			for range 3 {
				conn, err := s.net.Host(host(9)).DialContext(s.Context(), "tcp", at(1))
				require.NoError(s, err)
				go drain(conn)
				_, err = conn.Write(c.in)
				require.NoError(s, err)
				time.Sleep(100 * ms)
				conn.Close()
			}
			s.wants(c.name, 5*time.Second, seen)
			after := node.Own().View()
			require.Equal(s, before.Number(), after.Number(), c.name)
			require.LessOrEqual(s, node.tracked(), 2, c.name)
			if c.line != "" {
				require.Contains(s, log.all(), c.line, c.name)
				require.LessOrEqual(s, strings.Count(log.all(), "10.0.0.9"), 2, "%s: %s", c.name, log.all())
			}
		})
	}
}

// tracked is how many processes the node looks at.
func (n *Node) tracked() int {
	count := make(chan int)
	n.post(func() { count <- len(n.state.entries) })
	return <-count
}

// drain reads answers so that the other side can write them.
func drain(c net.Conn) {
	b := make([]byte, 1024)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
	}
}

func TestMembersHaveABound(t *testing.T) {
	inSite(t, func(s *site) {
		log := &logs{}
		cfg := axis2("d", 2)
		cfg.MaxMembers, cfg.Logger = 5, log.logger()
		node := s.start(1, cfg)
		conn, err := s.net.Host(host(9)).DialContext(s.Context(), "tcp", at(1))
		require.NoError(s, err)
		defer conn.Close()
		var items []javastream.Value
		for n := 10; n < 100; n++ {
			o, err := memberObject(member(n), memberUIDs[0])
			require.NoError(s, err)
			items = append(items, o)
		}
		list := plain(listClass, &javastream.Array{Class: memberArrayClass, Items: items})
		content := encoded(s.T, (&rpc{call: [16]byte{1}, channel: "d" + membershipChannel, body: list}).object())
		_, err = conn.Write(frameOf(s.T, member(7), 0x408, content))
		require.NoError(s, err)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Equal(s, 5, node.tracked())
		require.Equal(s, 1, node.Own().View().Len(), "nobody is shown who was not found")
		require.Contains(s, log.all(), "too many members")
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		require.Equal(s, 1, node.tracked(), "and the others are forgotten")
	})
}

// A Tomcat that asks for all sessions is told that there are none here.
func TestATomcatIsToldThatThereAreNoSessions(t *testing.T) {
	class := &javastream.Class{Name: classSession, UID: 2, Flags: javastream.Serializable, Fields: []javastream.Field{
		{Kind: 'I', Name: sessionKind}, {Kind: 'L', Name: "mContextName", Type: "Ljava/lang/String;"}}}
	request := plain(class, int32(sessionGetAll), "localhost#/app")
	inSite(t, func(s *site) {
		s.join(1, Config{Domain: "d", Peers: peersAt(2)})
		listener, err := s.net.Listen(at(2))
		require.NoError(s, err)
		got := make(chan *wire.Message, 1)
		e, err := wire.New(wire.Config{Listener: listener, Arrived: func(a *wire.Arrival) bool {
			if a.Control == wire.NoControl {
				got <- a.Message
			}
			return true
		}, Dial: s.net.Host(host(2)).DialContext})
		require.NoError(s, err)
		defer e.Close()
		frame := frameOf(s.T, member(2), 8, encoded(s.T, request))
		require.NoError(s, e.Send(s.Context(), netip.MustParseAddrPort(at(1)), wire.LaneMessages, 8, frame))
		v, err := javastream.Decode((<-got).Content)
		require.NoError(s, err)
		require.Equal(s, int32(sessionNoManager), v.(*javastream.Object).Field(sessionKind))
		require.Equal(s, "localhost#/app", v.(*javastream.Object).Field("mContextName"))
	})
}
