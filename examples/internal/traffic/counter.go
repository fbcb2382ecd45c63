package traffic

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

// buckets is how many latencies are told apart: those up to 2^(i/2) times
// smallest. The last one is for 19 s and more.
const (
	buckets  = 36
	smallest = 100 * time.Microsecond
)

// A counter counts the requests of one domain or member.
type counter struct {
	mu               sync.Mutex // held for nothing that can block
	requests, errors uint64
	slots            []slot // whole seconds, and the one that goes on
}

// newCounter makes one that remembers so many whole seconds.
func newCounter(seconds int64) *counter { return &counter{slots: make([]slot, seconds+1)} }

// at is the slot of a second.
func (c *counter) at(second int64) *slot { return &c.slots[second%int64(len(c.slots))] }

// A slot is one second.
type slot struct {
	second           int64 // since 1970
	requests, errors uint32
	took             [buckets]uint32
}

// count counts one request.
func (c *counter) count(now int64, failed bool, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.at(now)
	if s.second != now {
		*s = slot{second: now}
	}
	c.requests++
	s.requests++
	if failed {
		c.errors++
		s.errors++
	}
	if took > 0 {
		s.took[bucket(took)]++
	}
}

// bucket is where a latency belongs.
func bucket(took time.Duration) int {
	// The square of the ratio makes half powers of two whole ones.
	ratio := float64(took) / float64(smallest)
	if ratio <= 1 {
		return 0
	}
	n := bits.Len64(uint64(math.Ceil(min(ratio*ratio, 1<<62))) - 1)
	return min(n, buckets-1)
}

// upper is the longest latency of a bucket.
func upper(i int) time.Duration {
	return time.Duration(float64(smallest) * math.Pow(2, float64(i)/2))
}

// figures adds the window up. A nil counter has counted nothing.
func (c *counter) figures(now int64) Figures {
	if c == nil {
		return Figures{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := Figures{Requests: c.requests, Errors: c.errors}
	var took [buckets]uint32
	var requests, errors, all uint32
	for i := range c.slots {
		s := &c.slots[i]
		if s.second >= now || s.second < now-slots { // the second that goes on is not whole yet
			continue
		}
		requests += s.requests
		errors += s.errors
		for j, n := range s.took {
			took[j] += n
			all += n
		}
	}
	f.PerSecond = float64(requests) / float64(slots)
	f.ErrorsPerSecond = float64(errors) / float64(slots)
	f.Median, f.Slow = quantile(&took, all, 0.5), quantile(&took, all, 0.99)
	return f
}

// quantile is the upper bound of the bucket in which a part of all requests is
// reached.
func quantile(took *[buckets]uint32, all uint32, part float64) time.Duration {
	want, seen := uint32(math.Ceil(float64(all)*part)), uint32(0)
	for i, n := range took {
		if seen += n; n > 0 && seen >= want {
			return upper(i)
		}
	}
	return 0
}

// history gives the requests of each whole second, the oldest first.
func (c *counter) history(now int64) []Second {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Second, 0, len(c.slots)-1)
	for second := now - int64(len(c.slots)) + 1; second < now; second++ {
		one := Second{}
		if s := c.at(second); s.second == second {
			one = Second{Requests: int(s.requests), Errors: int(s.errors)}
		}
		out = append(out, one)
	}
	return out
}
