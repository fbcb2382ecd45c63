package memnet_test

import (
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
)

func TestStall(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		w.listen("a:1")
		a, b := w.link("a", "b", l)
		w.says(a, "before")
		w.Stall("b", true)

		w.hearsNothing(b) // the process at b does not read
		w.says(b, "held")
		w.hearsNothing(a)
		require.Equal(t, memnet.Window-len("before"), w.writes(a), "bytes pile up to the window")

		// Its kernel still takes connections; nobody accepts them.
		accepted := make(chan struct{})
		go func() {
			defer close(accepted)
			if c, err := l.Accept(); err == nil {
				c.Close()
			}
		}()
		for range memnet.Backlog {
			w.wantDial("a", "b:1", nil)
		}
		w.wantHang("a", "b:1")
		w.wantHang("b", "a:1")
		select {
		case <-accepted:
			t.Fatal("a stopped process accepts nothing")
		default:
		}

		w.Stall("b", false)
		<-accepted
		w.hears(a, "held")
		require.NoError(t, b.SetReadDeadline(time.Time{}))
		n, err := io.ReadFull(b, make([]byte, memnet.Window))
		require.NoError(t, err)
		require.Equal(t, memnet.Window, n)
		w.wantDial("b", "a:1", nil)
	})
}

func TestStalledProcessClosesWhenItResumes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, b := w.link("a", "b", l)
		a2, b2 := w.link("a", "b", l)
		w.Stall("b", true)
		w.says(a, "unread")
		require.NoError(t, b.Close(), "its timers run in the test, but nobody else is to see it")
		require.NoError(t, b2.Close())
		w.says(a, "more")
		w.hearsNothing(a)
		w.hearsNothing(a2)
		w.Stall("b", false)
		w.wantRead(a, syscall.ECONNRESET)
		w.wantRead(a2, io.EOF)
	})
}

func TestStalledProcessHearsOfAResetWhenItResumes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, b := w.link("a", "b", l)
		failed := make(chan error, 1)
		go func() { _, err := b.Read(make([]byte, 1)); failed <- err }()
		w.Stall("b", true)
		w.Reset("a", "b")
		require.NoError(t, a.Close())
		synctest.Wait()
		require.Empty(t, failed)
		w.Stall("b", false)
		require.ErrorIs(t, <-failed, syscall.ECONNRESET)
	})
}

func TestStalledProcessLetsGoWhatIsOnItsWay(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		w.Latency("a", "b", 10*time.Millisecond)
		a, b := w.link("a", "b", l)
		w.says(b, "sent")
		w.Stall("b", true)
		w.says(b, "held")
		time.Sleep(10 * time.Millisecond)
		w.hears(a, "sent")
		time.Sleep(time.Second)
		w.hearsNothing(a)
		w.Stall("b", false)
		time.Sleep(10 * time.Millisecond)
		w.hears(a, "held")
	})
}

func TestCrash(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		w.listen("a:1")
		a, b := w.link("a", "b", l)
		old := w.Host("b")
		failed := make(chan error, 2)
		go func() { _, err := l.Accept(); failed <- err }()
		go func() { _, err := b.Read(make([]byte, 1)); failed <- err }()
		synctest.Wait()

		w.Crash("b:1")
		require.ErrorIs(t, <-failed, net.ErrClosed)
		require.ErrorIs(t, <-failed, net.ErrClosed)
		w.wantRead(a, syscall.ECONNRESET)
		w.wantDial("a", "b:1", syscall.ECONNREFUSED)
		_, err := old.DialContext(t.Context(), "tcp", "a:1")
		require.ErrorContains(t, err, "take a new Host")
		_, err = old.Listen(":1")
		require.ErrorContains(t, err, "take a new Host")

		// A successor at the same address.
		l2, err := w.Host("b").Listen(":1")
		require.NoError(t, err)
		w.link("a", "b", l2)
		w.wantDial("b", "a:1", nil)
		require.NoError(t, l2.Close())
	})
}

func TestCrashBehindACutIsLearntByWriting(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, _ := w.link("a", "b", l)
		a2, _ := w.link("a", "b", l)
		w.Cut("a", "b")
		w.says(a2, "held")
		w.Crash("b")
		w.hearsNothing(a)
		w.hearsNothing(a2)
		w.Heal("a", "b")
		w.wantRead(a2, syscall.ECONNRESET) // what was held is answered
		w.hearsNothing(a)                  // half open, for ever
		w.says(a, "there?")
		w.wantRead(a, syscall.ECONNRESET)
	})
}

func TestCrashBehindAOneWayCut(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, _ := w.link("a", "b", l)
		w.CutOneWay("b", "a")
		w.Crash("b")
		w.says(a, "arrives, but its answer does not")
		w.hearsNothing(a)
		w.HealAll()
		w.wantRead(a, syscall.ECONNRESET)
	})
}

// Whoever waits for room in a full window must learn after the heal that nobody
// reads any more.
func TestCloseBehindACutWakesAFullWriter(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, b := w.link("a", "b", l)
		w.CutOneWay("b", "a")
		failed := make(chan error, 1)
		go func() { _, err := a.Write(make([]byte, 1<<20)); failed <- err }()
		synctest.Wait()
		require.NoError(t, b.Close()) // with unread input: a reset, which is lost
		synctest.Wait()
		require.Empty(t, failed)
		w.HealAll()
		require.ErrorIs(t, <-failed, syscall.ECONNRESET)
	})
}

func TestCutTakesWhatAProcessSentBeforeItsEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		w.Latency("a", "b", 10*time.Millisecond)
		a, b := w.link("a", "b", l)
		w.says(b, "last words")
		w.Crash("b")
		w.Cut("a", "b")
		time.Sleep(time.Second)
		w.HealAll()
		time.Sleep(time.Second)
		w.hearsNothing(a) // a dead process sends nothing again
	})
}

func TestCrashTakesBackWhatWasHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, b := w.link("a", "b", l)
		w.CutOneWay("b", "a")
		w.says(b, "held")
		require.NoError(t, b.(*memnet.Conn).CloseWrite())
		w.Crash("b")
		w.HealAll()
		w.hearsNothing(a)
		w.says(a, "there?")
		w.wantRead(a, syscall.ECONNRESET)
	})
}

func TestDialThatTravelsEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.listen("b:1")
		w.Latency("a", "b", time.Minute)
		w.wantHang("a", "b:1")
	})
}

func TestCrashOfAStalledProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, b := w.link("a", "b", l)
		w.Stall("b", true)
		w.says(b, "never sent")
		w.Crash("b")
		w.wantRead(a, syscall.ECONNRESET)
		w.wantRead(b, net.ErrClosed)
		w.link("a", "b", w.listen("b:1")) // the successor is not stopped
	})
}

func TestPowerLoss(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, b := w.link("a", "b", l)
		idle, _ := w.link("a", "b", l)
		w.PowerLoss("b")
		w.hearsNothing(a)
		w.wantRead(b, net.ErrClosed)
		_, err := l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		w.wantHang("a", "b:1")
		w.wantDial("b", "a:1", syscall.ENETDOWN)
		_, err = w.Listen("b:1")
		require.ErrorIs(t, err, syscall.ENETDOWN)
		w.says(a, "anybody?")
		w.hearsNothing(a)

		w.PowerOn("b")
		w.wantRead(a, syscall.ECONNRESET)
		w.hearsNothing(idle)
		w.wantDial("a", "b:1", syscall.ECONNREFUSED)
		w.link("a", "b", w.listen("b:1"))
	})
}
