package rows

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/subject"
)

var readerRow = Row{
	ID:    "12",
	Title: "An application that does not read, and one that asks from inside a callback",
	Method: "One of N processes takes the first change (memberlist: an event channel with room for one) and then never " +
		"reads again, or asks " +
		"for the members from inside the callback. Five more members join. 2 s later that node is asked for its members, for 5 s at most.",
	Subjects:  []string{Tribes, LAN},
	Sizes:     []int{3},
	Repeats:   1,
	Alongside: true,
	Limit:     2 * time.Minute,
	Run:       runReader,
}

func runReader(ctx context.Context, j *Job) error {
	for _, how := range []struct{ reader, measure string }{
		{subject.NeverReads, "never reads: the node answers"},
		{subject.CallsBack, "asks from inside: the node answers"},
	} {
		if err := j.reader(ctx, how.reader, how.measure); err != nil {
			return fmt.Errorf("%s: %w", how.measure, err)
		}
	}
	return nil
}

func (j *Job) reader(ctx context.Context, reader, measure string) error {
	f := fleet.New(j.Subject)
	defer f.Close()
	if _, err := f.Boot(ctx, j.Size); err != nil {
		return err
	}
	o := f.Options()
	o.Reader = reader
	p, err := f.Spawn()
	if err != nil {
		return err
	}
	odd := &fleet.Node{Process: p, Options: o}
	go f.StartIn(ctx, p, o) // may never return: that is what is looked for
	if err := pause(ctx, 2*time.Second); err != nil {
		return err
	}
	for range 5 {
		if _, err := f.Start(ctx, f.Options()); err != nil {
			return err
		}
	}
	if err := pause(ctx, 2*time.Second); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	members, err := odd.Members(short)
	slices.Sort(members)
	j.Record(measure, "%", percent(err == nil))
	if err == nil {
		j.Record(measure+", with all members", "%", percent(len(slices.Compact(members)) == j.Size+6))
	}
	return nil
}
