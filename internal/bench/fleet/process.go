package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"

	"github.com/gotribes/tribes/internal/bench/worker"
)

// A Process is a worker: a child process that runs one node or many.
type Process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	log  *Log
	done chan struct{} // closed when it has ended and all that it said was read

	mu      sync.Mutex
	encoder *json.Encoder
	next    int
	waiting map[int]chan worker.Message
}

// errEnded is the answer of a process that is not there any more.
var errEnded = errors.New("the worker process has ended")

// spawn starts this very program as a worker. It is killed when this process ends, however that ends.
func spawn(log *Log) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(self), log: log, done: make(chan struct{}), waiting: map[int]chan worker.Message{}}
	p.cmd.Env = append(os.Environ(), Environment+"=1")
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = attributes()
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.encoder = json.NewEncoder(p.in)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("a worker process: %w", err)
	}
	go p.read(out)
	return p, nil
}

// Environment is set for a worker process: main then calls Serve and nothing else. So tests can start themselves.
const Environment = "TRIBES_BENCH_WORKER"

// Serve runs a worker if this process was started as one.
func Serve() {
	if os.Getenv(Environment) == "" {
		return
	}
	stop := profile()
	err := worker.Run(os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (p *Process) read(out io.Reader) {
	decoder := json.NewDecoder(bufio.NewReaderSize(out, 1<<16))
	for {
		var m worker.Message
		if err := decoder.Decode(&m); err != nil {
			break
		}
		if m.Event != nil {
			p.log.add(*m.Event)
			continue
		}
		p.mu.Lock()
		answer := p.waiting[m.ID]
		delete(p.waiting, m.ID)
		p.mu.Unlock()
		if answer != nil {
			answer <- m
		}
	}
	p.cmd.Wait() // the state says how it ended; that it was killed is no error here
	close(p.done)
}

// Do tells the process a command and waits for the answer.
func (p *Process) Do(ctx context.Context, c worker.Command) (worker.Message, error) {
	answer := make(chan worker.Message, 1)
	p.mu.Lock()
	p.next++
	c.ID = p.next
	p.waiting[c.ID] = answer
	err := p.encoder.Encode(c)
	p.mu.Unlock()
	if err != nil {
		return worker.Message{}, fmt.Errorf("%s: %w", c.Do, errEnded)
	}
	select {
	case m := <-answer:
		if m.Error != "" {
			return m, fmt.Errorf("%s: %s", c.Do, m.Error)
		}
		return m, nil
	case <-p.done:
		return worker.Message{}, fmt.Errorf("%s: %w", c.Do, errEnded)
	case <-ctx.Done():
		return worker.Message{}, fmt.Errorf("%s: %w", c.Do, ctx.Err())
	}
}

// Stats asks what the process uses.
func (p *Process) Stats(ctx context.Context) (worker.Stats, error) {
	m, err := p.Do(ctx, worker.Command{Do: "stats"})
	if err != nil {
		return worker.Stats{}, err
	}
	return *m.Stats, nil
}

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends it with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	p.cmd.Process.Kill() // an error says that it has ended
	<-p.done
}
