//go:build unix

// Package examples_test runs the example programs as an operator would: real
// processes on loopback, killed, stopped and started again.
package examples_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/freeport"
)

// Bounds on the wall clock. They are wide, because a busy machine must not fail
// a test; what it really took is logged.
const (
	joinBound   = 15 * time.Second // a node finds its balancer: milliseconds, up to 2 s if that comes later
	crashBound  = 2 * time.Second  // a refused connection is proof at once, see settle
	silentBound = 12 * time.Second // 3 s of silence, a second look, and a busy machine
	leaveBound  = 12 * time.Second // the programs give balancers 10 s to confirm
)

// programs is where the binaries are; they are built once for all tests.
var programs struct {
	once sync.Once
	dir  string
	own  bool // made here, to be removed in the end
	err  error
}

// binariesEnv says where the binaries are, to a process of these tests that was
// started by another one.
const binariesEnv = "TRIBES_TEST_BINARIES"

func TestMain(m *testing.M) {
	code := m.Run()
	if programs.own {
		os.RemoveAll(programs.dir)
	}
	if lastRelease.dir != "" {
		os.RemoveAll(lastRelease.dir)
	}
	os.Exit(code)
}

// binary builds the example programs and returns the path of one.
func binary(t *testing.T, name string) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir = os.Getenv(binariesEnv); programs.dir != "" {
			return
		}
		programs.own = true
		if programs.dir, programs.err = os.MkdirTemp("", "examples"); programs.err != nil {
			return
		}
		for _, args := range [][]string{
			{"build", "-o", programs.dir, "./node", "./quickstart", "./embed"},
			{"build", "-C", "elb", "-o", programs.dir, "."}, // a module of its own
		} {
			if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
				programs.err = fmt.Errorf("%w\n%s", err, out)
				return
			}
		}
	})
	require.NoError(t, programs.err, "the examples must build")
	return filepath.Join(programs.dir, name)
}

// story is at the top of every test with processes.
func story(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes and waits for real time; runs without -short")
	}
}

// freeAddress returns a loopback address that nobody listens on, each only once.
func freeAddress(t *testing.T) string { return freeport.Address(t) }

// line is an event as the programs print it.
type line struct {
	Time   time.Time `json:"time"`
	Event  string    `json:"event"`
	Cause  string    `json:"cause"`
	Domain string    `json:"domain"`
	View   uint64    `json:"view"`
	Member *struct {
		ID         string            `json:"id"`
		Name       string            `json:"name"`
		Address    string            `json:"address"`
		State      string            `json:"state"`
		SubDomain  string            `json:"subDomain"`
		Properties map[string]string `json:"properties"`
	} `json:"member"`
	arrived time.Time // when this process read it
}

// A proc is a running program.
type proc struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and its output was read

	mu     sync.Mutex
	lines  []line
	read   int           // lines that expect has gone past
	more   chan struct{} // closed and made anew with every line
	stderr bytes.Buffer
}

// launch starts a program. At the end of the test it is killed if it still runs.
func launch(t *testing.T, name string, args ...string) *proc {
	t.Helper()
	return launchFile(t, binary(t, name), args...)
}

// launchFile is launch for a binary that came from elsewhere.
func launchFile(t *testing.T, path string, args ...string) *proc {
	t.Helper()
	return launchCommand(t, filepath.Base(path), exec.Command(path, args...))
}

// launchCommand is launch for a command that is set up otherwise.
func launchCommand(t *testing.T, name string, cmd *exec.Cmd) *proc {
	t.Helper()
	p := &proc{t: t, name: name, cmd: cmd, done: make(chan struct{}), more: make(chan struct{})}
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	var wg sync.WaitGroup
	wg.Go(func() { p.scan(bufio.NewScanner(stdout), p.takeLine) })
	wg.Go(func() { p.scan(bufio.NewScanner(stderr), p.takeLog) })
	go func() {
		wg.Wait()
		p.cmd.Wait() // its state is read by wait
		close(p.done)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill() // an error says that it has ended
		<-p.done
		if t.Failed() {
			t.Logf("%s %v wrote on standard error:\n%s", name, cmd.Args[1:], p.log())
		}
	})
	return p
}

func (p *proc) scan(s *bufio.Scanner, take func([]byte)) {
	for s.Scan() {
		take(s.Bytes())
	}
}

// takeLine keeps a line of standard output, which has to be an event.
func (p *proc) takeLine(b []byte) {
	l := line{arrived: time.Now()}
	if err := json.Unmarshal(b, &l); err != nil {
		p.t.Errorf("%s wrote a line that is no JSON: %s", p.name, b)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, l)
	close(p.more)
	p.more = make(chan struct{})
}

func (p *proc) takeLog(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stderr.Write(append(bytes.Clone(b), '\n'))
}

// log is what it has written on standard error so far.
func (p *proc) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// events is all that it has printed so far.
func (p *proc) events() []line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines)
}

// next returns the lines that expect has not gone past, and what is closed when
// there are more.
func (p *proc) next() ([]line, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[p.read:], p.more
}

// expect waits for an event of a member (by its address) behind those that it
// was called for before; what is in between is gone past. cause "" is any.
func (p *proc) expect(why string, within time.Duration, event, cause, address string) line {
	p.t.Helper()
	deadline := time.After(within)
	for {
		lines, more := p.next()
		for i, l := range lines {
			if l.Event == event && (cause == "" || l.Cause == cause) && (l.Member != nil && l.Member.Address == address) {
				p.mu.Lock()
				p.read += i + 1
				p.mu.Unlock()
				return l
			}
		}
		select {
		case <-more:
		case <-deadline:
			require.FailNow(p.t, why, "%s has not printed %s %s of %s within %v, but %s",
				p.name, event, cause, address, within, brief(lines))
		}
	}
}

// forget goes past all that was printed so far.
func (p *proc) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read = len(p.lines)
}

// brief tells events in few words.
func brief(lines []line) string {
	var out []string
	for _, l := range lines {
		s := l.Event + " " + l.Cause
		if l.Member != nil {
			s += " " + l.Member.Address
		}
		out = append(out, s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// signal sends one to this process, which the test has started.
func (p *proc) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// wait returns the exit status, -1 if it was killed.
func (p *proc) wait(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(within):
		require.FailNow(p.t, p.name+" has not ended", "within %v", within)
	}
	return p.cmd.ProcessState.ExitCode()
}

// kill ends it with SIGKILL and returns when.
func (p *proc) kill() time.Time {
	p.t.Helper()
	at := time.Now()
	p.signal(syscall.SIGKILL)
	p.wait(leaveBound)
	return at
}
