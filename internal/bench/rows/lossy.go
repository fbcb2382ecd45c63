package rows

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/network"
	"github.com/gotribes/tribes/internal/bench/subject"
)

var lossyRow = Row{
	ID:    "13",
	Title: "Some members lose 80 % of what arrives",
	Method: "N processes, of which one or three lose 80 % of all packets that arrive, for 60 s (180 s with -full); then " +
		"60 s at most until " +
		"all see all. Healthy members dropped counts what healthy members were told of healthy members; transitions are comings and " +
		"goings of a lossy member as one healthy member is told (the mean). Agreement is the share of the time in which " +
		"all healthy members " +
		"have the same view.",
	Subjects:  []string{Tribes, LAN, Local, Even},
	Sizes:     []int{30},
	Repeats:   1,
	Alongside: true,
	Network:   true,
	Limit:     12 * time.Minute,
	Run:       runLossy,
}

var flipRow = Row{
	ID:    "13b",
	Title: "One member hears nothing for 20 s of every 40 s",
	Method: "Everything that goes to one of N processes is dropped for 20 s, then nothing for 20 s, twice (five times with -full); " +
		"counted as in row 13.",
	Subjects:  []string{Tribes, LAN, Even},
	Sizes:     []int{30},
	Repeats:   1,
	Alongside: true,
	Network:   true,
	Limit:     8 * time.Minute,
	Run:       runFlip,
}

var quickLossyRow = Row{
	ID:    "13c",
	Title: "One member loses 80 % of what arrives, beside a memberlist that is tuned to be quick",
	Method: "As row 13, with one lossy member for 30 s (three minutes with -full), and with the machine to itself: " +
		"memberlist/quick then keeps " +
		"the processors busy with members that come and go.",
	Subjects: []string{Tribes, Quick},
	Sizes:    []int{20},
	Repeats:  1,
	Network:  true,
	Limit:    5 * time.Minute,
	Run:      runQuickLossy,
}

func runQuickLossy(ctx context.Context, j *Job) error {
	return j.disturbed(ctx, 1, func(ctx context.Context, bad []string) error { return j.lossy(ctx, 30*time.Second, bad) })
}

func runLossy(ctx context.Context, j *Job) error {
	for _, faulty := range []int{1, 3} {
		lossy := func(ctx context.Context, bad []string) error { return j.lossy(ctx, time.Minute, bad) }
		if err := j.disturbed(ctx, faulty, lossy); err != nil {
			return fmt.Errorf("%d lossy: %w", faulty, err)
		}
	}
	return nil
}

func runFlip(ctx context.Context, j *Job) error { return j.disturbed(ctx, 1, j.flip) }

func (j *Job) lossy(ctx context.Context, d time.Duration, bad []string) error {
	var rules network.Rules
	if err := rules.Apply(ctx, network.Lossy(80, bad...)...); err != nil {
		return err
	}
	if j.Full {
		d = 3 * time.Minute
	}
	return pause(ctx, d)
}

func (j *Job) flip(ctx context.Context, bad []string) error {
	var rules network.Rules
	times := 2
	if j.Full {
		times = 5
	}
	for range times {
		if err := rules.Apply(ctx, network.Deaf(bad...)...); err != nil {
			return err
		}
		if err := pause(ctx, 20*time.Second); err != nil {
			return err
		}
		if err := rules.Heal(ctx); err != nil {
			return err
		}
		if err := pause(ctx, 20*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// disturbed runs a disturbance of some members and records what the healthy ones were told.
func (j *Job) disturbed(ctx context.Context, faulty int, disturb func(context.Context, []string) error) error {
	f := fleet.New(j.Subject)
	defer f.Close()
	var rules network.Rules
	if err := rules.Heal(ctx); err != nil {
		return err
	}
	nodes, err := f.Boot(ctx, j.Size)
	if err != nil {
		return err
	}
	if err := pause(ctx, 3*time.Second); err != nil {
		return err
	}
	healthy, bad := nodes[:j.Size-faulty], nodes[j.Size-faulty:]
	at := time.Now()
	if err := disturb(ctx, hosts(bad)); err != nil {
		return err
	}
	over := time.Now()
	events, _ := f.Since(at)
	label := func(s string) string { return fmt.Sprintf("%d of %d: %s", faulty, j.Size, s) }
	j.Record(label("healthy members dropped"), "", float64(dropped(events, healthy, names(healthy))))
	j.Record(label("transitions"), "", transitions(events, healthy, names(bad))/float64(faulty))
	j.Record(label("agreement"), "%", 100*agreement(events, healthy, names(nodes), at, over))
	if err := rules.Heal(ctx); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ok := j.sees(limit, nodes)
	j.Record(label("one view within 60 s after"), "%", percent(ok))
	if ok {
		j.Took(label("one view after"), time.Since(over))
	}
	return nil
}

// transitions counts the comings and goings of some members, for one of the observers on average.
func transitions(events []subject.Event, observers []*fleet.Node, of map[string]bool) float64 {
	by, count := names(observers), 0
	for _, e := range events {
		if by[e.Node] && of[e.Who] && e.Kind != subject.Updated {
			count++
		}
	}
	return float64(count) / float64(len(observers))
}

// agreement is the share of a time in which all observers hold the same view. At its begin all see all.
func agreement(events []subject.Event, observers []*fleet.Node, all map[string]bool, from, to time.Time) float64 {
	by := names(observers)
	missing := map[string]int{} // of a member: how many observers do not see it
	gone := map[[2]string]bool{}
	differ := func() bool {
		for _, n := range missing {
			if n != 0 && n != len(observers) {
				return true
			}
		}
		return false
	}
	apart, since, was := time.Duration(0), from, false
	for _, e := range sorted(events) {
		if !by[e.Node] || !all[e.Who] || e.Kind == subject.Updated || e.Time().After(to) {
			continue
		}
		key := [2]string{e.Node, e.Who}
		if is := e.Kind == subject.Removed; is != gone[key] {
			gone[key] = is
			if is {
				missing[e.Who]++
			} else {
				missing[e.Who]--
			}
		}
		if was {
			apart += e.Time().Sub(since)
		}
		since, was = e.Time(), differ()
	}
	if was {
		apart += to.Sub(since)
	}
	return 1 - float64(apart)/float64(to.Sub(from))
}

// sees asks all nodes for their members until each lists all.
func (j *Job) sees(ctx context.Context, nodes []*fleet.Node) bool {
	want := names(nodes)
	for {
		ok := true
		for _, n := range nodes {
			members, err := n.Members(ctx)
			got := map[string]bool{}
			for _, m := range members {
				got[m] = true
			}
			ok = ok && err == nil && maps.Equal(got, want)
		}
		if ok {
			return true
		}
		if pause(ctx, 200*time.Millisecond) != nil {
			return false
		}
	}
}
