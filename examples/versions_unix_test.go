//go:build unix

package examples_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// versionsEnv turns these tests on, as a second copy of the library is compiled
// for them: "run" skips them where the history is not there, "require" fails.
const versionsEnv = "TRIBES_VERSIONS"

// lastReleaseFile holds the commit of the last release.
const lastReleaseFile = "testdata/last-release"

// lastRelease is where the binaries of the last release are, built once.
var lastRelease struct {
	once sync.Once
	dir  string
	skip string // why there are none
	err  error
}

// older returns a binary of the last release. Without the history of the
// repository (a shallow clone, the module's zip) the test is skipped.
func older(t *testing.T, name string) string {
	t.Helper()
	if os.Getenv(versionsEnv) == "" {
		t.Skipf("builds the last release, which takes a while; runs with %s=run", versionsEnv)
	}
	lastRelease.once.Do(buildLastRelease)
	require.NoError(t, lastRelease.err, "the last release must build")
	if lastRelease.skip != "" {
		require.NotEqual(t, "require", os.Getenv(versionsEnv), lastRelease.skip)
		t.Skip(lastRelease.skip)
	}
	return filepath.Join(lastRelease.dir, "bin", name)
}

// commitOf reads the file with the commit.
func commitOf(text string) (string, error) {
	var commit string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			if commit != "" {
				return "", fmt.Errorf("%s: more than one commit", lastReleaseFile)
			}
			commit = line
		}
	}
	if !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(commit) {
		return "", fmt.Errorf("%s: %q is not a commit of 40 hexadecimal digits", lastReleaseFile, commit)
	}
	return commit, nil
}

// buildLastRelease takes the files of that commit out of the history into a
// folder of their own, and builds the programs there.
func buildLastRelease() {
	r := &lastRelease
	var text []byte
	if text, r.err = os.ReadFile(lastReleaseFile); r.err != nil {
		return
	}
	var commit string
	if commit, r.err = commitOf(string(text)); r.err != nil {
		return
	}
	if out, err := exec.Command("git", "cat-file", "-e", commit+"^{commit}").CombinedOutput(); err != nil {
		r.skip = fmt.Sprintf("the commit of the last release (%s) is not here: %v %s; runs in a clone with its history",
			commit[:12], err, bytes.TrimSpace(out))
		return
	}
	if r.dir, r.err = os.MkdirTemp("", "last-release"); r.err != nil {
		return
	}
	archive := exec.Command("git", "archive", "--format=tar", "-o", filepath.Join(r.dir, "src.tar"), commit)
	archive.Dir = ".." // from within a folder only that folder would be packed
	build := exec.Command("go", "build", "-o", filepath.Join(r.dir, "bin")+"/", "./examples/node", "./examples/elb")
	build.Dir = filepath.Join(r.dir, "src")
	if r.err = os.Mkdir(build.Dir, 0o755); r.err != nil {
		return
	}
	unpack := exec.Command("tar", "-x", "-f", filepath.Join(r.dir, "src.tar"), "-C", build.Dir)
	for _, cmd := range []*exec.Cmd{archive, unpack, build} {
		if out, err := cmd.CombinedOutput(); err != nil {
			r.err = fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
			return
		}
	}
}

// A mixed site has two balancers and nodes of either version.
type mixed struct {
	*site
	wka   string
	procs []*proc // all that run, balancers too
}

// run starts a program with the flags that all of one kind have.
func (m *mixed) run(path, name, member, web string) *proc {
	m.t.Helper()
	args := []string{"-advertise", member, "-wka", m.wka, "-http", web, "-events"}
	if filepath.Base(path) == "elb" {
		args = append(args, "-manage", isDomain)
	} else {
		args = append(args, "-name", name, "-domain", isDomain)
	}
	p := launchFile(m.t, path, args...)
	m.procs = append(m.procs, p)
	return p
}

// end has a program leave: everybody confirms, whatever version they are.
func (m *mixed) end(p *proc) {
	m.t.Helper()
	p.signal(syscall.SIGTERM)
	require.Equal(m.t, 0, p.wait(leaveBound), "a clean end: %s", p.log())
	require.NotContains(m.t, p.log(), "left without a word", "every balancer has confirmed")
	m.procs = slices.DeleteFunc(m.procs, func(q *proc) bool { return q == p })
}

// agree waits until all that run show the same members.
func (m *mixed) agree(why string, members ...string) {
	m.t.Helper()
	slices.Sort(members)
	m.until(why, func() bool {
		return !slices.ContainsFunc(m.procs, func(p *proc) bool {
			seen, _ := p.view(isDomain)
			slices.Sort(seen)
			return !slices.Equal(seen, members)
		})
	})
}

// nobodyWasDropped looks at all removals that were ever shown: each was a leave.
func (m *mixed) nobodyWasDropped() {
	m.t.Helper()
	for _, p := range m.procs {
		for _, l := range p.events() {
			if l.Event == "memberRemoved" {
				require.Equal(m.t, "left", l.Cause, "%s shows the removal of %s", p.name, l.Member.Address)
			}
			require.NotContains(m.t, []string{"memberSuspected", "isolated"}, l.Event, "%s: nothing is wrong here", p.name)
		}
		require.NotContains(m.t, p.log(), "rejected", "no version sends what another refuses")
		require.NotContains(m.t, p.log(), "malformed", "no version sends what another cannot read")
	}
}

// A group of both versions is one group, whoever is joined by whom: they see
// each other, what becomes of a member, that it crashes, and that it leaves.
func TestVersionsMixInOneGroup(t *testing.T) {
	story(t)
	was := map[string]func(*testing.T, string) string{"old": older, "new": binary}
	for _, c := range []struct{ balancer, first, second string }{{"old", "new", "old"}, {"new", "old", "new"}} {
		t.Run("balancer "+c.balancer, func(t *testing.T) {
			s := newSite(t)
			m := &mixed{site: s, wka: s.member}
			elb := m.run(was[c.balancer](t, "elb"), "", s.member, s.http)
			a, b, d := freeAddress(t), freeAddress(t), freeAddress(t)
			first := m.run(was[c.first](t, "node"), "a", a, "127.0.0.1:0")
			first.ready(a)
			second := m.run(was[c.second](t, "node"), "b", b, "127.0.0.1:0")
			second.ready(b)
			third := m.run(was[c.first](t, "node"), "d", d, "127.0.0.1:0")
			third.ready(d)
			m.agree("all have one view", a, b, d)
			settle()
			m.nobodyWasDropped()

			first.signal(syscall.SIGUSR1)
			for _, p := range []*proc{elb, second} {
				p.expect("a change of state reaches both versions", joinBound, "memberDraining", "", a)
			}
			m.end(first)
			m.agree("it has left", b, d)
			third.kill()
			for _, p := range []*proc{elb, second} {
				p.expect("both versions notice a crash", joinBound, "memberRemoved", "crashed", d)
			}
		})
	}
}

// Two balancers and three nodes of the last release are replaced one after the
// other by this version, at their addresses, under load.
func TestVersionsRollingUpgradeLosesNothing(t *testing.T) {
	story(t)
	s := newSite(t)
	other := freeAddress(t)
	m := &mixed{site: s, wka: s.member + "," + other}
	lb := m.run(older(t, "elb"), "", s.member, s.http)
	spare := m.run(older(t, "elb"), "", other, freeAddress(t))
	var member, web []string
	var nodes []*proc
	for i := range 3 {
		member, web = append(member, freeAddress(t)), append(web, freeAddress(t))
		nodes = append(nodes, m.run(older(t, "node"), fmt.Sprint("n", i), member[i], web[i]))
	}
	for i, p := range nodes {
		p.ready(member[i])
	}
	m.agree("all have one view", member...)
	settle()
	l := s.openLoadOf(100, "/slow?ms=5")
	s.until("the load has begun", func() bool { return l.count() > 50 })
	for i := range nodes {
		m.end(nodes[i])
		nodes[i] = m.run(binary(t, "node"), fmt.Sprint("n", i), member[i], web[i])
		nodes[i].ready(member[i])
		m.agree("one view, of both versions", member...)
	}
	all := l.stop() // clients of a balancer that goes need another one; that is not what is tried here
	logLoad(t, all)
	require.Empty(t, failed(all, ""))

	for _, b := range []struct {
		p           *proc
		member, web string
	}{{spare, other, freeAddress(t)}, {lb, s.member, s.http}} {
		m.end(b.p)
		m.run(binary(t, "elb"), "", b.member, b.web)
		m.agree("a new balancer has all nodes", member...)
	}
	s.until("the new balancer serves", func() bool { return s.once("any.test") == "" })
	m.nobodyWasDropped()
}

func TestTheCommitOfTheLastReleaseIsReadStrictly(t *testing.T) {
	good := strings.Repeat("0a", 20)
	commit, err := commitOf("# why\n\n" + good + "\n")
	require.NoError(t, err)
	require.Equal(t, good, commit)
	for _, bad := range []string{"", "v1.0.0", good[:39], good + "\n" + good} {
		_, err := commitOf(bad)
		require.ErrorContains(t, err, lastReleaseFile, bad)
	}
}
