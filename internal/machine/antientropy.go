package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// compareDigest looks whether a neighbour holds the same records. When digests
// differ on two beats running, the lower ID asks where (docs/protocol.md,
// "Anti-entropy").
func (m *Machine) compareDigest(l *link, theirs uint64) {
	if len(l.common) == 0 || theirs == l.digest() {
		l.differs = 0
		return
	}
	l.differs++
	patience := 2
	if m.self.Compare(l.peer.id) > 0 {
		patience = 4
	}
	if m.crowding() {
		patience += differsCrowd // records are on their way
	}
	if l.differs < patience || m.now < l.nextSync || m.isolated {
		return
	}
	for _, g := range l.common {
		if !g.knows(l) && !slices.Contains(l.turned, g) {
			g.ask(l) // it may know me, though I do not know it
		}
	}
	m.sendDigests(l)
}

// sendDigests asks a neighbour where its records differ.
func (m *Machine) sendDigests(l *link) {
	l.nextSync = m.now + m.jitter(2*syncEvery)
	l.differs = 0
	msg := &wire.Digests{}
	for _, g := range l.common {
		msg.Digests = append(msg.Digests, wire.DomainDigest{Domain: g.domain, Digest: g.digest})
	}
	m.send(l, msg)
}

// heardDigests answers with the buckets of the domains that differ.
func (m *Machine) heardDigests(l *link, msg *wire.Digests) {
	for _, d := range msg.Digests {
		if g := m.group(d.Domain); g != nil && l.shares(g) && g.digest != d.Digest && !m.isolated && g.knows(l) && l.mayAsk(m) {
			m.send(l, &wire.Buckets{Domain: g.domain, Sums: g.buckets()})
		}
	}
}

func (g *group) buckets() (sums [wire.BucketCount]uint64) {
	for _, x := range g.rings.all() {
		sums[x.rec.ID[0]] += x.rec.Hash
	}
	return sums
}

// heardBuckets answers with the records of the buckets that differ.
func (g *group) heardBuckets(l *link, msg *wire.Buckets) {
	if g.m.isolated || !l.mayAsk(g.m) {
		return
	}
	own := g.buckets()
	var differ [wire.BucketCount / 8]byte
	some := false
	for i := range own {
		if own[i] != msg.Sums[i] {
			differ[i/8] |= 1 << (i % 8)
			some = true
		}
	}
	if some {
		g.sendSync(l, differ, true)
	}
}

func bucketIn(differ *[wire.BucketCount / 8]byte, id wire.ID) bool {
	return differ[id[0]/8]&(1<<(id[0]%8)) != 0
}

func (g *group) sendSync(l *link, differ [wire.BucketCount / 8]byte, answer bool) {
	start := func() *wire.Sync { return &wire.Sync{Domain: g.domain, Differ: differ} }
	cur := start()
	gone := g.departures(len(g.gone.order), func(id wire.ID) bool { return bucketIn(&differ, id) })
	for len(gone) > wire.MaxDepartures {
		cur.Departures, gone = gone[:wire.MaxDepartures], gone[wire.MaxDepartures:]
		g.m.send(l, cur)
		cur = start()
	}
	cur.Departures = gone
	bytes := 48 * len(cur.Departures)
	for _, x := range g.rings.all() {
		if !bucketIn(&differ, x.rec.ID) {
			continue
		}
		size := len(x.rec.Body) + 80
		if len(cur.Records) >= tableRecords || bytes+size > tableBytes {
			g.m.send(l, cur)
			cur, bytes = start(), 0
		}
		cur.Records = append(cur.Records, x.rec)
		bytes += size
	}
	cur.Last, cur.Answer = true, answer
	g.m.send(l, cur)
}

// heardSync takes in the other side's records of the buckets that differ. The
// answer is made first: it must not hold what has just come.
func (g *group) heardSync(l *link, msg *wire.Sync) {
	if g.m.isolated {
		return
	}
	if msg.Answer && l.mayAsk(g.m) {
		g.sendSync(l, msg.Differ, false)
	}
	cause := g.handedCause()
	for _, r := range msg.Records {
		if g.offer(r, l, cause) {
			g.floodRecord(r, l.id)
		}
	}
	g.heardDepartures(msg.Departures, l)
}
