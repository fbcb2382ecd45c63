package memnet_test

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var raceHosts = []string{"a", "b", "c"}

// Processes that serve and dial while all faults come and go must neither
// block for ever nor crash, and once the faults are over all works again.
func TestFaultsInARaceDoNotDeadlock(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		stop := make(chan struct{})
		done := make(chan struct{})
		for _, h := range raceHosts {
			go func() { serve(w, h, stop); done <- struct{}{} }()
			go func() { dialAround(w, h, stop); done <- struct{}{} }()
		}
		for i := range 300 {
			fault(w, i)
			time.Sleep(3 * time.Millisecond)
		}
		w.HealAll()
		for _, h := range raceHosts {
			w.PowerOn(h)
			w.Stall(h, false)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.wantDial("a", "b:1", nil)
		w.wantDial("b", "c:1", nil)
		w.wantDial("c", "a:1", nil)
		close(stop)
		for range 2 * len(raceHosts) {
			<-done
		}
		time.Sleep(3 * time.Second) // the deadlines of the half-open
	})
}

// serve is a process that echoes, and starts again when it is killed.
func serve(w *world, host string, stop <-chan struct{}) {
	for !stopped(stop) {
		l, err := w.Listen(host + ":1")
		if err != nil {
			continue
		}
		go func() { <-stop; l.Close() }()
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			go echo(c)
		}
	}
}

func echo(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(3 * time.Second)) // it may be half open
	_, _ = io.Copy(c, c)
}

// dialAround is a process that dials all the others, over and over.
func dialAround(w *world, host string, stop <-chan struct{}) {
	for i := 0; !stopped(stop); i++ {
		c, err := w.dial(host, raceHosts[i%len(raceHosts)]+":1")
		if err != nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = c.Write(make([]byte, 100_000))
		_, _ = c.Read(make([]byte, 10))
		_ = c.Close()
	}
}

// stopped waits for a moment.
func stopped(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	case <-time.After(time.Millisecond):
		return false
	}
}

// fault does the i-th of a mixture.
func fault(w *world, i int) {
	a, b := raceHosts[i%3], raceHosts[(i/3)%3]
	switch i % 10 {
	case 0:
		w.Cut(a, b)
	case 1:
		w.CutOneWay(a, b)
	case 2:
		w.Reset(a, b)
	case 3:
		w.Latency(a, b, time.Duration(i)*10*time.Microsecond)
	case 4:
		w.Stall(a, true)
	case 5:
		w.Crash(a)
	case 6:
		w.PowerLoss(a)
	case 7:
		w.PowerOn(raceHosts[(i+2)%3])
	case 8:
		w.Heal(a, b)
	case 9:
		w.HealAll()
	}
}

func TestNothingIsKeptOfWhatIsOver(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		l := w.listen("b:1")
		for i := range 6 {
			dialer, acceptor := w.link("a", "b", l)
			switch i {
			case 0:
				require.NoError(t, dialer.Close())
				require.NoError(t, acceptor.Close())
			case 1:
				w.says(dialer, "unread")
				require.NoError(t, acceptor.Close())
				require.NoError(t, dialer.Close())
			case 2:
				w.Reset("a", "b")
			case 3:
				require.NoError(t, dialer.Close())
				w.Crash("b")
				l = w.listen("b:1")
			case 4:
				w.PowerLoss("b")
				w.PowerOn("b")
				w.says(dialer, "anybody?")
				require.NoError(t, dialer.Close())
				l = w.listen("b:1")
			case 5:
				require.NoError(t, l.Close())
				w.Crash("b")
				l = w.listen("b:1")
			}
		}
		require.Zero(t, w.Pipes())
	})
}
