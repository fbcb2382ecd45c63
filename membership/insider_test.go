package membership

import (
	"crypto/ed25519"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

// An insider is a process that holds the key and means harm: it is let in like
// anybody else, keeps its links alive, and says what it likes.
type insider struct {
	b        *bubble
	signer   wire.Ed25519Signer
	record   *wire.Record
	endpoint *transport.Endpoint
	ln       net.Listener

	mu    sync.Mutex
	links []*transport.Link
	known map[wire.ID]*wire.Record // what it was told
	downs []error
}

// insider lets one in at host 9.
func (b *bubble) insider(k transport.Key) *insider {
	b.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(b, err)
	x := &insider{b: b, signer: wire.Ed25519Signer{Key: key}, known: map[wire.ID]*wire.Record{}}
	x.record = x.sealed(x.signer, wire.Record{Name: "insider", Address: addr(9)})
	x.endpoint, err = transport.New(transport.Config{
		Cluster: "default", Advertise: addr(9), Key: key, Keys: []transport.Key{k},
		Domains: func() []transport.Domain { return []transport.Domain{{Name: "d", Role: transport.RoleMember}} },
		Dial:    b.net.Host(ip(9)).DialContext, QueueBytes: 1 << 30,
	})
	require.NoError(b, err)
	b.Cleanup(func() { _ = x.endpoint.Close() })
	x.ln, err = b.net.Listen(addr(9))
	require.NoError(b, err)
	go func() { _ = x.endpoint.Serve(x.ln, x.keep) }()
	l := x.dial(1)
	x.say(l, &wire.Join{Domain: "d", Record: x.record})
	return x
}

// sealed completes a record and signs it.
func (x *insider) sealed(s wire.Ed25519Signer, r wire.Record) *wire.Record {
	r.Domain, r.Role = "d", wire.Member
	r.Incarnation, r.Version = max(r.Incarnation, 1), max(r.Version, 1)
	if r.State == 0 {
		r.State = wire.Alive
	}
	r.Seal(s)
	return &r
}

// dial links with a host.
func (x *insider) dial(host int) *transport.Link {
	x.b.Helper()
	l, err := x.endpoint.Dial(x.b.Context(), addr(host), transport.ID{})
	require.NoError(x.b, err)
	x.keep(l)
	return l
}

// keep answers the heartbeats of a link and remembers what it brings.
func (x *insider) keep(l *transport.Link) {
	x.mu.Lock()
	x.links = append(x.links, l)
	x.mu.Unlock()
	var d wire.Decoder
	seq := uint64(0)
	l.Start(func(p []byte) error {
		if beat, ok, _ := wire.DecodeBeat(&d, p); ok {
			seq++
			var e wire.Encoder
			wire.Beat{Seq: seq, Echo: beat.Seq, Digest: beat.Digest}.Encode(&e)
			_ = l.Send(e.Bytes())
			return nil
		}
		msg, err := wire.Decode(p)
		if err != nil {
			return nil
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		switch msg := msg.(type) {
		case *wire.Table:
			x.learn(msg.Records)
		case *wire.Gossip:
			x.learn(msg.Records)
		}
		return nil
	}, func(err error) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.links = slices.DeleteFunc(x.links, func(o *transport.Link) bool { return o == l })
		x.downs = append(x.downs, err)
	})
}

func (x *insider) learn(records []*wire.Record) {
	for _, r := range records {
		if old := x.known[r.ID]; old == nil || r.Newer(old) {
			x.known[r.ID] = r
		}
	}
}

// of returns what is known of a node's record.
func (x *insider) of(n *Node) *wire.Record {
	x.b.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.known[wire.ID(n.Self().ID)]
	require.NotNil(x.b, r)
	return r
}

func (x *insider) say(l *transport.Link, msg wire.Message) {
	var e wire.Encoder
	wire.Encode(&e, msg)
	_ = l.Send(e.Bytes())
}

// linkedWith says that there is a link with a node, whoever has dialled.
func (x *insider) linkedWith(n *Node) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.ContainsFunc(x.links, func(l *transport.Link) bool { return ID(l.Peer().ID) == n.Self().ID })
}

// sayAll says something on all links, after it has linked with everybody.
func (x *insider) sayAll(msgs ...wire.Message) {
	x.b.Helper()
	for i := range 3 {
		l := x.dial(i + 1)
		for _, m := range msgs {
			x.say(l, m)
		}
	}
	x.b.pass(10 * time.Millisecond)
}

// accuse makes an accusation of a node.
func (x *insider) accuse(n *Node, s wire.Ed25519Signer, seq uint64) *wire.Accusation {
	a := &wire.Accusation{
		Domain: "d", Subject: wire.ID(n.Self().ID), Incarnation: uint32(n.Self().Incarnation), Raised: true, Reason: wire.Refused, Seq: seq,
	}
	a.Seal(s)
	return a
}

func fresh(t testing.TB) wire.Ed25519Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return wire.Ed25519Signer{Key: key}
}

// keyAt is where the key of its writer is in a signed body: after the head of
// the map, the number of the field, and two bytes for its length.
const keyAt = 4

// forged is a changed record with the key of its writer, signed by another.
func forged(r *wire.Record, change func(r *wire.Record)) *wire.Record {
	c := *r
	change(&c)
	c.Seal(wire.Ed25519Signer{Key: ed25519.NewKeyFromSeed(make([]byte, 32))})
	c.Key, c.ID = r.Key, r.ID
	copy(c.Body[keyAt:], r.Key[:]) // the body named the forger's
	return &c
}

// insiders are attacks by a member on the second of three others. What they say
// must change nothing in anybody's view of those.
// log is what one of them writes about it.
var insiders = map[string]struct {
	log    string
	attack func(x *insider, victim *Node)
}{
	"a leave in the name of another": {"record with a bad signature", func(x *insider, victim *Node) {
		x.sayAll(&wire.Gossip{Domain: "d", Records: []*wire.Record{
			forged(x.of(victim), func(r *wire.Record) { r.Version, r.State = 99, wire.Left })}})
	}},
	"a new incarnation of another": {"record with a bad signature", func(x *insider, victim *Node) {
		x.sayAll(&wire.Table{Domain: "d", Last: true, Records: []*wire.Record{
			forged(x.of(victim), func(r *wire.Record) { r.Incarnation, r.SubDomain = 7, "elsewhere" })}})
	}},
	"accusations in the names of others": {"accusation with a bad signature", func(x *insider, victim *Node) {
		var all []*wire.Accusation
		x.mu.Lock()
		for _, r := range x.known {
			a := x.accuse(victim, x.signer, 1<<40)
			a.Birth = r.Birth
			a.Seal(x.signer)
			a.Key, a.Watcher = r.Key, r.ID
			copy(a.Body[keyAt:], r.Key[:]) // the body named the forger's
			all = append(all, a)
		}
		x.mu.Unlock()
		x.sayAll(&wire.Gossip{Domain: "d", Accusations: all, Verdicts: []wire.Verdict{
			{Subject: wire.ID(victim.Self().ID), Incarnation: 1, Held: true, Accusations: all}}})
	}},
	"accusations of people nobody knows": {"", func(x *insider, victim *Node) {
		var all []*wire.Accusation
		for range 20 {
			all = append(all, x.accuse(victim, fresh(x.b), 1))
		}
		x.sayAll(&wire.Gossip{Domain: "d", Accusations: all, Verdicts: []wire.Verdict{
			{Subject: wire.ID(victim.Self().ID), Incarnation: 1, Held: true, Accusations: all}}})
	}},
	"a verdict of its own making": {"", func(x *insider, victim *Node) {
		a := []*wire.Accusation{x.accuse(victim, x.signer, 1)}
		x.sayAll(&wire.Gossip{Domain: "d", Accusations: a, Verdicts: []wire.Verdict{
			{Subject: wire.ID(victim.Self().ID), Incarnation: 1, Held: true, Accusations: a}}})
		x.sayAll(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{func() *wire.Accusation {
			b := *a[0]
			b.Raised, b.Seq = false, 2
			b.Seal(x.signer)
			return &b
		}()}})
	}},
	"departures of everybody": {"", func(x *insider, _ *Node) {
		var gone []wire.Departure
		x.mu.Lock()
		for _, r := range x.known {
			gone = append(gone, wire.Departure{ID: r.ID, Incarnation: r.Incarnation, Cause: wire.CauseLeft, Address: r.Address})
		}
		x.mu.Unlock()
		x.sayAll(&wire.Table{Domain: "d", Last: true, Departures: gone}, &wire.Sync{Domain: "d", Last: true, Departures: gone})
	}},
	"a newcomer at the address of another": {"", func(x *insider, victim *Node) {
		x.sayAll(&wire.Gossip{Domain: "d", Records: []*wire.Record{
			x.sealed(fresh(x.b), wire.Record{Name: "usurper", Address: victim.Self().Address})}})
	}},
	"another first record with the key of another": {"", func(x *insider, victim *Node) {
		r := *x.of(victim)
		require.True(x.b, r.First)
		r.SubDomain = "elsewhere"
		r.SealFirst(r.Key) // which makes another ID
		x.sayAll(&wire.Gossip{Domain: "d", Records: []*wire.Record{&r}},
			&wire.Table{Domain: "d", Records: []*wire.Record{&r}, Last: true})
	}},
	"a join with the address of another": {"", func(x *insider, victim *Node) {
		claim := wire.Record{Version: 5, Name: "insider", Address: victim.Self().Address}
		x.sayAll(&wire.Join{Domain: "d", Record: x.sealed(x.signer, claim)})
	}},
	"the name of another, taken later": {"", func(x *insider, victim *Node) {
		x.sayAll(&wire.Gossip{Domain: "d", Records: []*wire.Record{
			x.sealed(x.signer, wire.Record{Version: 2, Name: victim.Self().Name, Address: addr(9)})}})
	}},
	"old records": {"", func(x *insider, victim *Node) {
		old := x.of(victim)
		require.NoError(x.b, victim.SetProperties(x.b.Context(), map[string]string{"k": "new"}))
		x.b.pass(time.Second)
		x.sayAll(&wire.Gossip{Domain: "d", Records: []*wire.Record{old}}, &wire.Sync{Domain: "d", Records: []*wire.Record{old}, Last: true},
			&wire.Table{Domain: "d", Records: []*wire.Record{old}, Last: true})
		m, _ := victim.Own().View().Get(victim.Self().ID)
		require.Equal(x.b, "new", m.Property("k"))
	}},
	"confirmations and words in the name of others": {"", func(x *insider, victim *Node) {
		id := wire.ID(victim.Self().ID)
		x.sayAll(&wire.Confirm{Domain: "d", Subject: id, Incarnation: 1, Version: 99},
			&wire.Looked{Domain: "d", Subject: id, Incarnation: 1, Answers: true},
			&wire.Looked{Domain: "d", Token: 77, Subject: id, Answers: true}, &wire.Goodbye{Parting: wire.Departing})
	}},
	"messages of a domain that is not its own": {"", func(x *insider, victim *Node) {
		other := *x.of(victim)
		other.Domain = "other"
		other.Seal(x.signer)
		x.sayAll(&wire.Domains{Domains: []wire.DomainRole{{Name: "other", Role: wire.Member}, {Name: "d", Role: wire.Member}}},
			&wire.Gossip{Domain: "other", Records: []*wire.Record{&other}}, &wire.Join{Domain: "other", Record: &other})
	}},
	"held down again and again": {"", func(x *insider, victim *Node) {
		l := x.dial(2)
		for range 200 {
			x.say(l, &wire.HeldDown{Domain: "d", Incarnation: uint32(victim.Self().Incarnation), Cause: wire.CauseReplaced})
			x.b.pass(100 * time.Millisecond)
		}
	}},
	"frames that are no messages": {"the peer does not follow the protocol", func(x *insider, _ *Node) {
		for i, p := range [][]byte{
			{0}, {0xff, 0xff}, {byte(wire.KindBeat)}, make([]byte, transport.MaxFrame),
			append([]byte{byte(wire.KindGossip), 0x81, 2, 0xdd, 0, 0xff, 0xff, 0xff}, make([]byte, 1000)...),
		} {
			_ = x.dial(i%3 + 1).Send(p)
			x.b.pass(10 * time.Millisecond)
		}
	}},
	"requests for large answers without end": {"", func(x *insider, _ *Node) {
		l := x.dial(1)
		var sums wire.Buckets
		sums.Domain = "d"
		for range 2000 {
			x.say(l, &sums)
			x.say(l, &wire.Join{Domain: "d", Record: x.record})
			x.say(l, &wire.Sync{Domain: "d", Answer: true, Last: true, Differ: [wire.BucketCount / 8]byte{255, 255}})
		}
		x.b.pass(10 * time.Millisecond)
	}},
}

func TestInsiders(t *testing.T) {
	for name, c := range insiders {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				k := transport.NewKey()
				all := b.fort(keys(k))
				x := b.insider(k)
				b.pass(2 * time.Second)
				require.Equal(b, 4, all[1].Own().View().Len(), "it is a member like others")
				var seen []*follower
				for _, n := range all {
					seen = append(seen, b.follow(n.Own(), nil))
				}
				used := cpuTime()
				c.attack(x, all[1])
				b.pass(5 * time.Second)
				if used = cpuTime() - used; raceEnabled {
					used /= raceFactor
				}
				require.Less(b, used, attackCPU)
				for i, n := range all {
					for j, o := range all {
						m, ok := n.Own().View().At(addr(j + 1))
						require.True(b, ok, "%s is in the view of %s", addr(j+1), addr(i+1))
						require.Equal(b, o.Self().ID, m.ID)
						require.Equal(b, addr(j+1), m.Name)
						require.Equal(b, Alive, m.State)
						require.False(b, m.NameConflict)
						require.LessOrEqual(b, int(m.Incarnation), 2, "who is said to be down may have to say that it is not")
					}
					for _, e := range seen[i].events() {
						for j := range all {
							require.NotContains(b, e, "removed "+addr(j+1), "not even for a moment")
						}
					}
					seen[i].sound(b)
					require.NoError(b, n.Err())
				}
				if c.log != "" {
					require.NotEmpty(b, b.log.having(c.log, "level=WARN"))
					require.NotEmpty(b, x.downs, "who says so is cut off")
				}
				require.NoError(b, x.endpoint.Close())
				b.net.Crash(ip(9))
				b.pass(10 * time.Second)
				for _, n := range all {
					require.Equal(b, 3, n.Own().View().Len(), "and nothing of it is left: %v", addresses(n.Own().View()))
				}
			})
		})
	}
}
