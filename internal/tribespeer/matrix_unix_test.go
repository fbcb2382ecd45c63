//go:build unix

package main

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A scene is one kind of group: how the Java peer and this program are started.
type scene struct {
	name       string
	java, self []string
	javaSees   time.Duration // a killed Go process, at most
}

// Heartbeat 1 s, so that the Java side of a test does not take five.
var scenes = []scene{
	{"static", []string{"--mode", "interceptor", "--heartbeat", "1000"}, []string{"-mode", "interceptor"}, 3 * time.Second},
	{"readtest", []string{"--mode", "interceptor", "--heartbeat", "1000", "--fd-read-test"}, []string{"-readtest"}, 8 * time.Second},
	{"service", []string{"--mode", "service", "--heartbeat", "1000"}, []string{"-mode", "service"}, 8 * time.Second},
	{"axis2", []string{"--mode", "axis2", "--heartbeat", "1000"}, []string{"-mode", "axis2"}, 3 * time.Second},
}

// eachScene runs a test in every kind of group against every version.
func eachScene(t *testing.T, f func(t *testing.T, version string, s scene)) {
	for _, version := range versions {
		for _, s := range scenes {
			t.Run(s.name+"/"+version, func(t *testing.T) {
				needJava(t, version)
				f(t, version, s)
			})
		}
	}
}

func pair(t *testing.T, version string, s scene) (java, goPeer *proc) {
	t.Helper()
	a, b := freePort(t), freePort(t)
	java = startJava(t, version, a, []string{b}, append([]string{"--prop", "httpPort=8081", "--rpc", "echo"}, s.java...)...)
	goPeer = startGo(t, b, []string{a}, append([]string{"-prop", "httpPort=8082", "-rpc", "echo"}, s.self...)...)
	meet(java, goPeer)
	return java, goPeer
}

func TestMatrixMessages(t *testing.T) {
	eachScene(t, func(t *testing.T, version string, s scene) {
		java, goPeer := pair(t, version, s)
		for _, way := range []struct{ from, to *proc }{{java, goPeer}, {goPeer, java}} {
			for _, options := range []int{0, 2, 6, 8, 10} {
				bytes, text := fmt.Sprintf("bytes-%d", options), fmt.Sprintf("text-%d", options)
				mark := way.to.mark()
				sent := way.from.do("send %d %s %s", options, way.to.addr, bytes)
				way.from.waitFrom(sent, "sent", patience, func(line) bool { return true })
				way.from.do("sendstr %d all %s", options, text)
				l := way.to.waitFrom(mark, "msg", patience, func(l line) bool { return l.str("text") == bytes })
				require.Equal(t, "bytes", l.str("type"))
				require.Equal(t, way.from.addr, l.member("from"))
				l = way.to.waitFrom(mark, "msg", patience, func(l line) bool { return l.str("text") == text })
				require.Equal(t, "java.lang.String", l.str("class"))
			}
			mark := way.from.do("rpc 2 %s ask", way.to.addr)
			way.to.wait("rpcRequest", patience, func(l line) bool { return l.str("text") == "ask" && l.member("from") == way.from.addr })
			l := way.from.waitFrom(mark, "rpcResponses", patience, func(line) bool { return true })
			require.Contains(t, l.text, `"echo:ask"`)
			require.EqualValues(t, 1, l.all["count"])

			const size = 5 << 20
			mark = way.to.mark()
			sent := way.from.do("sendlen 2 %s %d", way.to.addr, size)
			way.from.waitFrom(sent, "sent", patience, func(line) bool { return true })
			l = way.to.waitFrom(mark, "msg", patience, func(l line) bool { return l.all["len"] == float64(size) })
			require.Equal(t, sumOf(size), l.str("sha256"))
		}
	})
}

func TestMatrixLeaveAndReturn(t *testing.T) {
	eachScene(t, func(t *testing.T, version string, s scene) {
		java, goPeer := pair(t, version, s)
		mark := java.mark()
		stopped := time.Now()
		goPeer.do("stop")
		took := java.within(mark, stopped, 2*time.Second, "memberDisappeared", goPeer)
		t.Logf("Java sees the Go peer leave after %v", took)
		<-goPeer.ended

		mark = java.mark()
		again := startGo(t, goPeer.addr, []string{java.addr}, append([]string{"-rpc", "echo"}, s.self...)...)
		up := again.wait("up", patience, func(line) bool { return true }).at
		java.waitFrom(mark, "memberAdded", patience, about(again))
		again.wait("memberAdded", patience, about(java))
		t.Logf("Java sees it again after %v", java.waitFrom(mark, "memberAdded", patience, about(again)).at.Sub(up))

		mark = again.mark()
		stopped = time.Now()
		java.do("stop")
		took = again.within(mark, stopped, time.Second, "memberDisappeared", java)
		t.Logf("the Go peer sees Java leave after %v", took)
		<-java.ended
		mark = again.mark()
		back := startJava(t, version, java.addr, []string{again.addr}, s.java...)
		took = again.within(mark, back.wait("up", patience, func(line) bool { return true }).at, 5*time.Second, "memberAdded", back)
		t.Logf("and sees it return %v after it is up", took)
		back.wait("memberAdded", patience, about(again))
	})
}

func TestMatrixKilled(t *testing.T) {
	eachScene(t, func(t *testing.T, version string, s scene) {
		java, goPeer := pair(t, version, s)
		// The machine may be busy with something else: the best of three counts.
		best := time.Hour
		for range 3 {
			mark := goPeer.mark()
			killed := java.kill()
			best = min(best, goPeer.within(mark, killed, time.Second, "memberDisappeared", java))
			l := goPeer.waitFrom(mark, "memberDisappeared", patience, about(java))
			require.Equal(t, "crashed", l.str("cause"))
			java = startJava(t, version, java.addr, []string{goPeer.addr}, s.java...)
			goPeer.waitFrom(mark, "memberAdded", patience, about(java))
			java.wait("memberAdded", patience, about(goPeer))
			if best <= 100*time.Millisecond {
				break
			}
		}
		t.Logf("the Go peer sees Java killed after %v", best)
		require.LessOrEqual(t, best, 100*time.Millisecond)

		mark := java.mark()
		killed := goPeer.kill()
		took := java.within(mark, killed, s.javaSees, "memberDisappeared", goPeer)
		t.Logf("Java sees the Go peer killed after %v", took)
	})
}

func TestReadTestNoticesAStoppedJava(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			needJava(t, version)
			java, goPeer := pair(t, version, scenes[1])
			mark := goPeer.mark()
			stopped := java.signal(syscall.SIGSTOP)
			took := goPeer.within(mark, stopped, 6*time.Second, "memberDisappeared", java)
			t.Logf("stopped: noticed after %v", took)
			mark = goPeer.mark()
			took = goPeer.within(mark, java.signal(syscall.SIGCONT), 6*time.Second, "memberAdded", java)
			t.Logf("goes on: back after %v", took)
		})
	}
}

// Both versions in one group with a Go member between them.
func TestOneGroupOfAllVersions(t *testing.T) {
	for _, s := range []scene{scenes[0], scenes[3]} {
		t.Run(s.name, func(t *testing.T) {
			needJava(t, "9")
			needJava(t, "10")
			a, b, c := freePort(t), freePort(t), freePort(t)
			nine := startJava(t, "9", a, []string{b, c}, s.java...)
			ten := startJava(t, "10", b, []string{a, c}, s.java...)
			goPeer := startGo(t, c, []string{a, b}, s.self...)
			meet(nine, goPeer)
			meet(ten, goPeer)
			meet(nine, ten)
			mark9, mark10 := nine.mark(), ten.mark()
			goPeer.do("send 6 all hello")
			for p, mark := range map[*proc]int{nine: mark9, ten: mark10} {
				p.waitFrom(mark, "msg", patience, func(l line) bool { return l.str("text") == "hello" })
			}
			mark := goPeer.mark()
			goPeer.within(mark, nine.kill(), time.Second, "memberDisappeared", nine)
			require.Zero(t, goPeer.count(mark, "memberDisappeared", about(ten)))
		})
	}
}

// In the mode service the two versions of Java do not understand each other; a
// Go member, which learns from each what to write to it, understands both.
func TestServiceModeBetweenVersions(t *testing.T) {
	needJava(t, "9")
	needJava(t, "10")
	a, b, c := freePort(t), freePort(t), freePort(t)
	s := scenes[2]
	nine := startJava(t, "9", a, []string{c}, s.java...)
	ten := startJava(t, "10", b, []string{c}, s.java...)
	goPeer := startGo(t, c, []string{a, b}, s.self...)
	meet(nine, goPeer)
	meet(ten, goPeer)
}

func TestUniqueIDs(t *testing.T) {
	const uid = "000102030405060708090a0b0c0d0e0f"
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			needJava(t, version)
			a, b := freePort(t), freePort(t)
			java := startJava(t, version, a, []string{b + ",uid=" + uid}, "--heartbeat", "1000", "--uid", uid[16:]+uid[:16])
			goPeer := startGo(t, b, []string{a + ",uid=" + uid[16:] + uid[:16]}, "-uid", uid)
			meet(java, goPeer)
			mark := java.do("members")
			l := java.waitFrom(mark, "members", patience, func(line) bool { return true })
			require.Contains(t, l.text, uid)
			goPeer.do("stop")
			java.waitFrom(mark, "memberDisappeared", patience, about(goPeer))
		})
	}
}
