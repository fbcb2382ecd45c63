package report

import (
	"cmp"
	"fmt"

	"github.com/gotribes/tribes/internal/bench/rows"
)

// A Target is what this library should reach in a row, and what was found.
type Target struct {
	Row   string `json:"row"`
	Text  string `json:"text"`
	Found string `json:"found"`
	Met   bool   `json:"met"`
	Known bool   `json:"known"` // the row was reported
}

func (t Target) verdict() string {
	switch {
	case !t.Known:
		return "not known"
	case t.Met:
		return "met"
	}
	return "**missed**"
}

// An aim is a target before it is looked up.
type aim struct {
	row     string
	size    int
	measure string
	text    string
	ours    string  // our profile; "": the defaults
	against string  // memberlist's profile; "": the figure itself counts
	times   float64 // how many times smaller ours is to be than theirs; or the largest figure, if against is ""
	least   bool    // the figure itself is to be at least so large
}

// aims are what the project has set itself.
var aims = []aim{
	{"1", 60, "last survivor told", "killed: ≥ 100 times sooner than lan", "", rows.LAN, 100, false},
	{"1", 60, "last survivor told", "killed: ≥ 15 times sooner than quick", "", rows.Quick, 15, false},
	{"1", 60, "last survivor told", "killed: under 100 ms", "", "", 0.1, false},
	{"2", 20, "last survivor told", "stopped: with a drop time of 2.7 s sooner than even", rows.TribesEven, rows.Even, 1, false},
	{"2", 20, "dropped by, of 19, after 2.2s", "paused for 2.2 s: not dropped, with that drop time", rows.TribesEven, "", 0, false},
	{"4", 60, "last survivor told", "left: ≥ 10 times sooner than lan", "", rows.LAN, 10, false},
	{"4", 60, "told the right reason", "left: the reason is right every time", "", "", 100, true},
	{"5", 200, "all see all", "start of 200: ≥ 3 times sooner than lan", "", rows.LAN, 3, false},
	{"6", 50, "processor", "idle: processor at most lan's", "", rows.LAN, 1, false},
	{"6", 200, "processor", "idle: processor at most lan's", "", rows.LAN, 1, false},
	{"6", 50, "garbage", "idle: ≥ 10 times less garbage than lan", "", rows.LAN, 10, false},
	{"6", 200, "garbage", "idle: ≥ 10 times less garbage than lan", "", rows.LAN, 10, false},
	{"6", 50, "heap", "idle: heap ≤ 256 KB + 512 B a member", "", "", 256 + 50*0.5, false},
	{"6", 200, "heap", "idle: heap ≤ 256 KB + 512 B a member", "", "", 256 + 200*0.5, false},
	{"6", 50, "IP bytes", "idle: ≤ 3 KB/s on the wire", "", "", 3000, false},
	{"6", 200, "IP bytes", "idle: ≤ 3 KB/s on the wire", "", "", 3000, false},
	{"7", 30, "changes shown", "10 of 30: ≤ 2 changes", "", "", 2, false},
	{"13", 30, "1 of 30: healthy members dropped", "one lossy: no healthy member dropped", "", "", 0, false},
	{"13", 30, "3 of 30: healthy members dropped", "three lossy: no healthy member dropped", "", "", 0, false},
	{"13b", 30, "1 of 30: healthy members dropped", "one deaf now and then: no healthy member dropped", "", "", 0, false},
	{"13c", 20, "1 of 20: healthy members dropped", "one lossy, alone: no healthy member dropped", "", "", 0, false},
	{"14", 10, "dropped by, of 9, after 1s", "paused for 1 s: not dropped", "", "", 0, false},
	{"14", 10, "dropped by, of 9, after 2s", "paused for 2 s: not dropped", "", "", 0, false},
	{"14b", 10, "members dropped", "busy processors: nobody dropped", "", "", 0, false},
	{"8", 5, "in time", "late well-known member: all find each other", "", "", 100, true},
	{"9", 6, "in time", "parted network: heals", "", "", 100, true},
	{"10", 5, "in time", "new address: seen", "", "", 100, true},
	{"11", 2, "both see both", "hung addresses: ≥ 10 times sooner than lan", "", rows.LAN, 10, false},
	{"12", 3, "never reads: the node answers", "slow application: the node answers", "", "", 100, true},
	{"12", 3, "asks from inside: the node answers", "asked from inside: the node answers", "", "", 100, true},
	{"15", 5, "members that dropped a healthy one", "forged leave: believed by nobody", "", "", 0, false},
	{"16", 5, "last survivor told", "only TCP: under 200 ms", "", "", 0.2, false},
}

// Aim looks the targets of the rows up that were run.
func (r *Report) Aim() {
	byID := map[string]Row{}
	for _, row := range r.Rows {
		byID[row.ID] = row
	}
	for _, a := range aims {
		row, ok := byID[a.row]
		if !ok {
			continue
		}
		r.Targets = append(r.Targets, a.look(row))
	}
	if row, ok := byID["6"]; ok {
		r.Targets = append(r.Targets, flat(row))
	}
}

func (a aim) look(row Row) Target {
	t := Target{Row: row.ID, Text: fmt.Sprintf("N=%d: %s", a.size, a.text), Found: "–"}
	ours, known := row.Find(a.size, a.measure, cmp.Or(a.ours, rows.Tribes))
	if !known {
		return t
	}
	t.Known, t.Found = true, ours.Text(unitOf(row, a.measure))
	switch {
	case a.against != "":
		theirs, ok := row.Find(a.size, a.measure, a.against)
		if t.Known = ok && ours.Median > 0; t.Known {
			times := theirs.Median / ours.Median
			t.Met, t.Found = times >= a.times, figure(times)+" times"
		}
	case a.least:
		t.Met = ours.Min >= a.times
	default:
		t.Met = ours.Median <= a.times
		if a.times == 0 {
			t.Met = ours.Max == 0
		}
	}
	return t
}

// flat compares what an idle node sends in a small group and in a large one.
func flat(row Row) Target {
	t := Target{Row: row.ID, Text: "idle: payload at N=200 at most 1.1 times that at N=50", Found: "–"}
	small, ok := row.Find(50, "payload", rows.Tribes)
	large, also := row.Find(200, "payload", rows.Tribes)
	if t.Known = ok && also && small.Median > 0; t.Known {
		times := large.Median / small.Median
		t.Met, t.Found = times <= 1.1, figure(times)+" times"
	}
	return t
}

func unitOf(row Row, measure string) string {
	for _, p := range row.Parts {
		for _, l := range p.Lines {
			if l.Measure == measure {
				return l.Unit
			}
		}
	}
	return ""
}
