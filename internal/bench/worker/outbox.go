package worker

import (
	"bufio"
	"encoding/json"
	"io"
	"sync"
)

// waiting bounds the messages that wait for the parent to read them. A library's callback must never wait for it: what
// does not fit ends the worker, since a measurement with holes is none.
const waiting = 1 << 18

// An outbox takes messages from many goroutines without making them wait, and holds no memory while it is empty.
type outbox struct {
	mu   sync.Mutex
	list []Message
	more chan struct{} // holds one word when there is something
}

func newOutbox() *outbox { return &outbox{more: make(chan struct{}, 1)} }

func (o *outbox) put(m Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.list) >= waiting {
		panic("worker: the parent does not read what it is told")
	}
	o.list = append(o.list, m)
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// write writes messages as they come, until that fails.
func (o *outbox) write(out io.Writer) error {
	buffer := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffer)
	for range o.more {
		o.mu.Lock()
		list := o.list
		o.list = nil
		o.mu.Unlock()
		for i := range list {
			if err := encoder.Encode(list[i]); err != nil {
				return err
			}
		}
		if err := buffer.Flush(); err != nil {
			return err
		}
	}
	return nil
}
