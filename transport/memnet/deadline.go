package memnet

import (
	"sync"
	"time"
)

// deadline is a read or write deadline of one end. Setting it costs nothing;
// a timer is started only when somebody waits, since many programs set a
// deadline per message and hardly any deadline expires.
type deadline struct {
	at    time.Time // zero: none
	armed time.Time // what the timer is set for; zero: not running
	timer *time.Timer
}

// expired tells whether the deadline has come.
func (d *deadline) expired() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

// wait waits on cond, whose lock is held, and has it woken at the deadline. The
// caller checks for itself why it has been woken.
func (d *deadline) wait(cond *sync.Cond) {
	if !d.at.IsZero() && !d.armed.Equal(d.at) {
		d.armed = d.at
		if d.timer == nil {
			d.timer = time.AfterFunc(time.Until(d.at), func() {
				cond.L.Lock()
				defer cond.L.Unlock()
				d.armed = time.Time{} // should the wall clock have been early, it is set again
				cond.Broadcast()
			})
		} else {
			d.timer.Reset(time.Until(d.at))
		}
	}
	cond.Wait()
}

// stop ends the timer.
func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
