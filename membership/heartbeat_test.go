package membership

import (
	"crypto/ed25519"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
	"github.com/gotribes/tribes/wka"
)

// A bench is a node that is linked but whose loop does not run: the test plays
// the loop, one heartbeat after the other.
type bench struct {
	loop *loop
	conn *conn
	now  machine.Time
	beat wire.Beat
}

func newBench(t testing.TB) *bench {
	t.Helper()
	cfg := Config{Domain: "d", Advertise: "127.0.0.1:4000", WellKnown: wka.List{"127.0.0.1:4000"}}
	entries, err := cfg.check()
	require.NoError(t, err)
	n, err := newNode(cfg, entries, cfg.Advertise)
	require.NoError(t, err)
	n.loop.begin()
	b := &bench{loop: n.loop}

	// The other side is an endpoint that reads and forgets.
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	peer, err := transport.New(transport.Config{Cluster: "default", Advertise: "127.0.0.1:4001", Key: key})
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = peer.Serve(ln, func(l *transport.Link) { l.Start(func([]byte) error { return nil }, func(error) {}) })
	}()
	link, err := n.endpoint.Dial(t.Context(), ln.Addr().String(), transport.ID{})
	require.NoError(t, err)
	n.loop.linkUp(0, link, 0, "")
	n.loop.after()
	for _, c := range n.loop.links {
		b.conn = c
	}
	require.NotNil(t, b.conn)
	t.Cleanup(func() {
		n.cancel()
		_ = n.endpoint.Close()
		_ = peer.Close()
		<-served
	})
	b.now = time.Millisecond
	return b
}

// receive reads a heartbeat from the wire and hands it to the machine.
func (b *bench) receive(encoder *wire.Encoder) error {
	b.beat.Seq++
	encoder.Reset()
	b.beat.Encode(encoder)
	if err := b.conn.frame(encoder.Bytes()); err != nil {
		return err
	}
	b.now += time.Microsecond
	select {
	case in := <-b.loop.in: // the machine has something to do, so the loop would get it
		b.loop.take(in, b.now)
	default: // taken at once
	}
	return nil
}

// idle plays the loop until the answers to its first dials are in and it has
// nothing to do: then hand has to be able to hand something in.
func (b *bench) idle(t *testing.T, hand func() bool) {
	l := b.loop
	require.Eventually(t, func() bool {
		for len(l.in) > 0 {
			l.take(<-l.in, l.now())
		}
		if now := l.now(); now >= l.m.Next() {
			l.m.Tick(now)
			l.after()
		}
		return len(l.cancels) == 0 && hand()
	}, 10*time.Second, time.Millisecond, "idle")
}

// send performs the effect of a heartbeat, as one step.
func (b *bench) send() {
	b.loop.effect(&machine.Effect{Kind: machine.DoBeat, Link: b.conn.id, Beat: b.beat})
	b.loop.flush()
}

func TestHeartbeatsCostNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates; the test runs without it")
	}
	b := newBench(t)
	var encoder wire.Encoder
	require.Zero(t, testing.AllocsPerRun(1000, func() { _ = b.receive(&encoder) }), "received")
	// What is sent waits in the link's buffers, which grow to their size first.
	for range 2000 {
		b.send()
	}
	require.Zero(t, testing.AllocsPerRun(1000, b.send), "sent")
}

// A group at rest costs each link less than 100 bytes of payload a second, in
// each direction: two heartbeats of about 20 bytes.
func TestAnIdleLinkCostsLittle(t *testing.T) {
	inBubble(t, func(b *bubble) {
		all := b.group(10)
		b.pass(time.Minute) // newcomers are looked at for a while
		before := all[3].Stats()
		b.pass(time.Minute)
		after := all[3].Stats()
		require.Equal(b, before.MessagesSent, after.MessagesSent, "nothing but heartbeats")
		perLink := float64(after.BytesSent-before.BytesSent) / 60 / float64(after.Links)
		b.Logf("%.1f bytes a second for each of %d links", perLink, after.Links)
		require.Less(b, perLink, 100.0)
		require.Equal(b, before.Dials, after.Dials, "all links last")
		require.Equal(b, before.Looks, after.Looks, "nobody is looked at")
	})
}

// A heartbeat is taken in by its reader when the loop is idle, and goes through
// the loop when that is busy or has something to read, so that nothing is
// overtaken.
func TestHeartbeatsFindTheLoopIdleOrWait(t *testing.T) {
	b := newBench(t)
	l := b.loop
	seq := uint64(0)
	b.idle(t, func() bool {
		seq++
		return l.takeNow(input{link: b.conn.id, beat: wire.Beat{Seq: seq}})
	})
	l.step.Lock()
	require.False(t, l.takeNow(input{link: b.conn.id, beat: wire.Beat{Seq: 2}}), "in a step")
	l.step.Unlock()
	l.in <- input{link: b.conn.id}
	require.False(t, l.takeNow(input{link: b.conn.id, beat: wire.Beat{Seq: 2}}), "something waits")
	<-l.in
	require.Eventually(t, func() bool { return l.now() >= l.m.Next() }, 10*time.Second, time.Millisecond, "the next heartbeat is due")
	require.False(t, l.takeNow(input{link: b.conn.id, beat: wire.Beat{Seq: 2}}), "the machine has something to do")
}

// So is a message; behind one that waits for the loop, nothing is.
func TestMessagesFindTheLoopIdleOrWait(t *testing.T) {
	b := newBench(t)
	l, c := b.loop, b.conn
	need := input{link: c.id, msg: &wire.Need{Needed: true}}
	b.idle(t, func() bool { return l.takeNow(need) })
	l.step.Lock()
	require.NoError(t, c.hand(need))
	require.Len(t, l.in, 1, "in a step: it waits")
	require.Len(t, c.turns, 1)
	l.step.Unlock()
	waits := <-l.in
	require.NoError(t, c.hand(input{link: c.id, beat: wire.Beat{Seq: 1}}))
	require.Len(t, l.in, 1, "behind a message that the loop has taken off and not handed in yet")
	l.take(waits, l.now())
	require.Len(t, c.turns, 1)
	l.take(<-l.in, l.now())
	require.Empty(t, c.turns)
}

// A flood waits for the loop even if that is idle: its signatures are checked
// on one stack, and not on that of each reader.
func TestFloodsAreTheLoops(t *testing.T) {
	b := newBench(t)
	l, c := b.loop, b.conn
	b.idle(t, func() bool { return l.takeNow(input{link: c.id, msg: &wire.Need{Needed: true}}) })
	require.NoError(t, c.hand(input{link: c.id, msg: &wire.Gossip{Domain: "d"}}))
	require.Len(t, l.in, 1)
	require.Len(t, c.turns, 1)
	l.take(<-l.in, l.now())
	require.Empty(t, c.turns)
}

func BenchmarkHeartbeat(b *testing.B) {
	x := newBench(b)
	var encoder wire.Encoder
	b.Run("receive", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = x.receive(&encoder)
		}
	})
	b.Run("send", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.send()
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	x := newBench(b)
	record := x.loop.m.Own("d")
	x.loop.step.Lock() // so that each goes through the channel, which is emptied here
	defer x.loop.step.Unlock()
	for _, m := range []wire.Message{
		&wire.Need{Needed: true},
		&wire.Gossip{Domain: "d", Records: []*wire.Record{record}},
	} {
		var encoder wire.Encoder
		wire.Encode(&encoder, m)
		b.Run(wire.Name(m), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(encoder.Bytes())))
			for b.Loop() {
				if err := x.conn.frame(encoder.Bytes()); err != nil {
					b.Fatal(err)
				}
				<-(<-x.loop.in).turns
				x.conn.budget.left = x.conn.budget.most // no member says so much
			}
		})
	}
}

func TestFramesThatMakeNoSense(t *testing.T) {
	b := newBench(t)
	require.ErrorIs(t, b.conn.frame([]byte{byte(wire.KindBeat), 0xc1}), transport.ErrMalformed)
	require.ErrorIs(t, b.conn.frame([]byte{byte(wire.KindGossip), 0xc1}), transport.ErrMalformed)
	require.NoError(t, b.conn.frame([]byte{99, 0x80}), "a kind of a later version is skipped")
	require.Empty(t, b.loop.in)
}
