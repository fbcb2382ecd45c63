// Package worker is a child process of the comparison: it runs one node or many of one library, does what it is told
// on standard input, and tells on standard output what the nodes' applications see. Both are JSON, a line each.
//
// It ends when its standard input does, so that no child outlives the program that started it.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/bench/ours"
	"github.com/gotribes/tribes/internal/bench/subject"
	"github.com/gotribes/tribes/internal/bench/theirs"
)

// A Command is told to a worker.
type Command struct {
	ID      int             `json:"id"`   // the answer carries it
	Do      string          `json:"do"`   // start, join, leave, close, members, stats, spin
	Node    string          `json:"node"` // name of the node; of start, in Options
	Options subject.Options `json:"options"`
	For     time.Duration   `json:"for,omitempty"`   // of leave: at most; of spin: how long
	Times   int             `json:"times,omitempty"` // of spin: goroutines a processor
}

// A Message is what a worker tells: an answer to a command, or an event.
type Message struct {
	ID      int            `json:"id,omitempty"` // of the command that it answers; 0: it is an event
	Error   string         `json:"error,omitempty"`
	At      int64          `json:"at,omitempty"` // when it was done, wall clock in nanoseconds
	Members []string       `json:"members,omitempty"`
	Stats   *Stats         `json:"stats,omitempty"`
	Event   *subject.Event `json:"event,omitempty"`
}

// Libraries are those that a subject's name can begin with.
var Libraries = map[string]subject.Library{"tribes": ours.Library{}, "memberlist": theirs.Library{}}

type worker struct {
	out   *outbox
	mu    sync.Mutex
	nodes map[string]subject.Node
}

// Run serves commands until the input ends.
func Run(in io.Reader, out io.Writer) error {
	w := &worker{out: newOutbox(), nodes: map[string]subject.Node{}}
	failed := make(chan error, 2)
	go func() { failed <- w.out.write(out) }()
	go func() { failed <- w.read(in) }()
	return <-failed
}

// read starts each command in a goroutine of its own: a library that blocks must not keep others from being asked.
func (w *worker) read(in io.Reader) error {
	decoder := json.NewDecoder(in)
	for {
		var c Command
		if err := decoder.Decode(&c); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("command: %w", err)
		}
		go func() {
			m, err := w.do(c)
			m.ID, m.At = c.ID, time.Now().UnixNano()
			if err != nil {
				m.Error = err.Error()
			}
			w.out.put(m)
		}()
	}
}

func (w *worker) do(c Command) (Message, error) {
	switch c.Do {
	case "start":
		return Message{}, w.start(c.Options)
	case "stats":
		s := w.stats()
		return Message{Stats: &s}, nil
	case "spin":
		spin(c.For, c.Times)
		return Message{}, nil
	}
	w.mu.Lock()
	n := w.nodes[c.Node]
	w.mu.Unlock()
	if n == nil {
		return Message{}, fmt.Errorf("%s: there is no node %q here", c.Do, c.Node)
	}
	switch c.Do {
	case "members":
		return Message{Members: n.Members()}, nil
	case "leave":
		ctx, cancel := context.WithTimeout(context.Background(), c.For)
		defer cancel()
		return Message{}, n.Leave(ctx)
	case "close":
		return Message{}, n.Close()
	case "join":
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		return Message{}, n.Join(ctx)
	}
	return Message{}, fmt.Errorf("unknown command %q", c.Do)
}

// start starts a node and has it join; it answers when the library says that it has joined, or cannot.
func (w *worker) start(o subject.Options) error {
	name, _ := subject.Split(o.Subject)
	library, ok := Libraries[name]
	if !ok {
		return fmt.Errorf("unknown library %q", name)
	}
	n, err := library.Start(o, func(e subject.Event) {
		if o.Only == 0 || e.Size == o.Only {
			w.out.put(Message{Event: &e})
		}
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.nodes[o.Name] = n
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return n.Join(ctx)
}

// spin keeps every processor busy with so many goroutines each.
func spin(d time.Duration, times int) {
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	for range max(1, times) * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for n := 0; time.Now().Before(end); n++ {
				for range 1 << 16 {
					n ^= n<<1 + 1
				}
			}
		})
	}
	wg.Wait()
}
