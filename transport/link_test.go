package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gotribes/tribes/transport/memnet"
	"github.com/stretchr/testify/require"
)

func TestFramesArriveInOrderWhateverTheirSize(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		x, y := linked(t, a, b)
		for i := range 1000 {
			require.NoError(t, x.Send(fmt.Append(nil, i)))
		}
		big := strings.Repeat("b", MaxFrame)
		require.NoError(t, x.Send([]byte(big)))
		require.NoError(t, x.Send([]byte("last")))
		for i := range 1000 {
			require.Equal(t, fmt.Sprint(i), <-y.got)
		}
		require.True(t, big == <-y.got)
		require.Equal(t, "last", <-y.got)
		synctest.Wait()
		out, in := x.Stats(), y.Stats()
		require.Equal(t, uint64(1002), out.FramesOut)
		require.Equal(t, uint64(1002), in.FramesIn)
		require.Equal(t, uint64(2890+MaxFrame+4+4*1002), out.BytesOut)
		require.Equal(t, out.BytesOut, in.BytesIn)
		require.Zero(t, out.Queued)
	})
}

func TestSendTakesOnlyFrames(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		x, y := linked(t, a, b)
		require.ErrorIs(t, x.Send(nil), ErrFrameSize)
		require.ErrorIs(t, x.Send(make([]byte, MaxFrame+1)), ErrFrameSize)
		require.NoError(t, x.Send([]byte("still up")))
		require.Equal(t, "still up", <-y.got)
	})
}

func TestWhatIsSentBeforeStartArrives(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		l, err := a.Dial(t.Context(), b.address, ID{})
		require.NoError(t, err)
		p := []byte("early")
		require.NoError(t, l.Send(p))
		copy(p, "reuse")
		m := <-b.links
		synctest.Wait()
		start(l)
		require.Equal(t, "early", <-start(m).got, "Send has made a copy")
	})
}

func TestDownIsToldOnceAndLast(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		x, y := linked(t, a, b)
		require.NoError(t, x.Close())
		require.NoError(t, x.Close())
		err := <-x.down
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, x.Send([]byte("x")), ErrClosed)
		err = <-y.down
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, FailureReset, FailureOf(err))
		require.ErrorContains(t, err, y.RemoteAddr().String())
		synctest.Wait()
		require.Empty(t, x.down)
		require.Empty(t, y.down)
		require.Zero(t, a.Stats().Links+b.Stats().Links)
	})
}

func TestAnErrorOfTheOwnerEndsTheLink(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		l, err := a.Dial(t.Context(), b.address, ID{})
		require.NoError(t, err)
		bad, calls, down := errors.New("makes no sense"), 0, make(chan error, 1)
		(<-b.links).Start(func([]byte) error { calls++; return bad }, func(err error) { down <- err })
		require.NoError(t, l.Send([]byte("1")))
		require.NoError(t, l.Send([]byte("2")))
		x := start(l)
		require.Equal(t, bad, <-down)
		require.Equal(t, 1, calls)
		require.Equal(t, FailureReset, FailureOf(<-x.down))
	})
}

func TestALinkThatIsClosedBeforeStart(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		l, err := a.Dial(t.Context(), b.address, ID{})
		require.NoError(t, err)
		require.NoError(t, l.Close())
		require.Zero(t, a.Stats().Links)
		require.ErrorIs(t, <-start(l).down, ErrClosed, "down is told all the same")
		require.Panics(t, func() { start(l) })
		require.ErrorIs(t, <-start(<-b.links).down, io.EOF)
	})
}

func TestAPeerThatTakesNothingLosesItsLinkWhenTheQueueIsFull(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a := startNode(t, n, "a", func(c *Config) { c.QueueBytes, c.WriteTimeout = 100_000, -1 })
		b := startNode(t, n, "b", nil)
		x, _ := linked(t, a, b)
		n.Stall("b", true)
		var err error
		sent := 0
		for ; err == nil; sent += 1000 {
			err = x.Send(make([]byte, 1000))
			synctest.Wait()
			require.LessOrEqual(t, sent, 100_000+memnet.Window)
		}
		require.ErrorIs(t, err, ErrSlowPeer)
		require.ErrorIs(t, <-x.down, ErrSlowPeer)
		require.GreaterOrEqual(t, sent, 100_000)
	})
}

func TestAPeerThatTakesNothingLosesItsLinkAfterTheWriteTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		x, _ := linked(t, a, b)
		n.Stall("b", true)
		begin := time.Now()
		for range 3 {
			require.NoError(t, x.Send(make([]byte, MaxFrame)))
		}
		err := <-x.down
		require.ErrorIs(t, err, ErrSlowPeer)
		require.Equal(t, FailureSilent, FailureOf(err))
		require.Equal(t, 3*time.Second, time.Since(begin), "the default is the drop time")
	})
}

func TestOneFrameLargerThanTheQueueIsTaken(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a := startNode(t, n, "a", func(c *Config) { c.QueueBytes = 1 })
		b := startNode(t, n, "b", nil)
		x, y := linked(t, a, b)
		for range 3 {
			require.NoError(t, x.Send(make([]byte, MaxFrame)))
			require.Len(t, <-y.got, MaxFrame)
			synctest.Wait()
		}
	})
}

func TestAGoodbyeArrivesThoughThePeerKeepsTalking(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		n.Latency("a", "b", 10*time.Millisecond)
		x, y := linked(t, a, b)
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { // always under way, also when x closes, which would make it a reset
			for y.Send([]byte("chatter")) == nil {
				time.Sleep(time.Millisecond)
			}
		})
		begin := time.Now()
		require.NoError(t, x.Send(make([]byte, 200_000)))
		require.NoError(t, x.Send([]byte("goodbye")))
		why := errors.New("leaving")
		x.CloseAfterFlush(why)
		x.CloseAfterFlush(errors.New("the first reason holds"))
		require.ErrorIs(t, x.Send([]byte("late")), ErrClosed)
		require.ErrorIs(t, <-y.down, io.EOF, "a clean end, no reset")
		require.Len(t, <-y.got, 200_000)
		require.Equal(t, "goodbye", <-y.got)
		require.Equal(t, why, <-x.down)
		require.Less(t, time.Since(begin), time.Second)
		synctest.Wait()
		require.LessOrEqual(t, len(x.got), 1, "frames are not given out any more")
	})
}

func TestBothSidesMaySayGoodbyeAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		x, y := linked(t, a, b)
		n.Latency("a", "b", time.Millisecond) // so that neither has heard the other's goodbye
		x.CloseAfterFlush(nil)
		y.CloseAfterFlush(nil)
		require.ErrorIs(t, <-x.down, ErrClosed)
		require.ErrorIs(t, <-y.down, ErrClosed)
	})
}

func TestAFlushGoesOnWhenThePeerHasSaidGoodbyeFirst(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		l, err := a.Dial(t.Context(), b.address, ID{})
		require.NoError(t, err)
		x, m := start(l), <-b.links
		require.NoError(t, x.Send(make([]byte, MaxFrame))) // more than the network holds
		x.CloseAfterFlush(nil)
		synctest.Wait()
		require.NoError(t, m.conn.(halfCloser).CloseWrite())
		synctest.Wait()
		y := start(m)
		require.Len(t, <-y.got, MaxFrame)
		require.ErrorIs(t, <-y.down, io.EOF)
		require.ErrorIs(t, <-x.down, ErrClosed)
	})
}

func TestAFlushDoesNotWaitForEver(t *testing.T) {
	for name, c := range map[string]struct {
		queue int
		want  time.Duration
	}{
		"for a peer that does not close":    {10, time.Second},
		"for a peer that does not read":     {MaxFrame, 3 * time.Second},
		"when there is nothing to be flush": {0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
				x, _ := linked(t, a, b)
				n.Stall("b", true)
				if c.queue > 0 {
					require.NoError(t, x.Send(make([]byte, c.queue)))
				}
				begin := time.Now()
				x.CloseAfterFlush(nil)
				require.ErrorIs(t, <-x.down, ErrClosed)
				require.Equal(t, c.want, time.Since(begin))
			})
		})
	}
}

func TestCloseCutsAFlushShort(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		x, _ := linked(t, a, b)
		n.Stall("b", true)
		require.NoError(t, x.Send(make([]byte, MaxFrame)))
		begin := time.Now()
		x.CloseAfterFlush(nil)
		synctest.Wait()
		require.NoError(t, x.Close())
		<-x.down
		require.Equal(t, begin, time.Now())
	})
}

func TestALastWordInsteadOfAStart(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		l, err := a.Dial(t.Context(), b.address, ID{})
		require.NoError(t, err)
		require.NoError(t, l.Send([]byte("not you")))
		l.CloseAfterFlush(nil)
		y := start(<-b.links)
		require.Equal(t, "not you", <-y.got)
		require.ErrorIs(t, <-y.down, io.EOF)
		require.Panics(t, func() { start(l) })
		synctest.Wait()
		require.Zero(t, a.Stats().Links)
	})
}

func TestALinkWhoseConnectionCannotHalfCloseClosesWhenFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := New(Config{})
		require.NoError(t, err)
		defer e.Close()
		near, far := net.Pipe()
		l := newLink(newHandshake(e, &channel{conn: near}, "x"), true)
		l.frames.trust()
		require.True(t, e.adopt(l))
		x := start(l)
		require.NoError(t, l.Send([]byte("bye")))
		l.CloseAfterFlush(nil)
		got, err := io.ReadAll(far)
		require.NoError(t, err)
		require.Equal(t, framed([]byte("bye")), got)
		require.ErrorIs(t, <-x.down, ErrClosed)
	})
}

func TestAnEndThatTheSystemReports(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		a, b := startNode(t, n, "a", nil), startNode(t, n, "b", nil)
		x, y := linked(t, a, b)
		n.Reset("a", "b")
		require.Equal(t, FailureReset, FailureOf(<-x.down))
		require.Equal(t, FailureReset, FailureOf(<-y.down))
		x, _ = linked(t, a, b)
		n.Crash("b")
		require.Equal(t, FailureReset, FailureOf(<-x.down))
	})
}

func TestALinkOverRealTCP(t *testing.T) {
	l, m := loopback(t, nil)
	x, y := start(l), start(m)
	big := strings.Repeat("b", MaxFrame)
	for range 3 {
		require.NoError(t, x.Send([]byte(big)))
		require.True(t, big == within(t, y.got))
	}
	require.NoError(t, y.Send([]byte("chatter")))
	require.Equal(t, "chatter", within(t, x.got))
	require.NoError(t, x.Send([]byte("goodbye")))
	x.CloseAfterFlush(nil)
	require.Equal(t, "goodbye", within(t, y.got))
	require.ErrorIs(t, within(t, y.down), io.EOF)
	require.ErrorIs(t, within(t, x.down), ErrClosed)
}

func TestSmallFramesCostNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	l, m := loopback(t, nil)
	got := make(chan struct{}, 1)
	m.Start(func([]byte) error { got <- struct{}{}; return nil }, func(error) {})
	l.Start(func([]byte) error { return nil }, func(error) {})
	payload := make([]byte, 100)
	once := func() {
		if err := l.Send(payload); err != nil {
			t.Fatal(err)
		}
		<-got
	}
	for range 100 {
		once()
	}
	require.Zero(t, testing.AllocsPerRun(1000, once), "sender, writer and reader together")
}

func BenchmarkLinkSend(b *testing.B) {
	l, m := loopback(b, nil)
	room := make(chan struct{}, 1000)
	m.Start(func([]byte) error { <-room; return nil }, func(error) {})
	l.Start(func([]byte) error { return nil }, func(error) {})
	payload := make([]byte, 100)
	b.SetBytes(int64(len(payload) + headerSize))
	b.ReportAllocs()
	for b.Loop() {
		room <- struct{}{}
		if err := l.Send(payload); err != nil {
			b.Fatal(err)
		}
	}
}
