//go:build unix

package membership

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

// Real processes on loopback, really killed. The bounds are wide: what is
// shown is that it happens, and how; how fast is shown in virtual time. A busy
// machine may well hold a process up for seconds.
const patience = 20 * time.Second

func init() {
	child = func() int {
		args := strings.Split(os.Getenv(childVariable), ",")
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		n, err := Join(ctx, Config{Domain: "d", Advertise: args[0], WellKnown: wka.List(args[1:])})
		if err != nil {
			fmt.Println("failed", err)
			return 1
		}
		fmt.Println("joined")
		select {
		case <-ctx.Done():
		case <-n.Done():
			fmt.Println("ended", n.Err())
			return 3
		}
		if _, err := n.Leave(context.Background()); err != nil {
			return 2
		}
		return 0
	}
}

// freeAddresses returns loopback addresses that nobody listens on. All are held
// at the same time, so that none is given out twice.
func freeAddresses(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	for range n {
		ln := listenLoopback(t)
		defer func() { _ = ln.Close() }()
		out = append(out, ln.Addr().String())
	}
	return out
}

// startChild starts a process with a node and waits until it has joined.
func startChild(t *testing.T, address string, known ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childVariable+"="+strings.Join(append([]string{address}, known...), ","))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "joined\n", line)
	return cmd
}

// await reads events until one is as wanted.
func await(t *testing.T, g *Group, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	var seen []string
	for e := range g.Events(ctx) {
		seen = append(seen, e.String())
		if e.String() == want {
			t.Logf("%s after %v", want, time.Since(began).Round(time.Millisecond))
			return
		}
	}
	t.Fatalf("no %q within %v; seen: %q", want, patience, seen)
}

// awaitEvent subscribes first, then acts, then waits.
func awaitEvent(t *testing.T, g *Group, want string, act func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Time{}
	var seen []string
	for c := range g.Changes(ctx) {
		for _, e := range c.Events {
			seen = append(seen, e.String())
			if e.String() == want && !began.IsZero() {
				t.Logf("%s after %v", want, time.Since(began).Round(time.Millisecond))
				return
			}
		}
		if began.IsZero() {
			began = time.Now()
			act()
		}
	}
	t.Fatalf("no %q within %v; seen: %q", want, patience, seen)
}

func TestRealProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes and takes seconds; runs without -short")
	}
	free := freeAddresses(t, 4)
	a, b, c, d := free[0], free[1], free[2], free[3]
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	n, err := Join(ctx, Config{Domain: "d", Advertise: a, WellKnown: wka.List{a}})
	require.NoError(t, err)
	defer func() { _ = n.Close() }()

	killed := startChild(t, b, a)
	stopped := startChild(t, c, a)
	left := startChild(t, d, a)
	for _, address := range []string{b, c, d} {
		require.Eventually(t, func() bool { _, ok := n.Own().View().At(address); return ok }, patience, 10*time.Millisecond)
	}

	awaitEvent(t, n.Own(), "removed "+b+" (crashed)", func() { require.NoError(t, killed.Process.Signal(syscall.SIGKILL)) })

	awaitEvent(t, n.Own(), "removed "+d+" (left)", func() { require.NoError(t, left.Process.Signal(syscall.SIGTERM)) })
	require.NoError(t, left.Wait(), "it ends with 0")

	awaitEvent(t, n.Own(), "removed "+c+" (silent)", func() { require.NoError(t, stopped.Process.Signal(syscall.SIGSTOP)) })
	awaitEvent(t, n.Own(), "added "+c+" (returned)", func() { require.NoError(t, stopped.Process.Signal(syscall.SIGCONT)) })

	startChild(t, b, a) // a successor at the address of the one that was killed
	await(t, n.Own(), "added "+b+" (joined)")
}
