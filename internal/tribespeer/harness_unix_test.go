//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// asPeer makes the test binary be the program.
const asPeer = "TRIBESPEER_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(asPeer) != "" {
		main()
		return
	}
	status := m.Run()
	os.RemoveAll(compiled.dir)
	if err := goleak.Find(); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// patience is how long anything may take that is not measured.
const patience = 30 * time.Second

// versions of Tribes that Debian has, by the name of their jars.
var versions = []string{"9", "10"}

// compiled is the Java peer, compiled once for each version.
var compiled struct {
	sync.Mutex
	dir  string
	done map[string]error
}

func jars(version string) string {
	return fmt.Sprintf("/usr/share/java/tomcat%s-tribes.jar:/usr/share/java/tomcat%s-juli.jar", version, version)
}

// needJava skips the test where the Java peer cannot be run, and says what is
// missing.
func needJava(t *testing.T, version string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Java processes, and -short is set")
	}
	if os.Getenv("TRIBES_JAVA") == "skip" {
		t.Skip("starts Java processes, and TRIBES_JAVA=skip is set; .ci/run runs it in its last step")
	}
	for _, program := range []string{"java", "javac"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed; apt-get install default-jdk-headless", program)
		}
	}
	for jar := range strings.SplitSeq(jars(version), ":") {
		if _, err := os.Stat(jar); err != nil {
			t.Skipf("%s is missing; apt-get install libtomcat%s-java", jar, version)
		}
	}
	compiled.Lock()
	defer compiled.Unlock()
	if compiled.dir == "" {
		dir, err := os.MkdirTemp("", "tribespeer")
		require.NoError(t, err)
		compiled.dir, compiled.done = dir, map[string]error{}
	}
	err, done := compiled.done[version]
	if !done {
		javac := exec.Command("javac", "-cp", jars(version), "-d", filepath.Join(compiled.dir, version), "testdata/TribesPeer.java")
		out, failed := javac.CombinedOutput()
		if failed != nil {
			err = fmt.Errorf("%w: %s", failed, out)
		}
		compiled.done[version] = err
	}
	require.NoError(t, err, "the Java peer does not compile")
}

// A proc is a peer in a process of its own, Go or Java.
type proc struct {
	t    *testing.T
	name string
	addr string
	cmd  *exec.Cmd
	in   io.WriteCloser

	mu    sync.Mutex
	lines []line
	more  chan struct{} // closed and replaced with every line
	ended chan struct{}
}

// A line is one line of JSON, and when it came.
type line struct {
	at   time.Time
	all  map[string]any
	text string
}

func (l line) str(key string) string { s, _ := l.all[key].(string); return s }

// member returns the address of the member that a line is about.
func (l line) member(key string) string {
	m, _ := l.all[key].(map[string]any)
	s, _ := m["addr"].(string)
	return s
}

func startProc(t *testing.T, name, addr string, cmd *exec.Cmd) *proc {
	t.Helper()
	p := &proc{t: t, name: name, addr: addr, cmd: cmd, more: make(chan struct{}), ended: make(chan struct{})}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	p.in = in
	go p.read(out)
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			p.print()
		}
	})
	p.wait("up", patience, func(line) bool { return true })
	return p
}

func (p *proc) read(out io.Reader) {
	defer close(p.ended)
	s := bufio.NewScanner(out)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		l := line{at: time.Now(), text: s.Text()}
		if json.Unmarshal(s.Bytes(), &l.all) != nil {
			l.all = map[string]any{"ev": "text"}
		}
		p.mu.Lock()
		p.lines = append(p.lines, l)
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
	_ = p.cmd.Wait() // its status is of no interest: most are killed
}

func (p *proc) print() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines[max(0, len(p.lines)-40):] {
		p.t.Logf("%s %s %s", l.at.Format("05.000"), p.name, l.text[:min(len(l.text), 300)])
	}
}

// mark is a place in the output; wait looks behind it.
func (p *proc) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// wait returns the first line of an event, from the start, that fits.
func (p *proc) wait(ev string, within time.Duration, fits func(line) bool) line {
	p.t.Helper()
	return p.waitFrom(0, ev, within, fits)
}

func (p *proc) waitFrom(mark int, ev string, within time.Duration, fits func(line) bool) line {
	p.t.Helper()
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		p.mu.Lock()
		for _, l := range p.lines[mark:] {
			if l.str("ev") == ev && fits(l) {
				p.mu.Unlock()
				return l
			}
		}
		mark = len(p.lines)
		more := p.more
		p.mu.Unlock()
		select {
		case <-more:
		case <-p.ended:
			select {
			case <-more:
				continue
			default:
				require.FailNow(p.t, "ended early", "%s: no %s line", p.name, ev)
			}
		case <-timer.C:
			require.FailNow(p.t, "nothing came", "%s: no %s line within %v", p.name, ev, within)
		}
	}
}

// count returns how many lines behind a mark fit.
func (p *proc) count(mark int, ev string, fits func(line) bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, l := range p.lines[mark:] {
		if l.str("ev") == ev && fits(l) {
			n++
		}
	}
	return n
}

// do sends a command and returns the mark before it.
func (p *proc) do(format string, args ...any) int {
	p.t.Helper()
	mark := p.mark()
	_, err := fmt.Fprintf(p.in, format+"\n", args...)
	require.NoError(p.t, err)
	return mark
}

func (p *proc) signal(s syscall.Signal) time.Time {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
	return time.Now()
}

// kill ends the process, if it has not ended, and waits for that.
func (p *proc) kill() time.Time {
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	_ = p.cmd.Process.Kill()
	now := time.Now()
	<-p.ended
	p.in.Close()
	return now
}

// freePort returns an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// startJava starts the Java peer. Each peer is given with --peer.
func startJava(t *testing.T, version, addr string, peers []string, args ...string) *proc {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	all := []string{"-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true",
		"-cp", filepath.Join(compiled.dir, version) + ":" + jars(version), "TribesPeer", "--host", host, "--port", port}
	for _, p := range peers {
		all = append(all, "--peer", p)
	}
	return startProc(t, "java"+version, addr, exec.Command("java", append(all, args...)...))
}

// startGo starts this program.
func startGo(t *testing.T, addr string, peers []string, args ...string) *proc {
	t.Helper()
	all := append([]string{"-addr", addr, "-peers", strings.Join(peers, ","), "-log", "INFO"}, args...)
	cmd := exec.Command(os.Args[0], all...)
	cmd.Env = append(os.Environ(), asPeer+"=1")
	return startProc(t, "go", addr, cmd)
}

// about: the line's member listens there.
func about(p *proc) func(line) bool {
	return func(l line) bool { return l.member("member") == p.addr }
}

// meet waits until two peers show each other.
func meet(a, b *proc) {
	a.t.Helper()
	a.wait("memberAdded", patience, about(b))
	b.wait("memberAdded", patience, about(a))
}

// within waits for a line about a peer that comes at most d after the time, and
// returns how much after.
func (p *proc) within(mark int, since time.Time, d time.Duration, ev string, other *proc) time.Duration {
	p.t.Helper()
	took := p.waitFrom(mark, ev, patience, about(other)).at.Sub(since)
	require.LessOrEqual(p.t, took, d, "%s: %s", p.name, ev)
	return took
}
