// Package sticky keeps clients at one member: it remembers which member began a
// session, or names the member in a cookie that only balancers can make.
package sticky

import (
	"container/list"
	"sync"
	"time"

	"github.com/gotribes/tribes/membership"
)

// Bounds of a Sessions.
const (
	mostSessions = 100_000
	longestValue = 512 // bytes of a cookie's value
)

// DefaultTimeout is how long a session is remembered after its last request,
// unless somebody says otherwise.
const DefaultTimeout = 30 * time.Minute

// Names are the cookies that mean a session, as the original balancer had them.
var Names = []string{"JSESSIONID", "PHPSESSID", "phpMyAdmin", "wordpress_test_cookie"}

// Sessions remembers members by the values of session cookies: 100,000 at most,
// then those are forgotten that were not used for longest. Its methods may be
// called from many goroutines and take the time as an argument.
type Sessions struct {
	mu      sync.Mutex // held for nothing that can block
	timeout time.Duration
	byValue map[string]*list.Element
	order   list.List // of *session, the last used first
}

type session struct {
	value  string
	member membership.ID
	used   time.Time
}

// NewSessions makes an empty one. timeout 0 is DefaultTimeout.
func NewSessions(timeout time.Duration) *Sessions {
	s := &Sessions{byValue: map[string]*list.Element{}}
	s.SetTimeout(timeout)
	return s
}

// SetTimeout changes how long sessions are remembered, also those that are
// there. 0 is DefaultTimeout.
func (s *Sessions) SetTimeout(timeout time.Duration) {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timeout = timeout
}

// Get gives the member of a session and counts as a use of it.
func (s *Sessions) Get(value string, now time.Time) (membership.ID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byValue[value]
	if !ok {
		return membership.ID{}, false
	}
	found := e.Value.(*session)
	if now.Sub(found.used) > s.timeout {
		s.remove(e)
		return membership.ID{}, false
	}
	found.used = now
	s.order.MoveToFront(e)
	return found.member, true
}

// Set says at which member a session is.
func (s *Sessions) Set(value string, member membership.ID, now time.Time) {
	if value == "" || len(value) > longestValue {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byValue[value]; ok {
		found := e.Value.(*session)
		found.member, found.used = member, now
		s.order.MoveToFront(e)
		return
	}
	// What has timed out goes first, a few at a time.
	for range 2 {
		last := s.order.Back()
		if last == nil || s.order.Len() < mostSessions && now.Sub(last.Value.(*session).used) <= s.timeout {
			break
		}
		s.remove(last)
	}
	s.byValue[value] = s.order.PushFront(&session{value, member, now})
}

// Forget drops a session that its member has ended.
func (s *Sessions) Forget(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byValue[value]; ok {
		s.remove(e)
	}
}

// Len is how many are remembered.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.order.Len()
}

func (s *Sessions) remove(e *list.Element) {
	delete(s.byValue, e.Value.(*session).value)
	s.order.Remove(e)
}
