package tribes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
)

const here, there = "10.0.0.1:4000", "10.0.0.2:4000"

// open starts an endpoint at an address of the network.
func open(t *testing.T, network *memnet.Network, address string, cfg Config) *Endpoint {
	t.Helper()
	listener, err := network.Listen(address)
	require.NoError(t, err)
	cfg.Listener = listener
	cfg.Dial = network.Host(address).DialContext
	e, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

// dialled is a bare connection to the endpoint at here.
func dialled(t *testing.T, network *memnet.Network) net.Conn {
	t.Helper()
	c, err := network.Host("10.0.0.9").DialContext(t.Context(), "tcp", here)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func member(address string) Member {
	a := netip.MustParseAddrPort(address)
	return Member{Host: a.Addr(), Port: int(a.Port()), SecurePort: None, UDPPort: None, Domain: "d"}
}

func message(options Options, content string) *Message {
	return &Message{Options: options, ID: NewMessageID(), Sender: member(there), Content: []byte(content)}
}

func encoded(t *testing.T, m *Message) []byte {
	t.Helper()
	b, err := AppendMessage(nil, m)
	require.NoError(t, err)
	return b
}

// answerWithin reads one answer, NoAnswer if none comes in that time.
func answerWithin(t *testing.T, c net.Conn, d time.Duration) Answer {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(d)))
	f, err := NewReader(c, 0).Next()
	if err != nil {
		return NoAnswer
	}
	return f.Answer
}

// A taken collects what was delivered.
type taken struct {
	mu   sync.Mutex
	list []string
}

func (k *taken) add(s string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(k.list, s)
}

func (k *taken) all() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.list...)
}

func (k *taken) deliver(_ context.Context, a *Arrival) error {
	k.add(string(a.Message.Content))
	return nil
}

func TestMessagesArriveInOrderAndAreAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, got := memnet.New(), &taken{}
		open(t, network, here, Config{Deliver: got.deliver})
		from := open(t, network, there, Config{})
		to := netip.MustParseAddrPort(here)
		var want []string
		for i, o := range []Options{Bytes, Bytes | Ack, Bytes | Ack | SyncAck, Bytes | SyncAck, Bytes | Async, 0} {
			text := strings.Repeat("x", i+1)
			require.NoError(t, from.Send(t.Context(), to, LaneMessages, o, encoded(t, message(o, text))))
			want = append(want, text)
		}
		synctest.Wait()
		require.Equal(t, want, got.all())
	})
}

func TestAProbeIsAnsweredWhateverTheApplicationDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		goOn := make(chan struct{})
		open(t, network, here, Config{Deliver: func(ctx context.Context, _ *Arrival) error {
			<-goOn
			return nil
		}})
		defer close(goOn)
		c := dialled(t, network)
		_, err := c.Write(encoded(t, message(Bytes, "stuck")))
		require.NoError(t, err)
		synctest.Wait()
		for _, conn := range []net.Conn{c, dialled(t, network)} {
			_, err = conn.Write(encoded(t, message(Bytes|Ack, string(Probe.Content()))))
			require.NoError(t, err)
			require.Equal(t, Accepted, answerWithin(t, conn, time.Nanosecond))
		}
	})
}

func TestWithoutRoomNothingIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		goOn := make(chan struct{})
		open(t, network, here, Config{Deliver: func(context.Context, *Arrival) error {
			<-goOn
			return nil
		}})
		c := dialled(t, network)
		for i := range waitingMost + 2 { // one is being delivered, one cannot wait
			_, err := c.Write(encoded(t, message(Bytes|Ack, "x")))
			require.NoError(t, err)
			want := Accepted
			if i == waitingMost+1 {
				want = NoAnswer
			}
			require.Equal(t, want, answerWithin(t, c, time.Minute), "message %d", i)
		}
		close(goOn)
		require.Equal(t, Accepted, answerWithin(t, c, time.Nanosecond))
	})
}

func TestAFailedMessageIsSentTwiceWithTheSameID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		var ids []MessageID
		var conns []netip.AddrPort
		fail := 1
		open(t, network, here, Config{Deliver: func(_ context.Context, a *Arrival) error {
			ids, conns = append(ids, a.Message.ID), append(conns, a.From)
			if fail--; fail >= 0 {
				return errors.New("not now")
			}
			return nil
		}})
		from, to := open(t, network, there, Config{}), netip.MustParseAddrPort(here)
		send := func() error {
			return from.Send(t.Context(), to, LaneMessages, Bytes|Ack|SyncAck, encoded(t, message(Bytes|Ack|SyncAck, "x")))
		}
		require.NoError(t, send())
		require.Len(t, ids, 2)
		require.Equal(t, ids[0], ids[1])
		require.NotEqual(t, conns[0], conns[1], "the second try has a connection of its own")
		fail = 2
		err := send()
		require.ErrorIs(t, err, ErrFailed)
		require.ErrorContains(t, err, here)
		require.Len(t, ids, 4)
	})
}

// mute accepts, counts whole messages, and never answers.
func mute(t *testing.T, network *memnet.Network, count *int) {
	listener, err := network.Listen(here)
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				for r := NewReader(c, 0); ; *count++ {
					if _, err := r.Next(); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wg.Wait()
	})
}

func TestAnAnswerIsAwaitedThreeSecondsTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, count := memnet.New(), 0
		mute(t, network, &count)
		from := open(t, network, there, Config{})
		begun := time.Now()
		err := from.Send(t.Context(), netip.MustParseAddrPort(here), LaneMessages, Bytes|Ack, encoded(t, message(Bytes|Ack, "x")))
		require.ErrorIs(t, err, ErrNoAnswer)
		require.Equal(t, 6*time.Second, time.Since(begun))
		synctest.Wait()
		require.Equal(t, 2, count)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = from.Send(ctx, netip.MustParseAddrPort(here), LaneMessages, Bytes|Ack, encoded(t, message(Bytes|Ack, "x")))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 7*time.Second, time.Since(begun))
		from.Close()
	})
}

func TestWhatIsSentAgainIsDeliveredOnce(t *testing.T) {
	for _, o := range []Options{Bytes | Ack, Bytes | Ack | SyncAck} {
		synctest.Test(t, func(t *testing.T) {
			network, got := memnet.New(), &taken{}
			open(t, network, here, Config{Deliver: func(ctx context.Context, a *Arrival) error {
				time.Sleep(4 * time.Second) // longer than a sender waits
				return got.deliver(ctx, a)
			}})
			m := message(o, "once")
			first, second := dialled(t, network), dialled(t, network)
			_, err := first.Write(encoded(t, m))
			require.NoError(t, err)
			time.Sleep(3 * time.Second)
			_, err = second.Write(encoded(t, m))
			require.NoError(t, err)
			require.Equal(t, Accepted, answerWithin(t, second, 2*time.Second))
			require.Equal(t, Accepted, answerWithin(t, first, 2*time.Second))
			time.Sleep(4 * time.Second)
			require.Equal(t, []string{"once"}, got.all())

			other := *m
			other.Sender.Port++ // the same id from somebody else is another message
			_, err = second.Write(encoded(t, &other))
			require.NoError(t, err)
			time.Sleep(5 * time.Second)
			require.Len(t, got.all(), 2)
		})
	}
}

func TestTheWindowForgetsTheOldest(t *testing.T) {
	var w window
	from := member(there).Identity()
	first, fresh := w.enter(from, MessageID{1})
	require.True(t, fresh)
	first.leave(true)
	for i := range windowIDs {
		id := MessageID{2, byte(i), byte(i >> 8)}
		turn, fresh := w.enter(from, id)
		require.True(t, fresh)
		turn.leave(true)
		_, fresh = w.enter(from, id)
		require.False(t, fresh)
	}
	require.Len(t, w.senders[from].turns, windowIDs)
	_, fresh = w.enter(from, MessageID{1})
	require.True(t, fresh, "out of the window")
	for i := range 2 * windowSenders {
		other := from
		other.Address = netip.AddrPortFrom(other.Address.Addr(), uint16(i))
		w.enter(other, MessageID{1})
	}
	require.Len(t, w.senders, windowSenders)
}

// logged is a logger into a buffer.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) lines() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), "\n")
}

func TestBadInputClosesTheConnectionWithOneLine(t *testing.T) {
	good := frameBytes(t, sample())
	for name, in := range map[string][]byte{
		"garbage":          []byte("GET / HTTP/1.1\r\n\r\n"),
		"1 GiB announced":  append([]byte(frameBegin), 0x40, 0, 0, 0),
		"wrong end":        append(bytes.Clone(good[:len(good)-1]), '4'),
		"unasked answer":   AppendAnswer(nil, Accepted),
		"bytes behind":     spoil(t, func(b []byte) []byte { return append(b, 0) }),
		"block that lies":  spoil(t, put(46, 50)),
		"good, then wrong": append(bytes.Clone(good), "FLT2003"+strings.Repeat("x", 9)...),
	} {
		synctest.Test(t, func(t *testing.T) {
			network, log := memnet.New(), &logged{}
			open(t, network, here, Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
			for range 3 {
				c := dialled(t, network)
				_, err := c.Write(in)
				require.NoError(t, err)
				_, err = io.Copy(io.Discard, c)
				require.NoError(t, err, "%s: closed by the other side", name)
			}
			require.Equal(t, 1, log.lines(), "%s: %s", name, log.b.String())
			require.Contains(t, log.b.String(), "from=10.0.0.9", name)
			require.Contains(t, log.b.String(), "reason=", name)
		})
	}
}

func TestAnIdleConnectionIsNeverClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, got := memnet.New(), &taken{}
		open(t, network, here, Config{Deliver: got.deliver})
		bare, used := dialled(t, network), dialled(t, network)
		_, err := used.Write(encoded(t, message(Bytes, "one")))
		require.NoError(t, err)
		time.Sleep(48 * time.Hour)
		for _, c := range []net.Conn{bare, used} {
			_, err = c.Write(encoded(t, message(Bytes|Ack, "two")))
			require.NoError(t, err)
			require.Equal(t, Accepted, answerWithin(t, c, time.Second))
		}
		synctest.Wait()
		require.Equal(t, []string{"one", "two", "two"}, got.all())
	})
}

func TestAFrameThatNeverEndsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		open(t, network, here, Config{})
		c := dialled(t, network)
		begun := time.Now()
		_, err := c.Write(frameBytes(t, sample())[:40])
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, c)
		require.NoError(t, err)
		require.Equal(t, defaultFrameTimeout, time.Since(begun))
	})
}

func TestConnectionsHaveABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		e := open(t, network, here, Config{MaxConnections: 3})
		used := dialled(t, network)
		_, err := used.Write(encoded(t, message(Bytes|Ack, "x")))
		require.NoError(t, err)
		require.Equal(t, Accepted, answerWithin(t, used, time.Second))
		silent := []net.Conn{dialled(t, network), dialled(t, network), dialled(t, network)}
		synctest.Wait()
		require.Len(t, e.inbound, 3)
		for i, c := range silent {
			require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
			_, err := c.Read(make([]byte, 1))
			require.Equal(t, i == 0, err == io.EOF, "the longest silent one has to go: %d %v", i, err)
		}
		_, err = used.Write(encoded(t, message(Bytes|Ack, "x")))
		require.NoError(t, err)
		require.Equal(t, Accepted, answerWithin(t, used, time.Second))
	})
}

func TestTheEndOfAHeldConnectionIsNoticedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		open(t, network, here, Config{})
		lost := make(chan netip.AddrPort, 8)
		e := open(t, network, there, Config{Lost: func(to netip.AddrPort, _ error) { lost <- to }})
		to := netip.MustParseAddrPort(here)
		require.NoError(t, e.Hold(t.Context(), to))
		require.NoError(t, e.Hold(t.Context(), to), "the same connection")
		begun := time.Now()
		network.Crash("10.0.0.1")
		require.Equal(t, to, <-lost)
		require.Zero(t, time.Since(begun))
		require.Error(t, e.Hold(t.Context(), to))
	})
}

func TestForgottenPeersLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		one := open(t, network, here, Config{})
		lost := 0
		e := open(t, network, there, Config{MaxPeers: 1, Lost: func(netip.AddrPort, error) { lost++ }})
		to := netip.MustParseAddrPort(here)
		for n := range lanes {
			require.NoError(t, e.Send(t.Context(), to, n, Ack, encoded(t, message(Ack, "x"))))
		}
		err := e.Send(t.Context(), netip.MustParseAddrPort("10.0.0.3:1"), 0, 0, nil)
		require.ErrorIs(t, err, ErrTooManyPeers)
		synctest.Wait()
		require.Len(t, one.inbound, lanes)
		e.Forget(to)
		synctest.Wait()
		require.Empty(t, one.inbound)
		require.Empty(t, e.senders)
		require.Zero(t, lost)
	})
}

func TestProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		var seen []Control
		one := open(t, network, here, Config{Arrived: func(a *Arrival) bool {
			seen = append(seen, a.Control)
			return true
		}})
		e := open(t, network, there, Config{})
		to := netip.MustParseAddrPort(here)
		frame := encoded(t, message(Bytes|Ack, string(Probe.Content())))
		require.NoError(t, e.Probe(t.Context(), to, frame, time.Second))
		require.NoError(t, e.Probe(t.Context(), to, frame, 0))
		require.NoError(t, e.Probe(t.Context(), to, nil, 0), "a bare connect")
		synctest.Wait()
		require.Equal(t, []Control{Probe, Probe}, seen)
		require.Empty(t, one.inbound)

		network.Stall("10.0.0.1", true) // as a stopped process: its host still accepts
		begun := time.Now()
		require.ErrorIs(t, e.Probe(t.Context(), to, frame, 3*time.Second), ErrNoAnswer)
		require.Equal(t, 3*time.Second, time.Since(begun))
		network.Stall("10.0.0.1", false)
		network.Crash("10.0.0.1")
		require.Error(t, e.Probe(t.Context(), to, frame, 0))
	})
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, count := memnet.New(), 0
		mute(t, network, &count)
		entered := make(chan struct{})
		e := open(t, network, there, Config{Deliver: func(ctx context.Context, _ *Arrival) error {
			close(entered)
			<-ctx.Done()
			return ctx.Err()
		}})
		c, err := network.Host("10.0.0.9").DialContext(t.Context(), "tcp", there)
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write(encoded(t, message(Bytes|Ack|SyncAck, "x")))
		require.NoError(t, err)
		<-entered
		failed := make(chan error, 1)
		go func() {
			to := netip.MustParseAddrPort(here)
			failed <- e.Send(t.Context(), to, LaneMessages, Bytes|Ack, encoded(t, message(Bytes|Ack, "x")))
		}()
		synctest.Wait()
		require.NoError(t, e.Close())
		require.ErrorIs(t, <-failed, ErrClosed)
		require.ErrorIs(t, e.Hold(t.Context(), netip.MustParseAddrPort(here)), ErrClosed)
		require.NoError(t, e.Close())
	})
}

func TestNewWantsAListener(t *testing.T) {
	_, err := New(Config{})
	require.ErrorContains(t, err, "Config.Listener")
}
