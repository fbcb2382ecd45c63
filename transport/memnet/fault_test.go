package memnet_test

import (
	"io"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
)

func TestRefuse(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		w.listen("b:2")
		a, b := w.link("a", "b", l)

		w.Refuse("b:1", true)
		w.wantDial("a", "b:1", syscall.ECONNREFUSED)
		w.wantDial("a", "b:2", nil)
		w.says(a, "still here")
		w.hears(b, "still here")
		w.Refuse("b:1", false)
		w.wantDial("a", "b:1", nil)

		w.Refuse("b", true)
		w.wantDial("a", "b:1", syscall.ECONNREFUSED)
		w.wantDial("a", "b:2", syscall.ECONNREFUSED)
		w.Refuse("b", false)
		w.wantDial("a", "b:2", nil)
	})
}

func TestCutHoldsBackAndHealDelivers(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, b := w.link("a", "b", l)
		w.Cut("a:7", "b:1") // ports do not matter

		w.says(a, "to b, ")
		w.says(b, "to a")
		w.hearsNothing(a)
		w.hearsNothing(b)
		w.wantHang("a", "b:1")
		w.wantHang("a", "b:2") // no listener, but who is to say so?
		w.wantDial("c", "b:1", nil)

		w.says(a, "held")
		w.Heal("b", "a")
		w.hears(a, "to a")
		w.hears(b, "to b, held")
	})
}

func TestCutHoldsBackNoMoreThanTheWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, b := w.link("a", "b", l)
		w.Cut("a", "b")
		require.Equal(t, memnet.Window, w.writes(a))
		w.HealAll()
		n, err := io.ReadFull(b, make([]byte, memnet.Window))
		require.NoError(t, err)
		require.Equal(t, memnet.Window, n)
		require.Equal(t, memnet.Window, w.writes(a), "the window is open again")
	})
}

func TestCutHoldsBackTheEndToo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, b := w.link("a", "b", l)
		w.Cut("a", "b")
		w.says(a, "bye")
		require.NoError(t, a.Close())
		w.hearsNothing(b)
		w.Heal("a", "b")
		w.hears(b, "bye")
		w.wantRead(b, io.EOF)
	})
}

func TestDialThatHangsEndsWithTheHeal(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.listen("b:1")
		w.Cut("a", "b")
		time.AfterFunc(300*time.Millisecond, w.HealAll)
		start := time.Now()
		w.wantDial("a", "b:1", nil)
		require.Equal(t, 300*time.Millisecond, time.Since(start))
	})
}

func TestCutOneWay(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		w.listen("a:1")
		a, b := w.link("a", "b", l)
		w.CutOneWay("a", "b")

		w.says(a, "lost")
		w.hearsNothing(b)
		w.says(b, "heard")
		w.hears(a, "heard")
		w.wantHang("a", "b:1")
		w.wantHang("b", "a:1")

		// What b sends arrives, but its acknowledgements do not.
		go func() { _, _ = io.Copy(io.Discard, a) }() // until a is closed
		require.NoError(t, a.SetReadDeadline(time.Time{}))
		require.Equal(t, memnet.Window-len("heard"), w.writes(b))

		w.Heal("a", "b")
		w.hears(b, "lost")
		require.NoError(t, b.SetWriteDeadline(time.Now().Add(1)))
		n, err := b.Write(make([]byte, 4*memnet.Window))
		require.NoError(t, err, "a reads all, and now b knows")
		require.Equal(t, 4*memnet.Window, n)
	})
}

func TestPartition(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for _, h := range []string{"a", "b", "c", "d", "e"} {
			w.listen(h + ":1")
		}
		// c bridges both sides, e is in no group.
		w.Partition([]string{"a", "b", "c"}, []string{"c", "d:1"})
		w.wantDial("a", "b:1", nil)
		w.wantHang("a", "d:1")
		w.wantHang("d", "b:1")
		w.wantDial("a", "c:1", nil)
		w.wantDial("d", "c:1", nil)
		w.wantDial("a", "e:1", nil)
		w.wantDial("e", "d:1", nil)
		w.wantDial("d", "d:1", nil)
		w.HealAll()
		w.wantDial("a", "d:1", nil)
	})
}

func TestReset(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		a, b := w.link("a", "b", l)
		c, bc := w.link("c", "b", l)
		waits := make(chan error, 2)
		go func() { _, err := b.Read(make([]byte, 1)); waits <- err }()
		go func() { _, err := b.Write(make([]byte, 1<<20)); waits <- err }()
		go func() { _, _ = io.Copy(io.Discard, bc) }()
		synctest.Wait()

		w.Cut("a", "b") // a reset comes through
		w.Reset("a", "b")
		require.ErrorIs(t, <-waits, syscall.ECONNRESET)
		require.ErrorIs(t, <-waits, syscall.ECONNRESET)
		w.wantRead(a, syscall.ECONNRESET)
		w.wantRead(b, syscall.ECONNRESET)
		_, err := a.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.ErrorIs(t, a.(*memnet.Conn).CloseWrite(), syscall.ECONNRESET)
		w.says(c, "others are not concerned")

		w.HealAll()
		w.link("a", "b", l)
	})
}

func TestResetOfWhatNobodyHasAccepted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		_, err := w.dial("a", "b:1")
		require.NoError(t, err)
		w.Reset("a", "b")
		c, err := l.Accept()
		require.NoError(t, err)
		w.wantRead(c, syscall.ECONNRESET)
	})
}

func TestLatency(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		w.Latency("a", "b", 100*time.Millisecond)
		start := time.Now()
		a, b := w.link("a", "b", l)
		require.Equal(t, 200*time.Millisecond, time.Since(start), "a dial is a round trip")
		_, err := w.dial("b", "a:9")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.Equal(t, 400*time.Millisecond, time.Since(start), "so is a refusal")

		w.says(a, "one ")
		time.Sleep(50 * time.Millisecond)
		w.says(a, "two")
		time.Sleep(50*time.Millisecond - 2)
		w.hearsNothing(b)
		time.Sleep(1 * time.Nanosecond)
		w.hears(b, "one ")
		time.Sleep(50 * time.Millisecond)
		w.hears(b, "two")

		w.says(a, "slow, ")
		w.Latency("a", "b", 0)
		w.says(a, "quick")
		w.hearsNothing(b)
		time.Sleep(100 * time.Millisecond)
		w.hears(b, "slow, quick")
		w.says(a, "at once")
		w.hears(b, "at once")
	})
}

func TestLatencyAppliesToCloseAndReset(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		w.Latency("a", "b", 10*time.Millisecond)
		a, b := w.link("a", "b", l)
		w.says(a, "bye")
		require.NoError(t, a.Close())
		w.hearsNothing(b)
		time.Sleep(10 * time.Millisecond)
		w.hears(b, "bye")
		w.wantRead(b, io.EOF)
		w.says(b, "too late") // 10 ms to a, 10 ms for the reset
		time.Sleep(20*time.Millisecond - 1)
		w.wantRead(b, io.EOF)
		time.Sleep(1 * time.Nanosecond)
		synctest.Wait()
		w.wantRead(b, syscall.ECONNRESET)
	})
}

func TestCutTakesWhatIsOnItsWay(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		w.Latency("a", "b", 10*time.Millisecond)
		a, b := w.link("a", "b", l)
		w.says(a, "on its way")
		time.Sleep(5 * time.Millisecond)
		w.Cut("a", "b")
		time.Sleep(time.Minute)
		w.hearsNothing(b)
		w.Heal("a", "b")
		time.Sleep(10*time.Millisecond - 1)
		w.hearsNothing(b)
		time.Sleep(1 * time.Nanosecond)
		w.hears(b, "on its way")
	})
}
