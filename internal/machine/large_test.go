package machine

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// large makes a started machine that has been handed n-1 members with four
// properties each, over one link that stays: what a node knows that has just
// joined a large group. The records are decoded, as those of a real node are.
func large(tb testing.TB, n int) (m *Machine, known []*wire.Record) {
	tb.Helper()
	cfg := testConfig("a:1")
	cfg.MaxMembers = n + 10
	cfg.Rand = rand.New(rand.NewPCG(1, 2))
	m = New(cfg)
	m.Start(0)
	m.Effects()
	m.LinkUp(0, LinkUp{Link: 1, Peer: wire.IDOf(testKey("stranger"), wire.Birth{}), Address: "stranger:1",
		Domains: []wire.DomainRole{{Name: "d", Role: wire.Member}}})
	m.Effects()
	var e wire.Encoder
	for from := 1; from < n; from += tableRecords {
		t := &wire.Table{Domain: "d", Last: from+tableRecords >= n}
		for i := from; i < min(n, from+tableRecords); i++ {
			t.Records = append(t.Records, largeRecord(i, 1))
		}
		e.Reset()
		wire.Encode(&e, t)
		msg, err := wire.Decode(e.Bytes())
		require.NoError(tb, err)
		known = append(known, msg.(*wire.Table).Records...)
		m.Receive(0, 1, msg)
		m.Effects()
	}
	m.Tick(settleSilent)
	m.Effects()
	m.Tick(settleSilent + 1)
	require.Equal(tb, n, m.group("d").members.len())
	return m, known
}

func largeRecord(i int, incarnation uint32) *wire.Record {
	r := &wire.Record{
		Domain: "d", Incarnation: incarnation, Version: 1, Role: wire.Member, State: wire.Alive,
		Name: fmt.Sprintf("node-%d", i), Address: fmt.Sprintf("10.1.%d.%d:4100", i/256, i%256),
		Properties: []wire.Property{{Key: "httpPort", Value: "9763"}, {Key: "httpsPort", Value: "9443"},
			{Key: "version", Value: "5.11.0-build.17"}, {Key: "zone", Value: "eu-central-1b"}},
	}
	r.Seal(testSigner{testKey(fmt.Sprintf("member %d", i))})
	return r
}

func heapInUse() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// What a node keeps of a known member at 5,000 members with four properties:
// at most 1 KiB with its record, at most 160 bytes beside it, which is what
// simulated nodes have of their own while they share the records.
func TestMemoryOfAKnownMember(t *testing.T) {
	const n = 5000
	before := heapInUse()
	m, known := large(t, n)
	whole := heapInUse() - before
	m.Effects()
	runtime.KeepAlive(known)
	for i := range known { // once more, as large as those that the machine holds
		var e wire.Encoder
		wire.Encode(&e, gossip(known[i]))
		msg, err := wire.Decode(e.Bytes())
		require.NoError(t, err)
		known[i] = msg.(*wire.Gossip).Records[0]
	}
	records := heapInUse() - before - whole
	runtime.KeepAlive(m)
	each, beside := float64(whole)/n, float64(whole)/n-float64(records)/n
	t.Logf("%.0f bytes of a known member, %.0f of them beside its record", each, beside)
	require.LessOrEqual(t, each, 1024.0)
	require.LessOrEqual(t, beside, 160.0)
	require.Positive(t, beside)
	runtime.KeepAlive(known)
}

// A newcomer to a large group is handed the records once, dials at most eight
// neighbours, and sends nothing that grows with the group but the digests.
func TestAJoinCostsOneTransferAndEightLinks(t *testing.T) {
	m, _ := large(t, 2000)
	m.Tick(higherWaits + settleSilent)
	dials := map[string]bool{}
	for _, a := range m.attempts {
		if a.peer != nil {
			dials[a.peer.address] = true
		}
	}
	require.NotEmpty(t, dials)
	require.LessOrEqual(t, len(dials), 2*wire.Rings)
	require.LessOrEqual(t, len(m.links), 1, "only the link that the table came over")
}

// A crowd stands for all others: it answers every dial, look and heartbeat.
type crowd struct {
	b     *testing.B
	m     *Machine
	now   Time
	links LinkID
	beats map[LinkID]uint64
	views int
}

func newCrowd(b *testing.B, n int) (*crowd, []*wire.Record) {
	m, known := large(b, n)
	c := &crowd{b: b, m: m, now: time.Second, links: 1, beats: map[LinkID]uint64{}}
	c.linksUp(LinkUp{Peer: known[0].ID, Address: known[0].Address})
	for _, id := range slices.Sorted(maps.Keys(m.attempts)) { // the dials that nobody has answered yet
		if p := m.attempts[id].peer; p != nil {
			c.linksUp(LinkUp{Attempt: id, Peer: p.id, Address: p.address})
		}
	}
	for c.now < 3*time.Second {
		c.tick()
	}
	require.GreaterOrEqual(b, m.healthyLinks(), 8)
	return c, known
}

func (c *crowd) linksUp(up LinkUp) {
	c.links++
	up.Link = c.links
	up.Domains = []wire.DomainRole{{Name: "d", Role: wire.Member}}
	c.m.LinkUp(c.now, up)
	c.answer()
}

func (c *crowd) tick() {
	c.now = max(c.m.Next(), c.now)
	c.m.Tick(c.now)
	c.answer()
}

// answer answers the effects of the last input.
func (c *crowd) answer() {
	for _, e := range slices.Clone(c.m.Effects()) {
		switch e.Kind {
		case DoPublish:
			c.views++
		case DoDial:
			c.linksUp(LinkUp{Attempt: e.Attempt, Peer: e.Peer, Address: e.Address})
		case DoLook:
			c.m.LookDone(c.now, e.Attempt, Answered, e.Peer, "")
			c.answer()
		case DoBeat:
			c.beats[e.Link]++
			c.m.Beat(c.now, e.Link, wire.Beat{Seq: c.beats[e.Link], Echo: e.Beat.Seq, Digest: e.Beat.Digest})
			c.answer()
		}
	}
}

// change takes in a message and lets time pass until a change was published.
func (c *crowd) change(msg wire.Message) {
	views := c.views
	c.m.Receive(c.now, 2, msg)
	c.answer()
	for range 10 {
		if c.views > views {
			return
		}
		c.tick()
	}
	c.b.Fatal("nothing was published")
}

// BenchmarkChange is what it costs a machine at 5,000 members that one comes
// back with a new incarnation: the record taken in, the view changed and
// published, the heartbeats of the 20 ms between and their answers. Checking a
// signature is not part of it (wire.BenchmarkVerify). At most 200 µs.
func BenchmarkChange(b *testing.B) {
	c, _ := newCrowd(b, 5000)
	incarnation := uint32(2)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		msg := gossip(largeRecord(1+int(incarnation)%4000, incarnation))
		incarnation++
		b.StartTimer()
		c.change(msg)
	}
}

// BenchmarkComeAndGo is the same for a member that leaves and one that comes
// in its place: the rings and the tables change as well.
func BenchmarkComeAndGo(b *testing.B) {
	c, _ := newCrowd(b, 5000)
	oldest, newest := 2, 5000
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		gone := largeRecord(oldest, 1)
		gone.State, gone.Version = wire.Left, 2
		gone.Seal(testSigner{gone.Key})
		msg := gossip(gone, largeRecord(newest, 1))
		oldest, newest = oldest+1, newest+1
		b.StartTimer()
		c.change(msg)
	}
}
