package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/gotribes/tribes/membership"
)

// sessionCookie is the name that servers of Java use.
const sessionCookie = "JSESSIONID"

// mostSessions bounds what is remembered; then all begins anew.
const mostSessions = 10_000

// sessions counts the visits of each client in its memory, so that one can see
// whether a balancer brings it back to the node that knows it.
type sessions struct {
	self func() membership.Member

	mu     sync.Mutex // for visits
	visits map[string]int
}

func newSessions(self func() membership.Member) *sessions {
	return &sessions{self: self, visits: map[string]int{}}
}

// A visit is the answer.
type visit struct {
	Name   string `json:"name"`   // of the node
	Visits int    `json:"visits"` // of this client, as far as this node knows
}

// ServeHTTP counts a visit; a client that is not known gets a session.
func (s *sessions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := ""
	if c, err := r.Cookie(sessionCookie); err == nil {
		id = c.Value
	}
	count := s.count(id)
	if count == 0 {
		id, count = rand.Text(), 1
		s.begin(id)
		http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(visit{s.self().Name, count}) // only the client's absence can fail it
}

// count counts a visit of a session; 0 is one that is not known.
func (s *sessions) count(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visits[id] > 0 {
		s.visits[id]++
	}
	return s.visits[id]
}

// begin makes a session with its first visit.
func (s *sessions) begin(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.visits) >= mostSessions {
		clear(s.visits)
	}
	s.visits[id] = 1
}
