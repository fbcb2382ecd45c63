package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// A plan says with how many seeds each size is run.
type plan []struct {
	n     int
	seeds uint64
}

var plans = map[string]plan{
	"short": {{2, 3}, {3, 3}, {5, 3}, {10, 3}, {50, 1}},
	"full":  {{2, 20}, {3, 20}, {5, 20}, {10, 20}, {50, 10}, {200, 3}, {1000, 1}, {5000, 1}},
}

const tableHead = `# The simulator's table

Every case of the [protocol](protocol.md#cases) at every size for which it is claimed, run over the real machines in a
network that behaves like TCP. This page is the output of the command below. A figure is the worst of all seeds of its
row. One run is repeated by go run ./internal/sim -case NAME -n N -seed S.

- *Noticed*: how long after a process had ended, or was stopped, another removed it: the first and the last.
- *One view after*: how long after the trouble, or its end, all had one view, where the case waits for that.
- *Removals of running members* are those of all observers: of members that are cut off, deaf or lossy they are what
  must happen; of healthy ones they break the rule.
- *Transitions*: members that came or went, at the observer that saw most, once all had started.
- *Bytes* are those of frames, without what TCP adds, where a case counts them.

`

// A row is what the runs of one case at one size came to: the worst of each
// figure.
type row struct {
	c        testCase
	n        int
	seeds    uint64
	broken   []string // replays
	noticed  bool
	from, to time.Duration // how long after a process was gone others dropped it
	agreed   time.Duration // after the trouble, until there was one view
	sum      summary       // largest figures
	cost     float64       // messages but heartbeats, of a member and second
	bytes    float64
	beats    float64
}

// A page is the table as far as it has been run.
type page struct {
	name   string // of the plan
	args   string // that were given beside it
	sizes  plan
	out    string // file; "": the standard output, once all is done
	commit string // at the start: the file itself may be part of the tree
	start  time.Time
	mu     sync.Mutex
	rows   map[string]*row // that are finished
	wanted int
	failed error // of writing
}

func rowKey(c testCase, n int) string { return fmt.Sprint(c.name, " ", n) }

// runTable runs every case at every size that it is claimed for, of those from
// low to high, and prints what came of it as Markdown. With a file it writes
// the page anew after each row, so that a stop loses no row that was finished.
func runTable(name, out string, low, high int) int {
	all, ok := plans[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "sim: -table: %q is neither short nor full\n", name)
		return 2
	}
	p := &page{name: name, out: out, commit: commit(), start: time.Now(), rows: map[string]*row{}}
	if low > 0 {
		p.args = fmt.Sprintf(" -n %d-%d", low, high)
	}
	for _, size := range all {
		if low > 0 && (size.n < low || size.n > high) {
			continue
		}
		p.sizes = append(p.sizes, size)
		for _, c := range cases {
			if c.claimedFor(size.n) {
				p.wanted++
			}
		}
	}
	for _, size := range p.sizes {
		p.runSize(size.n, size.seeds)
	}
	if out == "" {
		fmt.Print(p.markdown())
	}
	switch {
	case p.failed != nil:
		fmt.Fprintf(os.Stderr, "sim: -out: %v\n", p.failed)
		return 2
	case p.broken() || len(p.rows) < p.wanted:
		return 1
	}
	return 0
}

// runSize runs all rows of one size.
func (p *page) runSize(n int, seeds uint64) {
	var work sync.WaitGroup
	free := make(chan struct{}, runtime.NumCPU())
	if n > 1000 {
		free = make(chan struct{}, 1) // one of these fills the memory
	}
	for _, c := range cases {
		if !c.claimedFor(n) {
			continue
		}
		r := &row{c: c, n: n, seeds: seeds}
		free <- struct{}{}
		work.Go(func() {
			r.run()
			p.finished(r)
			<-free
		})
	}
	work.Wait()
}

// finished takes in a row.
func (p *page) finished(r *row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows[rowKey(r.c, r.n)] = r
	fmt.Fprintf(os.Stderr, "%s %s\n", r.c.name, r.markdown())
	if p.out == "" {
		return
	}
	// The old page stays until the new one is whole.
	next := p.out + ".new"
	err := os.WriteFile(next, []byte(p.markdown()), 0o644)
	if err == nil {
		err = os.Rename(next, p.out)
	}
	if err != nil {
		p.failed = err
	}
}

func (p *page) broken() bool {
	for _, r := range p.rows {
		if len(r.broken) > 0 {
			return true
		}
	}
	return false
}

func (p *page) markdown() string {
	var text strings.Builder
	text.WriteString(tableHead)
	fmt.Fprintf(&text, "`go run ./internal/sim -table %s%s` at commit %s, %s, %s/%s with %d processors, in %s.\n\n",
		p.name, p.args, p.commit, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(),
		time.Since(p.start).Round(time.Second))
	if len(p.rows) < p.wanted {
		fmt.Fprintf(&text, "**Not finished**: %d of %d rows.\n\n", len(p.rows), p.wanted)
	}
	for _, c := range cases {
		p.section(&text, c)
	}
	return text.String()
}

// section writes the rows of one case.
func (p *page) section(text *strings.Builder, c testCase) {
	fmt.Fprintf(text, "### %s\n\n%s%s.\n\n", c.name, strings.ToUpper(c.rule[:1]), c.rule[1:])
	text.WriteString("| members | seeds | broken | noticed after | one view after | removals of running members |" +
		" transitions an observer | heartbeats, other messages, bytes a member and second | looks | links | wall time of one |\n")
	text.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	var replays []string
	for _, size := range p.sizes {
		if r := p.rows[rowKey(c, size.n)]; r != nil {
			text.WriteString(r.markdown() + "\n")
			if len(r.broken) > 0 {
				replays = append(replays, r.broken[0])
			}
		}
	}
	text.WriteString("\n")
	for _, replay := range replays {
		fmt.Fprintf(text, "Broken: `%s`\n\n", replay)
	}
}

func (r *row) run() {
	for seed := uint64(1); seed <= r.seeds; seed++ {
		s := runCase(r.c, r.n, seed, 0, nil)
		if found := s.findings(); len(found) > 0 {
			r.broken = append(r.broken, fmt.Sprintf("go run ./internal/sim -case %s -n %d -seed %d", r.c.name, r.n, seed))
		}
		r.add(s.summary(), s.took)
	}
}

func (r *row) add(s summary, took time.Duration) {
	if s.counts.Noticed > 0 {
		if !r.noticed || s.counts.FirstNotice < r.from {
			r.from = s.counts.FirstNotice
		}
		r.to = max(r.to, s.counts.LastNotice)
		r.noticed = true
	}
	r.agreed = max(r.agreed, took)
	w := &r.sum
	w.counts.Removals = max(w.counts.Removals, s.counts.Removals)
	w.counts.Looks = max(w.counts.Looks, s.counts.Looks)
	w.transitions = max(w.transitions, s.transitions)
	w.links = max(w.links, s.links)
	w.wall = max(w.wall, s.wall)
	r.beats = max(r.beats, s.perMemberSecond(s.counts.Beats))
	r.cost = max(r.cost, s.perMemberSecond(s.counts.Messages))
	r.bytes = max(r.bytes, s.perMemberSecond(s.counts.Bytes))
}

func (r *row) markdown() string {
	noticed, bytes := "", ""
	if r.noticed {
		noticed = short(r.from) + " to " + short(r.to)
	}
	if r.bytes > 0 {
		bytes = fmt.Sprintf(", %.0f", r.bytes)
	}
	return fmt.Sprintf("| %d | %d | %d | %s | %s | %d | %d | %.1f, %.2f%s | %d | %d | %s |",
		r.n, r.seeds, len(r.broken), noticed, short(r.agreed), r.sum.counts.Removals, r.sum.transitions,
		r.beats, r.cost, bytes, r.sum.counts.Looks, r.sum.links, short(r.sum.wall))
}

// commit names the state of the tree, if git is there to say it.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	if dirty, _ := exec.Command("git", "status", "--porcelain", "-uno").Output(); len(dirty) > 0 {
		return strings.TrimSpace(string(out)) + " with changes"
	}
	return strings.TrimSpace(string(out))
}
