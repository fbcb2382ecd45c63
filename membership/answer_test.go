package membership

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

// A questioner asks a node, well or badly.
type questioner struct {
	*transport.Link
	answers chan wire.Message
	down    chan error
}

// questioner connects to host 1 as one who only asks.
func (b *bubble) questioner() *questioner {
	b.Helper()
	e, err := transport.New(transport.Config{Cluster: defaultCluster, Dial: b.net.Host(ip(9)).DialContext})
	require.NoError(b, err)
	b.Cleanup(func() { _ = e.Close() })
	l, err := e.Ask(b.Context(), addr(1))
	require.NoError(b, err)
	q := &questioner{l, make(chan wire.Message, 10_000), make(chan error, 1)}
	l.Start(func(p []byte) error {
		msg, err := wire.Decode(p)
		if err == nil {
			q.answers <- msg
		}
		return err
	}, func(err error) { q.down <- err })
	return q
}

func (q *questioner) ask(m wire.Message) { _ = q.Send(encoded(m)) }

func encoded(m wire.Message) []byte {
	var e wire.Encoder
	wire.Encode(&e, m)
	return e.Bytes()
}

// someJoin is a Join as a member of domain d sends it.
func someJoin(t *testing.T) *wire.Join {
	r := &wire.Record{Domain: "d", Incarnation: 1, Version: 1, Role: wire.Member, State: wire.Alive, Name: "x", Address: addr(9)}
	r.Seal(fresh(t))
	return &wire.Join{Domain: "d", Record: r}
}

// Who sends what is known and is no question is disconnected by the first of
// it; what a later version may ask is answered.
func TestWhatIsNoQuestionEndsTheConnection(t *testing.T) {
	inBubble(t, func(b *bubble) {
		n := b.start(1)
		var beat wire.Encoder
		wire.Beat{Seq: 1}.Encode(&beat)
		for name, payload := range map[string][]byte{
			"a Join":      encoded(someJoin(t)),
			"a Goodbye":   encoded(&wire.Goodbye{}),
			"an answer":   encoded(&wire.Unanswered{Code: 1}),
			"a heartbeat": beat.Bytes(),
		} {
			q := b.questioner()
			began := time.Now()
			require.NoError(b, q.Send(payload))
			require.Error(b, <-q.down, name)
			require.Zero(b, time.Since(began), name)
			require.Empty(b, q.answers, name)
		}
		require.Equal(b, 1, n.Own().View().Len())
		q := b.questioner()
		require.NoError(b, q.Send([]byte{0x7f, 0x80}))
		require.Equal(b, wire.AnswerUnknown, (<-q.answers).(*wire.Unanswered).Code)
		q.ask(&wire.AskView{Domain: "d"})
		require.Equal(b, uint32(1), (<-q.answers).(*wire.Seen).Total, "and the connection stays")
	})
}

func TestALargeViewComesInPartsOfOneView(t *testing.T) {
	inBubble(t, func(b *bubble) {
		n := b.start(1)
		var all []Member
		for i := range 10_000 {
			all = append(all, Member{ID: ID{1, byte(i >> 8), byte(i)}, Domain: "d", Address: fmt.Sprintf("10.1.%03d.%03d:1", i/250, i%250),
				Name: fmt.Sprint(i), State: Alive}.WithProperties(map[string]string{"httpPort": "80", "zone": fmt.Sprint(i)}))
		}
		old := n.own.current.Load()
		n.own.current.Store(MakeView("d", 7, all).s)
		defer n.own.current.Store(old)
		q := b.questioner()
		got, parts := 0, 0
		for got < len(all) {
			q.ask(&wire.AskView{Domain: "d", From: uint32(got)})
			part := (<-q.answers).(*wire.Seen)
			require.Equal(b, uint64(7), part.Number)
			require.Equal(b, uint32(len(all)), part.Total)
			require.NotEmpty(b, part.Members)
			require.LessOrEqual(b, len(part.Members), wire.MaxRecords)
			for i := range part.Members {
				require.Equal(b, seenOf(&all[got+i]), part.Members[i])
			}
			got, parts = got+len(part.Members), parts+1
			n.own.current.Store(MakeView("d", 8, nil).s) // a change meanwhile
		}
		require.Equal(b, 20, parts)
		q.ask(&wire.AskView{Domain: "d"})
		require.Equal(b, uint64(8), (<-q.answers).(*wire.Seen).Number, "from the beginning it is the view of now")
	})
}

// The largest properties that there are fit.
func TestAPartOfAViewFitsIntoAFrame(t *testing.T) {
	inBubble(t, func(b *bubble) {
		n := b.start(1)
		var all []Member
		for i := range 100 {
			all = append(all, Member{ID: ID{1, byte(i)}, Domain: "d", Address: fmt.Sprint("10.1.0.", i, ":1"), State: Alive}.
				WithProperties(map[string]string{"k": string(make([]byte, wire.MaxPropertySum-1))}))
		}
		old := n.own.current.Load()
		n.own.current.Store(MakeView("d", 7, all).s)
		defer n.own.current.Store(old)
		q := b.questioner()
		q.ask(&wire.AskView{Domain: "d", From: 50})
		require.Len(b, (<-q.answers).(*wire.Seen).Members, 16)
		q.ask(&wire.AskView{Domain: "d", From: 1 << 31})
		require.Empty(b, (<-q.answers).(*wire.Seen).Members)
	})
}

func TestQuestionsBeyondTheRateWait(t *testing.T) {
	inBubble(t, func(b *bubble) {
		n := b.start(1)
		began := time.Now()
		q, r := b.questioner(), b.questioner()
		for range 96 {
			q.ask(&wire.AskView{Domain: "d"})
			r.ask(&wire.AskWhy{Domain: "d", Who: n.Self().Address})
		}
		for range 96 {
			<-q.answers
			<-r.answers
		}
		require.InDelta(b, float64(192-asksAtOnce)/asksPerSec, time.Since(began).Seconds(), 0.1, "all askers together")
		began = time.Now()
		b.pass(time.Minute / 2)
		r.ask(&wire.AskDial{Address: addr(3)})
		<-r.answers
		require.Less(b, time.Since(began), time.Minute/2+time.Second)
	})
}

func TestWhoAsksStaysAMinuteAtMost(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.start(1)
		began := time.Now()
		require.ErrorContains(b, <-b.questioner().down, "EOF")
		require.Equal(b, askTime, time.Since(began))
	})
}

func TestOneAddressIsDialledAtATime(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.start(1)
		b.net.Partition([]string{ip(1)}, []string{ip(7)})
		q, r := b.questioner(), b.questioner()
		began := time.Now()
		q.ask(&wire.AskDial{Address: addr(7)})
		synctest.Wait()
		r.ask(&wire.AskDial{Address: addr(7)})
		require.Equal(b, wire.AnswerBusy, (<-r.answers).(*wire.Unanswered).Code)
		require.Equal(b, uint8(transport.FailureSilent), (<-q.answers).(*wire.Dialed).Failure)
		require.Equal(b, askDialFor, time.Since(began))
	})
}

// Whatever one sends who only asks, the group goes on, and other askers get
// their answers when it is gone.
func TestHostileAskers(t *testing.T) {
	// Closed are those that do not follow the protocol, and those that send so much that they cannot get rid of it in time.
	flood := func(q *questioner, payload []byte) {
		for range 2000 {
			_ = q.Send(payload)
		}
	}
	join := encoded(someJoin(t))
	for name, c := range map[string]struct {
		attack func(q *questioner)
		closed bool
	}{
		"garbage":                     {func(q *questioner) { flood(q, []byte{0xc1, 1, 2, 3}) }, true},
		"a question without a domain": {func(q *questioner) { flood(q, []byte{byte(wire.KindAskView), 0x80}) }, true},
		"more than a question":        {func(q *questioner) { flood(q, make([]byte, transport.MaxQuestion+1)) }, true},
		"a Join":                      {func(q *questioner) { flood(q, join) }, true},
		"kinds of later versions":     {func(q *questioner) { flood(q, []byte{0x7f, 0x80}) }, false},
		"an answer":                   {func(q *questioner) { q.ask(&wire.Unanswered{Code: 1}) }, true},
		"questions without end":       {func(q *questioner) { flood(q, []byte{byte(wire.KindAskView), 0x81, 1, 0xa1, 'd'}) }, false},
		"explanations of names": {func(q *questioner) {
			flood(q, []byte{byte(wire.KindAskWhy), 0x82, 1, 0xa1, 'd', 2, 0xa1, 'y'})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				all := b.group(3)
				before := all[0].Own().View().Number()
				used := cpuTime()
				var qs []*questioner
				for range 7 {
					q := b.questioner()
					qs = append(qs, q)
					c.attack(q)
				}
				b.pass(time.Second)
				good := b.questioner()
				good.ask(&wire.AskView{Domain: "d"})
				require.Equal(b, uint32(3), (<-good.answers).(*wire.Seen).Total)
				b.pass(5 * time.Second)
				for _, q := range qs {
					require.Equal(b, c.closed, len(q.down) == 1)
					require.LessOrEqual(b, len(q.answers), asksAtOnce+7*asksPerSec)
				}
				if used = cpuTime() - used; raceEnabled {
					used /= raceFactor
				}
				require.Less(b, used, attackCPU)
				for _, n := range all {
					require.Equal(b, before, n.Own().View().Number(), "nothing has changed for anybody")
				}
			})
		})
	}
}
