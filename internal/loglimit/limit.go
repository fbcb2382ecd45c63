// Package loglimit keeps the log from being flooded by what others send.
package loglimit

import (
	"sync"
	"time"
)

const (
	Period   = 10 * time.Second // one line per host in this time
	MaxHosts = 1024             // hosts that are told apart
	others   = ""               // the entry of all hosts beyond
)

// Lines decides which log lines about a host are written: one in ten
// seconds, with the number of those left out since. With 1,024 noisy hosts at
// once, all further ones share an entry. The zero value is ready; safe for
// concurrent use. Lines left out after a host's last line are never reported.
type Lines struct {
	mu    sync.Mutex
	hosts map[string]*entry
	swept time.Time // when old entries were last looked for
}

type entry struct {
	last    time.Time // of the last line written
	skipped int       // lines left out since
}

// Allow says whether a line about host may be written now, and if so how many
// were left out before it.
func (l *Lines) Allow(host string, now time.Time) (skipped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts == nil {
		l.hosts = make(map[string]*entry)
	}
	e := l.hosts[host]
	if e == nil {
		if len(l.hosts) >= MaxHosts {
			l.sweep(now)
		}
		if len(l.hosts) >= MaxHosts {
			host = others
			e = l.hosts[host]
		}
	}
	if e == nil {
		l.hosts[host] = &entry{last: now}
		return 0, true
	}
	if now.Sub(e.last) < Period {
		e.skipped++
		return 0, false
	}
	skipped, e.skipped, e.last = e.skipped, 0, now
	return skipped, true
}

// sweep forgets hosts whose time is over. It looks at all of them, so it does
// that once a second at most.
func (l *Lines) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for host, e := range l.hosts {
		if now.Sub(e.last) >= Period {
			delete(l.hosts, host)
		}
	}
}
