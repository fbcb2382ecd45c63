package transport

import "time"

const (
	// looksServed bounds the looks that a node answers at the same time, so
	// that a group in doubt does not keep it from its links.
	looksServed = 8

	lookWait = 300 * time.Millisecond // that a look waits for its turn
	lookEnd  = time.Second            // that whoever looked has to close
)

// beginLook waits for its turn to answer a look; false: it does not come in
// time. Whoever got it calls endLook.
func (e *Endpoint) beginLook() bool {
	select {
	case e.looks <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(lookWait)
	defer timer.Stop()
	select {
	case e.looks <- struct{}{}:
		return true
	case <-timer.C:
	case <-e.ctx.Done():
	}
	return false
}

func (e *Endpoint) endLook() { <-e.looks }
