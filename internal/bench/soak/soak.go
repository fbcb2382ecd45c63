// Package soak lets a group of processes run for long while members are killed, restarted, stopped and cut off at
// random, and looks from time to time, when all is well again, whether what the applications were told is true.
package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/network"
)

// Settings are what a run is made of. The same seed gives the same faults; what the machine makes of them differs.
type Settings struct {
	For       time.Duration
	Processes int
	Seed      uint64
	Round     time.Duration // of faults, until the group is let alone and looked at
	Settle    time.Duration // that it then has to come to one view
	Network   bool          // partitions can be made: the run has a network of its own
}

// keeper says that the i-th process is never ended, only stopped and cut off: what it uses must not grow.
func keeper(i int) bool { return i%5 == 0 }

// A run is one soak.
type run struct {
	Settings
	fleet  *fleet.Fleet
	nodes  []*fleet.Node // one at each address
	rng    *rand.Rand
	folds  folds
	use    []usage // of the keepers, at each look
	faults map[string]int
	out    io.Writer
}

// Run runs until the time is over, and returns an error that begins with what is broken.
func Run(ctx context.Context, s Settings, out io.Writer) error {
	if s.Processes < 5 {
		return fmt.Errorf("%d processes: at least 5 are needed, so that most remain when one is away", s.Processes)
	}
	r := &run{Settings: s, fleet: fleet.New("tribes"), out: out, folds: folds{}, faults: map[string]int{},
		rng: rand.New(rand.NewPCG(s.Seed, 8))}
	defer r.fleet.Close()
	began := time.Now()
	boot, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	var err error
	if r.nodes, err = r.fleet.Boot(boot, s.Processes); err != nil {
		return fmt.Errorf("the group does not come up: %w", err)
	}
	if err := r.look(ctx, began); err != nil {
		return err
	}
	for time.Since(began) < s.For {
		if err := r.round(ctx); err != nil {
			return err
		}
		if err := r.look(ctx, began); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "faults: %v\n", r.faults)
	return r.flat()
}

// round breaks something every one to four seconds, and then lets the group be.
func (r *run) round(ctx context.Context) error {
	end := time.Now().Add(r.Round)
	for time.Now().Before(end) {
		if err := r.fault(ctx); err != nil {
			return err
		}
		if err := pause(ctx, r.between(time.Second, 4*time.Second)); err != nil {
			return err
		}
	}
	return nil
}

// fault is one random fault, which is over when it returns.
func (r *run) fault(ctx context.Context) error {
	kinds := []func(context.Context) error{r.kill, r.kill, r.restart, r.stop}
	if r.Network {
		kinds = append(kinds, r.partition)
	}
	return kinds[r.rng.IntN(len(kinds))](ctx)
}

// mortal picks a process that may be ended.
func (r *run) mortal() int {
	for {
		if i := r.rng.IntN(len(r.nodes)); !keeper(i) {
			return i
		}
	}
}

// kill kills up to three processes at once; a new one takes each one's address, at once or after some seconds.
func (r *run) kill(ctx context.Context) error {
	r.faults["killed"]++
	var gone []int
	for range 1 + r.rng.IntN(3) {
		i := r.mortal()
		r.nodes[i].Kill() // one that is picked twice is gone already
		gone = append(gone, i)
	}
	if r.rng.IntN(2) == 0 {
		if err := pause(ctx, r.between(0, 5*time.Second)); err != nil {
			return err
		}
	}
	for k, i := range gone {
		if first(gone, i) != k {
			continue
		}
		if err := r.begin(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func first(list []int, x int) int {
	for k, y := range list {
		if x == y {
			return k
		}
	}
	return -1
}

// restart has one leave, and a new one at its address.
func (r *run) restart(ctx context.Context) error {
	r.faults["restarted"]++
	i := r.mortal()
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	_ = r.nodes[i].Leave(limit, 10*time.Second) // who is cut off may not be able to; then it is killed
	r.nodes[i].Kill()
	return r.begin(ctx, i)
}

// begin starts a process under a new name at the i-th address. It need not have joined when begin returns.
func (r *run) begin(ctx context.Context, i int) error {
	o := r.fleet.Options()
	o.Address, o.Seeds = r.nodes[i].Address, []string{fleet.Address(0), fleet.Address(1)}
	p, err := r.fleet.Spawn()
	if err != nil {
		return err
	}
	r.nodes[i] = &fleet.Node{Process: p, Options: o}
	go r.fleet.StartIn(ctx, p, o) // whether it has joined shows in the views
	return nil
}

// stop stops one process, often for longer than the drop time.
func (r *run) stop(ctx context.Context) error {
	r.faults["stopped"]++
	n := r.nodes[r.rng.IntN(len(r.nodes))]
	if err := n.Stop(); err != nil {
		return err
	}
	err := pause(ctx, r.between(500*time.Millisecond, 8*time.Second))
	return errors.Join(err, n.Continue())
}

// partition cuts some off from the others for a while.
func (r *run) partition(ctx context.Context) error {
	r.faults["partitions"]++
	var here, there []string
	share := 0.1 + 0.4*r.rng.Float64()
	for _, n := range r.nodes {
		if r.rng.Float64() < share {
			here = append(here, n.Host())
		} else {
			there = append(there, n.Host())
		}
	}
	if len(here) == 0 || len(there) == 0 {
		return nil
	}
	var rules network.Rules
	if err := rules.Apply(ctx, network.Apart(here, there)...); err != nil {
		return err
	}
	err := pause(ctx, r.between(time.Second, 12*time.Second))
	return errors.Join(err, rules.Heal(context.WithoutCancel(ctx)))
}

func (r *run) between(least, most time.Duration) time.Duration {
	return least + time.Duration(r.rng.Int64N(int64(most-least)))
}

// pause waits; an error says that the run is to end.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
