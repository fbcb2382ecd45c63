package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Bounds of the streams of events.
const (
	mostStreams = 128
	streamTime  = time.Second     // between two looks at what is new
	writeTime   = 5 * time.Second // a reader who takes nothing for so long is cut off
	pingEvery   = 15              // looks without news until a comment shows that the stream lives
)

// streams counts the viewers that are kept up to date.
type streams struct {
	mu    sync.Mutex // held for nothing that can block
	open  int
	ended chan struct{}
	over  bool
}

// enter takes a place, if there is one.
func (s *streams) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.open >= mostStreams {
		return false
	}
	s.open++
	return true
}

func (s *streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// close ends all streams, and lets no more in.
func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.over = true
		close(s.ended)
	}
}

// Streams is how many viewers are kept up to date now.
func (s *Site) Streams() int {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	return s.streams.open
}

// A News is what a stream says: the parts of the page that have changed, or the
// whole when there are other parts than before.
type News struct {
	Whole string            `json:"whole,omitempty"`
	Parts map[string]string `json:"parts,omitempty"`
}

// stream answers GET /api/stream, with the query of the page that is shown. Nothing
// is kept for a slow reader: it gets what the page is like when it can take it.
func (s *Site) stream(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	if !s.streams.enter() {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many viewers at once", http.StatusServiceUnavailable)
		return
	}
	defer s.streams.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	out := &line{w: w, control: http.NewResponseController(w)}
	tick := time.NewTicker(streamTime)
	defer tick.Stop()
	var shown *rendering
	quiet := 0
	err := out.send("retry: 3000\n\n")
	for err == nil {
		next, failed := s.render(s.now(), q)
		if failed != nil {
			return
		}
		news, any := next.since(shown)
		shown = next
		switch quiet++; {
		case any:
			quiet, err = 0, out.news(news)
		case quiet >= pingEvery:
			quiet, err = 0, out.send(": nothing new\n\n")
		}
		if err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-s.streams.ended:
			return
		}
	}
}

// since is what differs from what a viewer has; nil is nothing yet.
func (r *rendering) since(old *rendering) (News, bool) {
	same := old != nil && len(old.parts) == len(r.parts)
	for i := range r.parts {
		same = same && old.parts[i].Key == r.parts[i].Key
	}
	if !same {
		return News{Whole: r.whole()}, true
	}
	parts := map[string]string{}
	for i, p := range r.parts {
		if p.HTML != old.parts[i].HTML {
			parts[p.Key] = string(p.HTML)
		}
	}
	return News{Parts: parts}, len(parts) > 0
}

// A line is the way to one viewer.
type line struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// news sends some. JSON has no line feeds in it, so it is one field of an event.
func (l *line) news(n News) error {
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return l.send(fmt.Sprintf("data: %s\n\n", b))
}

// send writes, within writeTime.
func (l *line) send(text string) error {
	// A connection that cannot have a deadline is no reason to fail.
	_ = l.control.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := l.w.Write([]byte(text)); err != nil {
		return err
	}
	return l.control.Flush()
}
