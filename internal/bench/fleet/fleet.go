// Package fleet runs nodes of one library in child processes: starts, kills, stops and continues them, and gathers
// what their applications are told.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/bench/subject"
	"github.com/gotribes/tribes/internal/bench/worker"
)

// A Fleet is the nodes of one run.
type Fleet struct {
	*Log
	Subject string

	mu        sync.Mutex
	processes []*Process
	made      int // nodes so far
}

// A Node is one node of a fleet.
type Node struct {
	*Process
	subject.Options
}

// New makes an empty fleet of a subject.
func New(name string) *Fleet { return &Fleet{Log: newLog(), Subject: name} }

// Port is the one that all nodes listen on, each on an address of its own.
const Port = 7946

// Address is the address of the i-th node, and Host its IP address.
func Address(i int) string { return fmt.Sprintf("%s:%d", Host(i), Port) }

// Host is the IP address of the i-th node.
func Host(i int) string { return fmt.Sprintf("127.77.%d.%d", i/250, i%250+1) }

// Options makes what a new node is to be started with: a name and an address that no other has had, and the first
// node's address as the one that is known beforehand.
func (f *Fleet) Options() subject.Options {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.made
	f.made++
	return subject.Options{Subject: f.Subject, Name: fmt.Sprintf("n%03d", i), Address: Address(i), Seeds: []string{Address(0)}}
}

// Spawn starts a worker process without a node.
func (f *Fleet) Spawn() (*Process, error) {
	p, err := spawn(f.Log)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.processes = append(f.processes, p)
	return p, nil
}

// StartIn starts a node in a process and waits for the library to say that it has joined.
func (f *Fleet) StartIn(ctx context.Context, p *Process, o subject.Options) (*Node, error) {
	n := &Node{p, o}
	_, err := p.Do(ctx, worker.Command{Do: "start", Options: o})
	if err != nil {
		return n, fmt.Errorf("%s: %w", o.Name, err)
	}
	return n, nil
}

// Start starts a node in a process of its own.
func (f *Fleet) Start(ctx context.Context, o subject.Options) (*Node, error) {
	p, err := f.Spawn()
	if err != nil {
		return nil, err
	}
	return f.StartIn(ctx, p, o)
}

// starting bounds the nodes that Boot starts at a time.
const starting = 8

// Boot starts n nodes, a process each, and returns when each of them sees all.
func (f *Fleet) Boot(ctx context.Context, n int) ([]*Node, error) {
	began := time.Now()
	nodes := make([]*Node, n)
	errs := make([]error, n)
	options := make([]subject.Options, n)
	for i := range options {
		options[i] = f.Options()
	}
	if nodes[0], errs[0] = f.Start(ctx, options[0]); errs[0] != nil {
		return nil, errs[0]
	}
	slots := make(chan struct{}, starting)
	var wg sync.WaitGroup
	for i := 1; i < n; i++ {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			nodes[i], errs[i] = f.Start(ctx, options[i])
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return nodes, f.Settle(ctx, began, nodes)
}

// Settle waits until nodes of which some were just started see all of themselves. Those that do not after five seconds
// are told to join once more, again and again: with many joining at a time memberlist may need its next full exchange,
// half a minute later, and what is measured here begins after that.
func (f *Fleet) Settle(ctx context.Context, began time.Time, nodes []*Node) error {
	for {
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := f.AwaitSize(short, began, nodes, len(nodes))
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		events, _ := f.Since(began)
		for _, n := range shortOf(events, nodes, len(nodes)) {
			n.Join(ctx) // an error shows in the view
		}
	}
}

// AwaitSize waits until the last that each node was told since a time leaves its view with so many members.
func (f *Fleet) AwaitSize(ctx context.Context, since time.Time, nodes []*Node, size int) error {
	var missing []*Node
	if !f.Await(ctx, since, func(events []subject.Event) bool {
		missing = shortOf(events, nodes, size)
		return len(missing) == 0
	}) {
		return fmt.Errorf("%d of %d nodes do not see %d members in time", len(missing), len(nodes), size)
	}
	return nil
}

// shortOf returns the nodes whose view, after what they were told last, is of another size.
func shortOf(events []subject.Event, nodes []*Node, size int) []*Node {
	sizes := map[string]int{}
	for _, e := range events {
		sizes[e.Node] = e.Size
	}
	var out []*Node
	for _, n := range nodes {
		if sizes[n.Name] != size {
			out = append(out, n)
		}
	}
	return out
}

// Members asks a node for its members.
func (n *Node) Members(ctx context.Context) ([]string, error) {
	m, err := n.Do(ctx, worker.Command{Do: "members", Node: n.Name})
	return m.Members, err
}

// Leave has a node say goodbye.
func (n *Node) Leave(ctx context.Context, atMost time.Duration) error {
	_, err := n.Do(ctx, worker.Command{Do: "leave", Node: n.Name, For: atMost})
	return err
}

// Spin keeps all processors busy with so many goroutines of this process for each.
func (n *Node) Spin(ctx context.Context, d time.Duration, times int) error {
	_, err := n.Do(ctx, worker.Command{Do: "spin", For: d, Times: times})
	return err
}

// Close kills every process of the fleet.
func (f *Fleet) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.processes {
		if os.Getenv(profileEnv) != "" { // a worker ends by itself when its input does, and then writes its profile
			p.in.Close()
			continue
		}
		p.cmd.Process.Kill() // an error says that it has ended
	}
	for _, p := range f.processes {
		<-p.done
	}
	f.processes = nil
}

// Host is the node's IP address.
func (n *Node) Host() string {
	host, _, _ := net.SplitHostPort(n.Address)
	return host
}

// Join has a node join once more.
func (n *Node) Join(ctx context.Context) error {
	_, err := n.Do(ctx, worker.Command{Do: "join", Node: n.Name})
	return err
}
