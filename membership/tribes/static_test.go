package tribes

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

const ms = time.Millisecond

func TestStaticMembersFindAndLoseEachOther(t *testing.T) {
	inSite(t, func(s *site) {
		a, seen := s.join(1, Config{Domain: "d", Peers: peersAt(1, 2, 3)})
		s.wants("alone, and not an error", 0, seen, "added #1 (joined)")
		b := s.start(2, Config{Domain: "d", Peers: peersAt(1, 3), Properties: map[string]string{"httpPort": "9763"}})
		s.wants("a start is noticed by its notice", 20*ms, seen, "added #2 (joined)")
		m, ok := a.Own().View().Get(idAt(2))
		require.True(s, ok)
		require.Equal(s, "9763", m.Property("httpPort"), "which says what it publishes")
		require.Equal(s, "d", m.Domain)
		c := s.start(3, Config{Domain: "d", Peers: peersAt(1, 2)})
		s.wants("the third", 20*ms, seen, "added #3 (joined)")
		require.Equal(s, 3, b.Own().View().Len())

		require.NoError(s, b.Leave(s.Context()))
		require.ErrorIs(s, b.Err(), membership.ErrLeft)
		s.wants("a stop is noticed by its notice", 11*ms, seen, "removed #2 (left)")
		s.net.Crash(host(3))
		s.wants("a crash by the connection that is held", 50*ms, seen, "removed #3 (crashed)")
		c.Close()
		s.wants("nothing else", time.Minute, seen)

		s.start(2, Config{Domain: "d", Peers: peersAt(1, 3)})
		s.wants("a new run of the same process", 20*ms, seen, "added #2 (returned)")
		m, _ = a.Own().View().Get(idAt(2))
		require.Equal(s, uint32(2), m.Incarnation)
	})
}

func TestABlackHoleDelaysNobodyElsesNews(t *testing.T) {
	inSite(t, func(s *site) {
		_, seen := s.join(1, Config{Peers: peersAt(2, 3, 4)})
		for n := 2; n <= 4; n++ {
			s.start(n, Config{Peers: peersAt(1)})
		}
		s.wants("all there", time.Second, seen, "added #1 (joined)", "added #2 (joined)", "added #3 (joined)", "added #4 (joined)")
		s.net.PowerLoss(host(2))
		s.wants("it takes the time of a probe", 1500*ms, seen)
		s.net.Crash(host(3))
		s.wants("another is noticed at once meanwhile", 50*ms, seen, "removed #3 (crashed)")
		s.wants("then the one that is cut off", 1500*ms, seen, "removed #2 (silent)")
		s.net.PowerOn(host(2))
		s.start(2, Config{Peers: peersAt(1)})
		s.wants("and back", 4*time.Second, seen, "added #2 (returned)")
	})
}

func TestTheReadTestNoticesAStoppedProcess(t *testing.T) {
	for _, readTest := range []bool{false, true} {
		inSite(t, func(s *site) {
			_, seen := s.join(1, Config{Peers: peersAt(2), ReadTest: readTest})
			s.start(2, Config{Peers: peersAt(1)})
			s.wants("both there", time.Second, seen, "added #1 (joined)", "added #2 (joined)")
			s.net.Stall(host(2), true) // as SIGSTOP: connections are still accepted
			if !readTest {
				s.wants("nobody notices, as in Java", time.Minute, seen)
				s.net.Stall(host(2), false)
				return
			}
			s.wants("noticed by the missing answer", 5*time.Second, seen, "removed #2 (silent)")
			s.net.Stall(host(2), false)
			s.wants("back", 5*time.Second, seen, "added #2 (returned)")
		})
	}
}

func TestNoticesHaveASwitchAndNeedALaterLayout(t *testing.T) {
	for name, cfg := range map[string]Config{"off": {NoNotices: true}, "old layout": {OldLayout: true}} {
		inSite(t, func(s *site) {
			var got []wire.Control
			listener, err := s.net.Listen(at(2))
			require.NoError(s, err)
			e, err := wire.New(wire.Config{Listener: listener, Arrived: func(a *wire.Arrival) bool {
				got = append(got, a.Control)
				require.Equal(s, cfg.OldLayout, a.Message.Sender.Layout == wire.Layout6)
				return true
			}})
			require.NoError(s, err)
			defer e.Close()
			cfg.Peers = peersAt(2)
			node, _ := s.join(1, cfg)
			time.Sleep(time.Second)
			require.NoError(s, node.Leave(s.Context()))
			synctest.Wait()
			require.NotEmpty(s, got)
			require.NotContains(s, got, wire.Start, name)
			require.NotContains(s, got, wire.Stop, name)
		})
	}
}

func TestEachIsWrittenToInItsOwnLayout(t *testing.T) {
	inSite(t, func(s *site) {
		a, _ := s.join(1, Config{Peers: peersAt(2)})
		b := s.start(2, Config{Peers: peersAt(1), OldLayout: true})
		time.Sleep(3 * time.Second)
		require.Equal(s, 2, a.Own().View().Len())
		require.Equal(s, 2, b.Own().View().Len())
		require.NoError(s, send(a, Ack, "hello"))
		require.NoError(s, send(b, Ack, "hello"))
	})
}

func TestMessagesAndCalls(t *testing.T) {
	inSite(t, func(s *site) {
		got := &trace{}
		cfg := Config{Domain: "d", Peers: peersAt(1, 2, 3), Receive: func(_ context.Context, m Message) error {
			got.add(m.From.Address[:8] + " " + m.Class + string(m.Bytes) + m.Text)
			if m.Text == "fail" {
				return errors.New("no")
			}
			return nil
		}, Calls: map[string]func(context.Context, Message) (any, error){
			"echo": func(_ context.Context, m Message) (any, error) { return "echo:" + m.Text + string(m.Bytes), nil },
			"nil":  func(context.Context, Message) (any, error) { return nil, nil },
			"bad":  func(context.Context, Message) (any, error) { return "x", errors.New("no") },
		}}
		a, b := s.start(1, cfg), s.start(2, cfg)
		s.start(3, Config{Domain: "d", Peers: peersAt(1, 2)})
		time.Sleep(time.Second)
		for _, o := range []Options{0, Ack, SyncAck, Ack | SyncAck, Async, Async | Ack} {
			require.NoError(s, send(a, o, []byte("b"), idAt(2)), o)
			require.NoError(s, send(a, o, "t"), o)
		}
		time.Sleep(time.Second)
		lines := got.take()
		require.Len(s, lines, 12, "to one, and to all others: only one of them takes them")
		require.Equal(s, "10.0.0.1 b", lines[0])
		require.Contains(s, lines, "10.0.0.1 java.lang.Stringt")

		err := send(a, Ack|SyncAck, "fail", idAt(2))
		require.ErrorIs(s, err, wire.ErrFailed)
		require.ErrorContains(s, err, at(2))
		require.Len(s, got.take(), 2, "sent twice")
		require.Error(s, send(a, 0, 5))
		require.ErrorIs(s, send(a, 0, "x", membership.ID{1}), ErrUnknownMember)

		replies, err := b.Call(s.Context(), "echo", Ack, "hi", idAt(1))
		require.NoError(s, err)
		require.Equal(s, "echo:hi", replies[0].Text)
		require.Equal(s, at(1), replies[0].From.Address)
		replies, err = b.Call(s.Context(), "echo", 0, []byte("hi"))
		require.Len(s, replies, 1)
		require.ErrorIs(s, err, ErrNobody)
		require.ErrorContains(s, err, at(3))
		for _, channel := range []string{"nil", "bad"} {
			replies, err = b.Call(s.Context(), channel, 0, nil, idAt(1))
			require.NoError(s, err)
			require.Equal(s, "null", replies[0].Class)
		}
		s.net.Stall(host(1), true)
		begun := time.Now()
		_, err = b.Call(s.Context(), "echo", 0, "hi", idAt(1))
		require.ErrorIs(s, err, context.DeadlineExceeded)
		require.Equal(s, callTime, time.Since(begun))
		s.net.Stall(host(1), false)
	})
}

func send(n *Node, o Options, body any, to ...membership.ID) error {
	_, err := n.Send(context.Background(), o, body, to...)
	return err
}

func TestAConnectionIsHeldWhereNothingIsSent(t *testing.T) {
	inSite(t, func(s *site) {
		_, seen := s.join(1, Config{Peers: peersAt(2), NoNotices: true})
		s.start(2, Config{Peers: peersAt(1), NoNotices: true})
		s.wants("found by a probe", 2*time.Second, seen, "added #1 (joined)", "added #2 (joined)")
		s.net.Crash(host(2))
		s.wants("a crash by the connection that is held", 50*ms, seen, "removed #2 (crashed)")
	})
}
