package membership

import (
	"errors"
	"maps"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// What one link may bring, in units of work: one for each heartbeat or message,
// one for each record, accusation or departure in it, and one for each KiB. So
// many at once, and with each member that Config.MaxMembers allows some more;
// then a 32nd of that in a second. Whoever brings more is disconnected.
const (
	floodLeast     = 32 << 10
	floodPerMember = 4
	floodSeconds   = 32
	floodPause     = 30 * time.Second // that who has flooded this node gets no link
	barredMost     = 1024             // peers of which that is remembered
	turnsMost      = 4                // inputs of one link that wait for the loop
)

// errFlood is why a link goes down whose peer sends without end.
var errFlood = errors.New("it sends more than a member has to say; no link with it for 30 s")

// A budget is what a link may still bring.
type budget struct {
	most, left float64 // units
	at         machine.Time
}

func newBudget(l *loop) budget {
	most := float64(floodLeast + floodPerMember*l.node.cfg.maxMembers())
	return budget{most: most, left: most, at: l.now()}
}

// spend takes units off the budget; false: there is not enough.
func (b *budget) spend(now machine.Time, units int) bool {
	b.left = min(b.most, b.left+(now-b.at).Seconds()*b.most/floodSeconds)
	b.at = now
	b.left -= float64(units)
	return b.left >= 0
}

// weigh returns the units of a message; msg is nil if its kind is unknown.
func weigh(msg wire.Message, size int) int {
	units := 1 + size>>10
	switch msg := msg.(type) {
	case *wire.Table:
		units += len(msg.Records) + len(msg.Departures)
	case *wire.Sync:
		units += len(msg.Records) + len(msg.Departures)
	case *wire.Gossip:
		units += len(msg.Records) + len(msg.Accusations)
		for i := range msg.Verdicts {
			units += len(msg.Verdicts[i].Accusations)
		}
	}
	return units
}

// bar keeps a peer from linking for a while.
func (l *loop) bar(now machine.Time, id ID) {
	if len(l.barred) >= barredMost {
		maps.DeleteFunc(l.barred, func(_ ID, until machine.Time) bool { return now >= until })
	}
	if len(l.barred) < barredMost {
		l.barred[id] = now + floodPause
	}
}

// isBarred says that a peer gets no link yet.
func (l *loop) isBarred(now machine.Time, id ID) bool {
	until, ok := l.barred[id]
	if ok && now >= until {
		delete(l.barred, id)
	}
	return ok && now < until
}
