package main

import (
	"fmt"
	"hash/fnv"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The cases at small sizes, so that a broken rule shows in go test; .ci/sim
// runs more sizes and seeds.
func TestCases(t *testing.T) {
	for _, c := range cases {
		for _, n := range []int{2, 3, 5, 9, 14} {
			if !c.claimedFor(n) || c.name == "five-percent" && n > 5 {
				continue
			}
			t.Run(fmt.Sprintf("%s/n=%d", c.name, n), func(t *testing.T) {
				t.Parallel()
				for seed := uint64(1); seed <= 2; seed++ {
					found := runCase(c, n, seed, 0, nil).findings()
					require.Empty(t, found, "go run ./internal/sim -case %s -n %d -seed %d", c.name, n, seed)
				}
			})
		}
	}
}

// Schedules of larger groups that once broke a rule.
func TestLargeGroupsThatOnceFailed(t *testing.T) {
	for _, f := range []struct {
		name string
		n    int
		seed uint64
	}{
		{"most-lose-power", 200, 5}, // watchers that became so late vouched for members that they had dropped themselves
	} {
		i := slices.IndexFunc(cases, func(c testCase) bool { return c.name == f.name })
		found := runCase(cases[i], f.n, f.seed, 0, nil).findings()
		require.Empty(t, found, "go run ./internal/sim -case %s -n %d -seed %d", f.name, f.n, f.seed)
	}
}

func TestSwarm(t *testing.T) {
	for seed := uint64(1); seed <= 60; seed++ {
		n := 3 + int(seed%15)
		_, found := swarm(n, seed, draw(n, seed), nil)
		require.Empty(t, found, "go run ./internal/sim -swarm -n %d -seed %d", n, seed)
	}
}

// transcript sums what a schedule makes visible: every message, event and
// report, in order.
func transcript(n int, seed uint64, steps []step) uint64 {
	h := fnv.New64a()
	swarm(n, seed, steps, func(line string) { _, _ = h.Write([]byte(line + "\n")) })
	return h.Sum64()
}

// One seed gives one run, whatever else the process has done before.
func TestOneSeedIsOneRun(t *testing.T) {
	first := transcript(12, 5, draw(12, 5))
	require.NotEqual(t, first, transcript(12, 6, draw(12, 6)))
	require.Equal(t, first, transcript(12, 5, draw(12, 5)))
}

// A step does the same whichever others there are, so that a schedule can be
// cut down.
func TestAStepDoesNotHangOnTheOthers(t *testing.T) {
	steps := draw(12, 5)
	require.Equal(t, steps, draw(12, 5))
	require.Greater(t, len(steps), 2)
	for i, st := range chosen(steps, "2,3") {
		require.Equal(t, steps[i+1], st)
	}
	require.Equal(t, "2,3", numbers(chosen(steps, "2,3")))
}

func TestAScheduleIsCutDownToWhatItNeeds(t *testing.T) {
	steps := make([]step, 10)
	for i := range steps {
		steps[i].number = i + 1
	}
	tries := 0
	left := shrink(steps, func(fewer []step) bool {
		tries++
		has := map[int]bool{}
		for _, st := range fewer {
			has[st.number] = true
		}
		return has[3] && has[8]
	})
	require.Equal(t, "3,8", numbers(left))
	require.Less(t, tries, 40)
}

// A broken rule is found: a member that is gone without a word while everybody
// still shows it is a finding.
func TestFindingsAreFound(t *testing.T) {
	c := testCase{name: "none", sizes: [2]int{5, 5}, run: func(s *scene) {
		s.start()
		s.hosts[4].PowerLoss()
		s.whole("at once", s.hosts[:4])
	}}
	require.NotEmpty(t, runCase(c, 5, 1, 0, nil).findings())
	c.run = (*scene).start
	require.Empty(t, runCase(c, 5, 1, 0, nil).findings())
}

// The summary of a crash: who was killed is noticed by all, and nobody else
// comes or goes.
func TestSummary(t *testing.T) {
	c := testCase{run: crash}
	s := runCase(c, 9, 1, 0, nil).summary()
	require.EqualValues(t, 8, s.counts.Noticed)
	require.Positive(t, s.counts.FirstNotice)
	require.Less(t, s.counts.LastNotice, 100*time.Millisecond)
	require.EqualValues(t, 1, s.transitions)
	require.Zero(t, s.counts.Removals)
	require.Equal(t, 1, s.views)
	require.Equal(t, 7, s.links)
}

// Cost does not grow with the group: what a member sends in quiet times at 500
// members is what it sends at 50, and each holds eight links at most.
func TestQuietCostIsFlat(t *testing.T) {
	cost := func(n int) summary {
		s := runCase(*caseNamed("quiet"), n, 1, time.Minute, nil)
		require.Empty(t, s.findings())
		return s.summary()
	}
	small, large := cost(50), cost(500)
	for _, s := range []summary{small, large} {
		require.Positive(t, s.counts.Bytes)
		require.LessOrEqual(t, s.links, 8)
	}
	bytes := func(s summary) float64 { return s.perMemberSecond(s.counts.Bytes) }
	beats := func(s summary) float64 { return s.perMemberSecond(s.counts.Beats) }
	require.LessOrEqual(t, bytes(large)/bytes(small), 1.2, "%s\n%s", small, large)
	require.LessOrEqual(t, beats(large)/beats(small), 1.2)
}

func TestForLengthensAndShortensTheWatch(t *testing.T) {
	took := func(span time.Duration) time.Duration { return runCase(*caseNamed("crash"), 5, 1, span, nil).w.Now() }
	own := took(0) // 20 s of watching
	require.Equal(t, own+40*time.Second, took(time.Minute))
	require.Equal(t, own-15*time.Second, took(5*time.Second))
	require.False(t, runCase(*caseNamed("known-last"), 5, 1, time.Minute, nil).timed)
}

func caseNamed(name string) *testCase {
	for i := range cases {
		if cases[i].name == name {
			return &cases[i]
		}
	}
	return nil
}

func TestSpan(t *testing.T) {
	from, to := span("3-17", 1)
	require.Equal(t, []uint64{3, 17}, []uint64{from, to})
	from, to = span("", 9)
	require.Equal(t, []uint64{9, 9}, []uint64{from, to})
}
