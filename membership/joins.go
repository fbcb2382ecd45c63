package membership

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/transport"
)

const (
	discoverText = "discover" // stands for Config.Discover in a list of addresses
	targetsMost  = 1024       // addresses whose last error is kept
)

// joins keeps what came of each well-known address until the node is part of
// its group, so that a failed Join can say it. The loop writes, anybody reads.
type joins struct {
	mu       sync.Mutex
	domain   string
	entries  []joinEntry
	targets  map[string]*joinTarget // by address
	byPeer   map[ID]string          // who answered at which
	own      bool                   // the own group is joined
	others   bool                   // one that the node manages is
	joined   chan struct{}
	isJoined bool
	refused  chan struct{} // closed while all that answered refuse for good
}

// A joinEntry is one line of the configured list.
type joinEntry struct {
	text     string
	resolved bool  // at least once
	err      error // of the last resolution
}

// A joinTarget is one address.
type joinTarget struct {
	entry    int
	err      error // of the last try; nil: none has ended
	answered bool  // a link, or a refusal
}

// errUnanswered is what an address has to show that accepts links but has not
// answered the join yet.
var errUnanswered = errors.New("linked, but the join is not answered yet")

func (j *joins) init(n *Node) {
	j.domain = n.cfg.Domain
	j.targets, j.byPeer = make(map[string]*joinTarget), make(map[ID]string)
	j.joined, j.refused = make(chan struct{}), make(chan struct{})
	for i, e := range n.entries {
		address, literal := e.Literal()
		j.entries = append(j.entries, joinEntry{text: n.cfg.WellKnown[i], resolved: literal})
		if literal && len(j.targets) < targetsMost {
			j.targets[address] = &joinTarget{entry: i}
		}
	}
	if n.cfg.Discover != nil {
		j.entries = append(j.entries, joinEntry{text: discoverText})
	}
}

// resolved notes what became of one entry.
func (j *joins) resolved(index int, addresses []string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.isJoined || index >= len(j.entries) {
		return
	}
	e := &j.entries[index]
	e.resolved, e.err = true, err
	if len(addresses) == 0 {
		return // the last ones go on being tried
	}
	for a, t := range j.targets {
		if t.entry == index && !slices.Contains(addresses, a) {
			delete(j.targets, a)
		}
	}
	for _, a := range addresses {
		if j.targets[a] == nil && len(j.targets) < targetsMost {
			j.targets[a] = &joinTarget{entry: index}
		}
	}
}

// failed notes a dial that did not lead to a link.
func (j *joins) failed(address string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	t := j.targets[address]
	if j.isJoined || t == nil {
		return
	}
	t.err, t.answered = err, false
	if r, ok := errors.AsType[*transport.RefusedError](err); ok {
		if r.Code == transport.CodeSelf {
			delete(j.targets, address)
			return
		}
		t.err, t.answered = refusalOf(r), r.Code != transport.CodeBusy
	}
}

// answered notes a link to a well-known address.
func (j *joins) answered(address string, peer ID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	t := j.targets[address]
	if j.isJoined || t == nil {
		return
	}
	if len(j.byPeer) < targetsMost {
		j.byPeer[peer] = address
	}
	t.answered = true
	if _, ok := errors.AsType[*Refusal](t.err); !ok {
		t.err = errUnanswered
	}
	j.weigh()
}

// met notes that the node has become part of a group; true: that will do.
func (j *joins) met(domain string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if domain == j.domain {
		j.own = true
	} else {
		j.others = true
	}
	return j.enough()
}

// enough says whether the node has joined. A manager has no group of its own
// to join if whoever has answered serves only the others. Needs mu.
func (j *joins) enough() bool {
	if j.isJoined || j.own || !j.others {
		return j.own && !j.isJoined
	}
	for _, t := range j.targets {
		if r, ok := errors.AsType[*Refusal](t.err); t.answered && (!ok || r.Code != RefusedNotServed) {
			return false
		}
	}
	return true
}

// refuse notes that a well-known member has refused the join; true: the node
// has joined in spite of it.
func (j *joins) refuse(r *machine.Report) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	t := j.targets[j.byPeer[ID(r.Peer)]]
	if j.isJoined || t == nil || r.Domain != j.domain {
		return false
	}
	t.err, t.answered = joinRefusal(r.Domain, r.Code, r.Text), true
	j.weigh()
	return j.enough()
}

// done notes that the node is part of its group; what was kept is forgotten.
func (j *joins) done() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.isJoined {
		return
	}
	j.isJoined = true
	j.targets, j.byPeer, j.entries = nil, nil, nil
	close(j.joined)
}

// judge weighs the refusals anew.
func (j *joins) judge() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.isJoined {
		j.weigh()
	}
}

// weigh opens or closes refused. Needs mu.
func (j *joins) weigh() {
	closed := isClosed(j.refused)
	switch hopeless := j.hopeless(); {
	case hopeless && !closed:
		close(j.refused)
	case !hopeless && closed:
		j.refused = make(chan struct{})
	}
}

// hopeless says that every address was tried, that some have answered, and
// that all of those have refused for good. Needs mu.
func (j *joins) hopeless() bool {
	if j.own || j.others {
		return false
	}
	for _, e := range j.entries {
		if !e.resolved {
			return false
		}
	}
	answered := 0
	for _, t := range j.targets {
		switch {
		case t.err == nil:
			return false
		case !t.answered:
			continue
		}
		answered++
		if r, ok := errors.AsType[*Refusal](t.err); !ok || !r.final() {
			return false
		}
	}
	return answered > 0
}

// failure returns what there is to say. Needs no lock.
func (j *joins) failure(err error) *JoinError {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := &JoinError{Domain: j.domain, Err: err}
	of := make(map[int][]Attempt)
	for address, t := range j.targets {
		if t.err != nil {
			of[t.entry] = append(of[t.entry], Attempt{WellKnown: j.entries[t.entry].text, Address: address, Err: t.err})
		}
	}
	for i, e := range j.entries {
		if e.err != nil {
			out.Attempts = append(out.Attempts, Attempt{WellKnown: e.text, Err: e.err})
		}
		slices.SortFunc(of[i], func(a, b Attempt) int { return cmp.Compare(a.Address, b.Address) })
		out.Attempts = append(out.Attempts, of[i]...)
	}
	return out
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Joined waits until the node is part of its group, and its view shows whom it
// has met there. Otherwise the error is a *JoinError as of Join, early or with
// that of ctx, or why the node has ended. The node goes on trying in any case,
// so that a later call may succeed.
func (n *Node) Joined(ctx context.Context) error {
	j := &n.joins
	switch {
	case n.ctx.Err() != nil:
		return n.Err()
	case isClosed(j.joined):
		return nil
	}
	j.mu.Lock()
	refused := j.refused
	j.mu.Unlock()
	select {
	case <-j.joined:
		return nil
	case <-n.ctx.Done():
		return n.Err()
	case <-refused:
		return j.failure(nil)
	case <-ctx.Done():
		return j.failure(context.Cause(ctx))
	}
}
