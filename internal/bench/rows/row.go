// Package rows holds what is measured, a file for each row of the table. A row is run as jobs: one job is one library
// with one profile at one size, once, in a process and where possible in a network of its own.
package rows

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
)

// Subjects, as they are named in results.
const (
	Tribes     = "tribes"           // this library with its defaults
	TribesKey  = "tribes/key"       // the same with a cluster key
	TribesEven = "tribes/drop=2.7s" // the same with a drop time so short that it stands what Even does, and not more
	LAN        = "memberlist/lan"   // its default for a data centre
	Local      = "memberlist/local" // its default for loopback
	Even       = "memberlist/even"  // tuned to stand pauses of 2 s, as tribes does
	Quick      = "memberlist/quick" // tuned to find crashes soon; stands no pause of 1 s
)

// A Row is one line of the comparison.
type Row struct {
	ID       string // number, maybe with a letter
	Title    string
	Method   string // what is done and what is counted, in a sentence or two
	Subjects []string
	Sizes    []int            // members
	Only     map[string][]int // the sizes of a subject that is not run at all of them
	Repeats  int              // jobs of each subject and size
	Often    map[int]int      // the same for sizes whose figures scatter more
	// Alongside says that other jobs may run at the same time: it waits more than it works, and counts in seconds.
	Alongside bool
	// Network says that it needs a network of its own; elsewhere it is left out.
	Network bool
	Limit   time.Duration // of one job
	Run     func(context.Context, *Job) error
}

// At returns the subjects that are run at a size.
func (r Row) At(size int) []string {
	return slices.DeleteFunc(slices.Clone(r.Subjects), func(name string) bool {
		only, some := r.Only[name]
		return some && !slices.Contains(only, size)
	})
}

// RepeatsAt returns how many jobs of each subject there are at a size.
func (r Row) RepeatsAt(size int) int { return max(r.Repeats, r.Often[size]) }

// A Job is one run of a row.
type Job struct {
	Row     string `json:"row"`
	Subject string `json:"subject"`
	Size    int    `json:"size"`
	Repeat  int    `json:"repeat"`
	Seed    uint64 `json:"seed"` // of the whole table
	Full    bool   `json:"full"` // the long form of rows that have one

	out    *Result
	random *rand.Rand
}

// A Result is what a job found.
type Result struct {
	Job     Job      `json:"job"`
	Samples []Sample `json:"samples"`
	Error   string   `json:"error,omitempty"` // it did not run to its end
}

// A Sample is one figure.
type Sample struct {
	Measure string  `json:"measure"`
	Unit    string  `json:"unit"` // "s", "B/s", "" for a number of things
	Value   float64 `json:"value"`
}

// Record notes a figure.
func (j *Job) Record(measure, unit string, value float64) {
	j.out.Samples = append(j.out.Samples, Sample{measure, unit, value})
}

// Took notes a time.
func (j *Job) Took(measure string, d time.Duration) { j.Record(measure, "s", d.Seconds()) }

// Do runs a job of a row.
func Do(ctx context.Context, j Job) Result {
	out := Result{Job: j}
	row, ok := Find(j.Row)
	if !ok {
		out.Error = fmt.Sprintf("there is no row %q", j.Row)
		return out
	}
	j.out = &out
	// The same for every subject: so all meet the same choices.
	j.random = rand.New(rand.NewPCG(j.Seed, uint64(j.Repeat)<<32|uint64(j.Size)))
	ctx, cancel := context.WithTimeout(ctx, row.Limit)
	defer cancel()
	if err := row.Run(ctx, &j); err != nil {
		out.Error = err.Error()
	}
	return out
}

const (
	fleetsMost = 4                // that a job begins, until one is whole
	wholeTime  = 20 * time.Second // that one has for it: seconds to start, and some rounds of joining once more
)

// booted has a row begin with a fleet that sees all of itself.
func booted(run func(context.Context, *Job, *fleet.Fleet, []*fleet.Node) error) func(context.Context, *Job) error {
	return func(ctx context.Context, j *Job) error {
		var f *fleet.Fleet
		var nodes []*fleet.Node
		err := j.begin(ctx, wholeTime, func(ctx context.Context) (err error) {
			f = fleet.New(j.Subject)
			if nodes, err = f.Boot(ctx, j.Size); err != nil {
				f.Close()
			}
			return err
		})
		if err != nil {
			return err
		}
		defer f.Close()
		return run(ctx, j, f, nodes)
	}
}

// begin has boot bring a fleet up, within a time. One that is not whole in time is begun anew, which the job's figures
// tell; after any other error, or fleetsMost of them, there is none.
func (j *Job) begin(ctx context.Context, within time.Duration, boot func(context.Context) error) error {
	for begun := 1; ; begun++ {
		short, cancel := context.WithTimeout(ctx, within)
		err := boot(short)
		late := short.Err() != nil
		cancel()
		switch {
		case err == nil:
			if begun > 1 {
				j.Record("fleets before that were not whole in time", "", float64(begun-1))
			}
			return nil
		case !late || begun == fleetsMost || ctx.Err() != nil:
			return err
		}
	}
}

// Find returns the row with an ID.
func Find(id string) (Row, bool) {
	for _, r := range slices.Concat(All(), Frontier()) {
		if r.ID == id {
			return r, true
		}
	}
	return Row{}, false
}

// Number is the ID without its letter.
func (r Row) Number() string { return strings.TrimRight(r.ID, "abcdefghijklmnopqrstuvwxyz") }

// victim picks a node that is not the well-known one.
func (j *Job) victim(nodes []*fleet.Node) int { return 1 + j.random.IntN(len(nodes)-1) }

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
