// Package eventlog writes what happens to the members of a group as lines of
// JSON, one an event:
//
//	{"time":"…","event":"memberRemoved","cause":"crashed","domain":"…","view":3,
//	 "member":{"id":"…","name":"…","address":"…","state":"failed","subDomain":"","properties":{}}}
//
// A line is complete by itself: the member is as it is after the event, and
// view is the number of the view that the event led to.
package eventlog

import (
	"encoding/json"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/gotribes/tribes/membership"
)

// TimeLayout is RFC 3339 in UTC, always with six digits behind the second, so
// that lines of several programs sort and subtract.
const TimeLayout = "2006-01-02T15:04:05.000000Z07:00"

// A Line is one event.
type Line struct {
	Time   string `json:"time"`            // of writing, see TimeLayout
	Event  string `json:"event"`           // in lower camel case, as memberAdded
	Cause  string `json:"cause,omitempty"` // as crashed; left out where there is none
	Domain string `json:"domain"`
	View   uint64 `json:"view"`
	Member Member `json:"member"` // of isolated and rejoined: the node itself
}

// A Member is one member of a view.
type Member struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Address    string            `json:"address"`
	State      string            `json:"state"`
	SubDomain  string            `json:"subDomain"`
	Properties map[string]string `json:"properties"` // never null
}

// MemberOf makes the JSON form of a member.
func MemberOf(m membership.Member) Member {
	return Member{
		ID:         m.ID.String(),
		Name:       m.Name,
		Address:    m.Address,
		State:      m.State.String(),
		SubDomain:  m.SubDomain,
		Properties: maps.Collect(m.Properties()),
	}
}

// A Writer writes lines. Its methods may be called from many goroutines; lines
// are never mixed. A nil *Writer is silent.
type Writer struct {
	mu    sync.Mutex // only for writing; nothing else is called under it
	out   io.Writer
	begun bool  // a change was written
	ready *Line // waits for that
}

// New makes a Writer on out, which gets one Write a line.
func New(out io.Writer) *Writer { return &Writer{out: out} }

// Change writes the events of one change of a group in their order, but that
// what is about the node itself comes first: the first line of a node is then
// its own arrival, however fast it met others.
func (w *Writer) Change(c membership.Change, self membership.ID) {
	mine := func(e membership.Event) bool { return e.Member.ID == self }
	for _, first := range []bool{true, false} {
		for _, e := range c.Events {
			if mine(e) == first {
				w.event(c.View, e)
			}
		}
	}
	if w != nil {
		w.begin()
	}
}

// begin notes that a change was written, and writes what waits for that.
func (w *Writer) begin() {
	w.mu.Lock()
	waits := w.ready
	w.begun, w.ready = true, nil
	w.mu.Unlock()
	if waits != nil {
		w.write(*waits)
	}
}

// event writes one event that led to a view.
func (w *Writer) event(v membership.View, e membership.Event) {
	w.write(Line{
		Event:  e.Kind.String(),
		Cause:  e.Cause.String(),
		Domain: v.Domain(),
		View:   v.Number(),
		Member: MemberOf(e.Member),
	})
}

// Ready writes that every manager of its domain knows this member, after the first
// change: whoever writes those may not have had its turn yet.
func (w *Writer) Ready(v membership.View, self membership.Member) {
	if w == nil {
		return
	}
	l := Line{Event: "ready", Domain: v.Domain(), View: v.Number(), Member: MemberOf(self)}
	w.mu.Lock()
	if !w.begun {
		w.ready = &l
		w.mu.Unlock()
		return
	}
	w.mu.Unlock()
	w.write(l)
}

// write adds the time and writes one line. It cannot tell anybody that writing
// failed: whoever reads the lines is gone.
func (w *Writer) write(l Line) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	// Read under the lock, so that the times of the lines never go back.
	l.Time = time.Now().UTC().Format(TimeLayout)
	b, err := json.Marshal(l)
	if err != nil {
		return // strings and numbers alone; it cannot fail
	}
	_, _ = w.out.Write(append(b, '\n'))
}
