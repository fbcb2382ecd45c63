package main

import (
	"time"

	"github.com/gotribes/tribes/internal/world"
)

// A testCase is a row of the table in docs/protocol.md.
type testCase struct {
	name  string
	rule  string
	sizes [2]int // of groups that the row is claimed for
	run   func(s *scene)
	opt   world.Options
}

func (c testCase) claimedFor(n int) bool { return n >= c.sizes[0] && n <= c.sizes[1] }

var cases = []testCase{
	{name: "quiet", sizes: [2]int{2, 5000}, run: quiet, opt: world.Options{Bytes: true},
		rule: "nothing happens for 10 min (2 min over 1,000): nobody dropped, nothing sent but heartbeats, 8 links a node"},
	{name: "bootstrap", sizes: [2]int{3, 1000}, run: bootstrap, opt: world.Options{Service: time.Millisecond, Bytes: true},
		rule: "all start at once with two well-known members, a handshake costs its host 1 ms: one view within 10 s"},
	{name: "crash", sizes: [2]int{2, 5000}, run: crash,
		rule: "1 % (at least 1) killed: dropped by all within 10 round trips + 50 ms; nobody else"},
	{name: "ten-killed", sizes: [2]int{4, 1000}, run: tenKilled,
		rule: "10 (at most half) killed within 20 ms: dropped by all within 1 s, in at most 2 changes"},
	{name: "power-loss", sizes: [2]int{2, 5000}, run: powerLoss,
		rule: "1 % (at least 1) lose power: dropped by all within drop time + 1 s (2 or 3: + 2 s)"},
	{name: "half-open", sizes: [2]int{2, 1000}, run: halfOpen,
		rule: "one loses power and is back after 1 s, a new process at its address: it replaces the old within 3 s; nobody else dropped"},
	{name: "most-lose-power", sizes: [2]int{5, 5000}, run: mostLosePower,
		rule: "60 % lose power at once: survivors agree within 12 s, none dropped"},
	{name: "nearly-all", sizes: [2]int{20, 1000}, run: nearlyAll,
		rule: "80 % lose power at once: survivors agree within 20 s, none dropped by another"},
	{name: "all-but-two", sizes: [2]int{4, 50}, run: allButTwo,
		rule: "all but two lose power: the two agree within 30 s"},
	{name: "all-but-one", sizes: [2]int{3, 50}, run: allButOne,
		rule: "all but one lose power: the one is isolated"},
	{name: "all-but-one-killed", sizes: [2]int{2, 50}, run: allButOneKilled,
		rule: "all but one killed: it drops the others as crashed within 1 s, not isolated"},
	{name: "five-percent", sizes: [2]int{2, 1000}, run: fivePercent,
		rule: "everybody loses 5 %: nobody dropped in 1 h"},
	{name: "lossy", sizes: [2]int{50, 1000}, run: lossy,
		rule: "1 % lose 80 % of what comes in for 10 min: nobody healthy dropped; at most 3 transitions of each"},
	{name: "flip-flop", sizes: [2]int{50, 1000}, run: flipFlop,
		rule: "1 % hear nothing, 20 s on and 20 s off, for 10 min: the same; at most 16 transitions"},
	{name: "half", sizes: [2]int{2, 1000}, run: half,
		rule: "half/half for 100 s: nobody dropped inside an island; one view 5 s after the heal"},
	{name: "ninety-ten", sizes: [2]int{10, 1000}, run: ninetyTen,
		rule: "partition 90/10 for 100 s: the same"},
	{name: "three-ways", sizes: [2]int{6, 1000}, run: threeWays,
		rule: "partition three ways for 100 s: the same"},
	{name: "one-link", sizes: [2]int{3, 50}, run: oneLink,
		rule: "one link broken: nobody dropped; A is told that C is unreachable from A"},
	{name: "one-way", sizes: [2]int{3, 1000}, run: oneWay,
		rule: "what A sends does not reach C: nobody dropped"},
	{name: "resets", sizes: [2]int{2, 1000}, run: resets,
		rule: "a firewall resets a node's connections: nobody dropped"},
	{name: "stalled-links", sizes: [2]int{2, 1000}, run: stalledLinks,
		rule: "a firewall forgets a node's connections without a word, new ones work: nobody dropped"},
	{name: "short-pause", sizes: [2]int{2, 1000}, run: shortPause,
		rule: "pause of one node for 1 s, then 2 s: nobody dropped"},
	{name: "long-pause", sizes: [2]int{2, 1000}, run: longPause,
		rule: "pause of 10 s: dropped, back within 1 s of the resume, and drops nobody"},
	{name: "clock-jump", sizes: [2]int{2, 1000}, run: clockJump,
		rule: "the clock of one node jumps ahead by 1 s, 10 s, 1 min: nobody dropped"},
	{name: "rolling-restart", sizes: [2]int{3, 200}, run: rollingRestart,
		rule: "rolling restart at the same addresses, no pause: no stale member 1 s after each"},
	{name: "moves", sizes: [2]int{3, 200}, run: moves,
		rule: "a tenth restarts at other addresses with the same names: one view, no stale member 1 s after"},
	{name: "new-addresses", sizes: [2]int{3, 50}, run: newAddresses,
		rule: "all restart at new addresses behind one name: one view within one resolve + 1 s"},
	{name: "old-addresses", sizes: [2]int{3, 50}, run: oldAddresses,
		rule: "the same, and the name goes on returning the old addresses among the new"},
	{name: "known-last", sizes: [2]int{3, 50}, run: knownLast,
		rule: "the well-known member starts last: all join within 2 s"},
	{name: "known-restarts", sizes: [2]int{3, 50}, run: knownRestarts,
		rule: "the well-known member restarts: members keep their view, it has all back within 2 s"},
	{name: "known-down", sizes: [2]int{3, 50}, run: knownDown,
		rule: "all well-known members down while others run: members keep their view"},
	{name: "leave", sizes: [2]int{2, 1000}, run: leave,
		rule: "a member leaves: removed as left at once, by all"},
}

// runCase runs a case once.
func runCase(c testCase, n int, seed uint64, span time.Duration, trace func(string)) *scene {
	o := c.opt
	o.Seed, o.Trace = seed, trace
	s := newScene(n, o)
	s.span = span
	c.run(s)
	s.w.Audit()
	return s
}
