package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gotribes/tribes/membership"
)

const (
	checkRequests = 20
	// A node in the same process closes its port at once, so its end is seen in
	// milliseconds; the rest is for machines that are busy.
	removedTime = 5 * time.Second
)

// check sends requests, kills a node, sends more, and returns what was not as
// it should be.
func (d *demo) check(ctx context.Context, show *screen) error {
	before, err := d.request(ctx)
	if err != nil {
		return fmt.Errorf("before the kill: %w", err)
	}
	show.printf("\n%d requests: %v\n", checkRequests, before)
	for _, n := range d.nodes {
		if before[n.name] != checkRequests/len(d.nodes) {
			return fmt.Errorf("%s answered %d of %d requests, want %d",
				n.name, before[n.name], checkRequests, checkRequests/len(d.nodes))
		}
	}

	victim, survivor := d.nodes[0], d.nodes[1]
	id := victim.node.Self().ID
	removed := d.removal(id)
	show.printf("\nKilling %s, without a goodbye.\n", victim.name)
	begun := time.Now()
	victim.kill()
	// At once, while the balancer may not know yet.
	after, err := d.request(ctx)
	if err != nil {
		return fmt.Errorf("after the kill: %w", err)
	}
	if after[survivor.name] != checkRequests {
		return fmt.Errorf("after the kill: %v, want all %d from %s", after, checkRequests, survivor.name)
	}
	select {
	case cause := <-removed:
		show.printf("%d requests: %v; %s was removed (%v) %v after the kill\n",
			checkRequests, after, victim.name, cause, time.Since(begun).Round(time.Millisecond))
		if cause != membership.CauseCrashed {
			return fmt.Errorf("the balancer removed %s as %v, want crashed", victim.name, cause)
		}
	case <-time.After(removedTime):
		return fmt.Errorf("the balancer has not removed %s within %v", victim.name, removedTime)
	case <-ctx.Done():
		return errors.New("interrupted")
	}
	show.table(d.group.View())
	show.printf("\nok: traffic went on\n")
	return nil
}

// removal tells why the balancer removed a member, once it has. It returns when
// it is sure to see that.
func (d *demo) removal(id membership.ID) <-chan membership.Cause {
	out, subscribed := make(chan membership.Cause, 1), make(chan struct{})
	d.watching.Go(func() {
		var once sync.Once
		for c := range d.group.Changes(context.Background()) {
			once.Do(func() { close(subscribed) }) // the first change is what there was
			for _, e := range c.Events {
				if e.Kind == membership.MemberRemoved && e.Member.ID == id {
					out <- e.Cause
					return
				}
			}
		}
	})
	<-subscribed
	return out
}

// request sends some requests through the balancer, one after the other, and
// counts who answered.
func (d *demo) request(ctx context.Context) (map[string]int, error) {
	client := &http.Client{Timeout: removedTime}
	defer client.CloseIdleConnections()
	count := map[string]int{}
	for range checkRequests {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.balancer.web.Addr()+"/", nil)
		if err != nil {
			return nil, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", resp.Status, body)
		}
		count[strings.TrimSpace(string(body))]++
	}
	return count, nil
}
