package machine

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// FuzzMachine makes a sequence of inputs out of bytes, with their times, and
// looks after each of them whether what must always hold does. Two runs of
// the same bytes have the same effects.
func FuzzMachine(f *testing.F) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 7))
		data := make([]byte, 600)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data)
	}
	// Links from all, everybody's record, a minute of silence, and answers.
	var calm []byte
	for i := range byte(6) {
		calm = append(calm, 3, i, 9, i, 0, i, 1, 1, 0, 0)
	}
	f.Add(append(calm, 1, 100, 1, 100, 1, 100, 6, 0, 0, 1, 1, 200))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1000 {
			data = data[:1000]
		}
		first := newFuzz(t, data).run()
		require.Equal(t, first, newFuzz(t, data).run(), "two runs of the same bytes differ")
	})
}

const fuzzPeers = 12

// fuzz is one run over the bytes.
type fuzz struct {
	t     *testing.T
	data  []byte
	m     *Machine
	now   Time
	peers [fuzzPeers]testSigner
	first [fuzzPeers]*wire.Record // of every second one, whose ID is made of it; nil: it has none
	links []LinkID                // open
	next  LinkID
	dials []AttemptID
	looks []Effect
	views map[string]*fuzzView
	print uint64 // of all effects
}

// fuzzView folds the changes of one domain.
type fuzzView struct {
	number  uint64
	members map[wire.ID]Shown
	newest  map[wire.ID]*wire.Record // ever shown
	removed map[wire.ID]uint32       // incarnations dropped by verdict
}

func newFuzz(t *testing.T, data []byte) *fuzz {
	z := &fuzz{t: t, data: data, views: map[string]*fuzzView{}}
	for i := range z.peers {
		z.peers[i] = testSigner{testKey(fmt.Sprint("peer", i))}
		if i%4 < 2 { // of two at one address both or none
			z.first[i] = &wire.Record{Domain: "d", Name: fmt.Sprint("n", i), Address: z.address(i)}
			z.first[i].SealFirst(z.peers[i].key)
		}
	}
	cfg := testConfig("a:1")
	cfg.Manage, cfg.ManageAny, cfg.MaxDomains, cfg.MaxMembers = []string{"e"}, true, 4, 11
	cfg.WellKnown = []WellKnown{{"a:1", "a:1"}, {"p0:1", "p0:1"}, {"all.test:1", ""}}
	z.m = New(cfg)
	return z
}

func (z *fuzz) byte() byte {
	if len(z.data) == 0 {
		return 0
	}
	b := z.data[0]
	z.data = z.data[1:]
	return b
}

// pick takes an element out of a list, or gives the zero value for none.
func pick[T any](z *fuzz, list *[]T) (x T) {
	if len(*list) == 0 {
		return x
	}
	i := int(z.byte()) % len(*list)
	x = (*list)[i]
	*list = append((*list)[:i:i], (*list)[i+1:]...)
	return x
}

// address: peers 0 and 1 live at one address, and so on, so that there are
// contests.
func (z *fuzz) address(peer int) string { return fmt.Sprintf("p%d:1", peer/2) }

func (z *fuzz) id(peer int) wire.ID { return wire.IDOf(z.peers[peer].key, z.birth(peer)) }

func (z *fuzz) birth(peer int) wire.Birth {
	if r := z.first[peer]; r != nil {
		return r.Birth
	}
	return wire.Birth{}
}

func (z *fuzz) peer() int { return int(z.byte()) % fuzzPeers }

func (z *fuzz) domain() string { return []string{"d", "e", "f", "g", "d", "d"}[z.byte()%6] }

// someID is mostly a peer's, sometimes the machine's own.
func (z *fuzz) someID() wire.ID {
	if z.byte()%8 == 0 {
		return z.m.Self()
	}
	return z.id(z.peer())
}

func (z *fuzz) run() uint64 {
	z.step(func() { z.m.Start(0) })
	for len(z.data) > 0 && z.now < departedFor { // later even departures are forgotten
		z.op(z.byte() % 16)
	}
	return z.print
}

func (z *fuzz) op(op byte) {
	switch op {
	case 0:
		z.advance(Time(z.byte()) * time.Millisecond)
	case 1:
		z.advance(Time(z.byte()) * 40 * time.Millisecond)
	case 2: // the loop is stopped
		z.now += Time(z.byte()) * Time(z.byte()) * 20 * time.Millisecond
		z.step(func() { z.m.Tick(z.now) })
	case 3:
		peer := z.peer()
		z.linkUp(0, peer)
		if z.byte()%2 == 0 {
			z.join(peer)
		}
	case 4:
		z.linkUp(pick(z, &z.dials), z.peer())
	case 5:
		id, out := pick(z, &z.dials), Outcome(z.byte()%10)
		z.step(func() { z.m.DialFailed(z.now, id, out, "fuzz") })
	case 6:
		e := pick(z, &z.looks)
		by, out := e.Peer, Answered // as it should be, half of the time
		if z.byte()%2 == 0 {
			by, out = z.id(z.peer()), Outcome(z.byte()%10)
		}
		z.step(func() { z.m.LookDone(z.now, e.Attempt, out, by, "fuzz") })
	case 7:
		id := pick(z, &z.links)
		z.step(func() { z.m.LinkDown(z.now, id) })
	case 8:
		l, b := z.link(), wire.Beat{Seq: uint64(z.byte()), Echo: uint64(z.byte()), Digest: uint64(z.byte())}
		z.step(func() { z.m.Beat(z.now, l, b) })
	case 9:
		z.own()
	case 10: // a frame as it may come from the wire
		n := min(int(z.byte()), len(z.data))
		msg, err := wire.Decode(z.data[:n])
		z.data = z.data[n:]
		if err == nil {
			z.receive(msg)
		}
	default:
		z.receive(z.message())
	}
}

func (z *fuzz) own() {
	switch z.byte() % 6 {
	case 0:
		p := []wire.Property{{Key: "k", Value: fmt.Sprint(z.byte())}}
		z.step(func() { z.m.SetProperties(z.now, p) })
	case 1:
		s := wire.State(1 + z.byte()%3) // not Left: nothing comes after that
		z.step(func() { z.m.SetState(z.now, s) })
	case 2:
		d, n := z.domain(), uint64(z.byte())
		z.step(func() { z.m.Applied(z.now, d, n) })
	case 3:
		d, id := z.domain(), z.someID()
		z.step(func() { z.m.ReportFailure(z.now, d, id) })
	case 4:
		var to []string
		for range z.byte() % 40 {
			to = append(to, fmt.Sprintf("p%d:1", z.byte()%32))
		}
		z.step(func() { z.m.Resolved(z.now, 2, to, "") })
	case 5:
		z.step(func() { z.m.Resolved(z.now, int(z.byte())-2, nil, "no such host") })
	}
}

func (z *fuzz) link() LinkID {
	if len(z.links) == 0 {
		return 0
	}
	return z.links[int(z.byte())%len(z.links)]
}

func (z *fuzz) linkUp(attempt AttemptID, peer int) {
	z.next++
	domains := []wire.DomainRole{{Name: "d", Role: wire.Member}}
	if z.byte()%3 == 0 {
		domains = append(domains, wire.DomainRole{Name: z.domain() + "x", Role: wire.Manager})
		domains = append(domains, wire.DomainRole{Name: "e", Role: wire.Member})
	}
	up := LinkUp{Link: z.next, Attempt: attempt, Peer: z.id(peer), Address: z.address(peer), Domains: domains}
	z.links = append(z.links, z.next)
	z.step(func() { z.m.LinkUp(z.now, up) })
}

// join has a peer that has just linked ask to be let in, and found where it
// says.
func (z *fuzz) join(peer int) {
	r := &wire.Record{Domain: "d", Incarnation: uint32(z.byte() % 4), Version: 1, Role: wire.Member, State: wire.Alive}
	r.Address, r.Name, r.Birth = z.address(peer), fmt.Sprint("n", peer), z.birth(peer)
	if r.Seal(z.peers[peer]); r.Incarnation == 1 && z.first[peer] != nil {
		r = z.first[peer]
	}
	z.step(func() { z.m.Receive(z.now, z.next, &wire.Join{Domain: "d", Record: r}) })
	for _, e := range z.looks {
		if e.Address == r.Address {
			z.step(func() { z.m.LookDone(z.now, e.Attempt, Answered, z.id(peer), "fuzz") })
		}
	}
}

func (z *fuzz) receive(msg wire.Message) {
	// What the machine gets has always passed the codec.
	var e wire.Encoder
	wire.Encode(&e, msg)
	decoded, err := wire.Decode(e.Bytes())
	if err != nil {
		return
	}
	l := z.link()
	z.step(func() { z.m.Receive(z.now, l, decoded) })
}

func (z *fuzz) record(domain string) *wire.Record {
	i := z.peer()
	r := &wire.Record{
		Domain: domain, Incarnation: uint32(z.byte() % 4), Version: uint32(z.byte() % 4), Role: wire.Role(1 + z.byte()%8/7),
		State: wire.Alive, Name: fmt.Sprint("n", z.byte()%16), Address: z.address(i),
	}
	if b := z.byte(); b > 200 {
		r.State = wire.State(1 + b%4)
	}
	r.Birth = z.birth(i)
	r.Seal(z.peers[i])
	switch b := z.byte(); {
	case b > 250 && r.Role == wire.Member:
		r.SealFirst(r.Key) // of an ID that nobody has, but with the key of one
	case b > 240:
		r.Sig[0]++
	case b < 64 && z.first[i] != nil && domain == "d":
		r = z.first[i]
	}
	return r
}

func (z *fuzz) accusation(domain string) *wire.Accusation {
	a := &wire.Accusation{
		Domain: domain, Subject: z.someID(), Incarnation: uint32(z.byte() % 4), Raised: z.byte()%4 > 0,
		Reason: wire.Reason(1 + z.byte()%3), Seq: uint64(z.byte()),
	}
	i := z.peer()
	a.Birth = z.birth(i)
	a.Seal(z.peers[i])
	if z.byte() > 250 {
		a.Sig[0]++
	}
	return a
}

func (z *fuzz) departures() (out []wire.Departure) {
	for range z.byte() % 3 {
		i := z.peer()
		d := wire.Departure{ID: z.id(i), Incarnation: uint32(z.byte() % 4), Cause: wire.Cause(1 + z.byte()%4)}
		d.Address = z.address(i)
		out = append(out, d)
	}
	return out
}

func (z *fuzz) records(domain string) (out []*wire.Record) {
	for range z.byte() % 4 {
		out = append(out, z.record(domain))
	}
	return out
}

func (z *fuzz) accusations(domain string) (out []*wire.Accusation) {
	for range z.byte() % 4 {
		out = append(out, z.accusation(domain))
	}
	return out
}

// message makes a message of any kind.
func (z *fuzz) message() wire.Message {
	d := z.domain()
	switch z.byte() % 18 {
	case 0:
		return &wire.Goodbye{Parting: wire.Parting(z.byte())}
	case 1:
		return &wire.Need{Needed: z.byte()%2 == 0}
	case 2:
		return &wire.Domains{Domains: []wire.DomainRole{{Name: d, Role: wire.Member}}}
	case 3:
		return &wire.Digests{Digests: []wire.DomainDigest{{Domain: d, Digest: uint64(z.byte())}}}
	case 4, 5:
		return &wire.Join{Domain: d, Record: z.record(d)}
	case 6:
		others := []string{"q:1", fmt.Sprintf("q%d:1", z.byte())}
		return &wire.Refuse{Domain: d, Code: wire.RefusalCode(z.byte() % 8), Text: "fuzz", Others: others}
	case 7:
		return &wire.Table{Domain: d, Records: z.records(d), Departures: z.departures(), Last: z.byte()%4 > 0}
	case 8:
		return &wire.HeldDown{Domain: d, Incarnation: uint32(z.byte() % 3), Cause: wire.Cause(1 + z.byte()%4)}
	case 9:
		b := &wire.Buckets{Domain: d}
		b.Sums[z.byte()] = 7
		return b
	case 10:
		s := &wire.Sync{Domain: d, Records: z.records(d), Departures: z.departures(), Answer: z.byte()%2 == 0}
		s.Differ[z.byte()%32] = z.byte()
		return s
	case 11:
		return &wire.LookFor{Domain: d, Token: uint64(z.byte() % 4), Subject: z.someID(), Address: z.address(z.peer())}
	case 12:
		token, incarnation := uint64(z.byte()%4), uint32(z.byte()%4)
		return &wire.Looked{Domain: d, Token: token, Subject: z.someID(), Incarnation: incarnation, Answers: z.byte()%2 == 0}
	case 13:
		return &wire.Confirm{Domain: d, Subject: z.m.Self(), Incarnation: 1, Version: uint32(z.byte())}
	case 14:
		return &wire.Press{Domain: d, Subject: z.someID()}
	case 15:
		v := wire.Verdict{Subject: z.someID(), Incarnation: uint32(z.byte() % 4), Held: z.byte()%2 == 0, Accusations: z.accusations(d)}
		return &wire.Gossip{Domain: d, Verdicts: []wire.Verdict{v}}
	}
	return &wire.Gossip{Domain: d, Records: z.records(d), Accusations: z.accusations(d)}
}

// advance lets time pass with a loop that is never late.
func (z *fuzz) advance(d Time) {
	end := z.now + d
	for range 100_000 {
		next := z.m.Next()
		if next > end {
			z.now = end
			return
		}
		z.now = max(z.now, next)
		z.step(func() { z.m.Tick(z.now) })
	}
	require.Fail(z.t, "the machine's loop does not come to rest")
}

// step performs one input and looks at what came of it.
func (z *fuzz) step(input func()) {
	input()
	effects := z.m.Effects()
	// Each link may be told a few things, each peer be dialled, each domain
	// be published, and each of eight parts of a message be reported.
	most := 100 + 40*(len(z.m.links)+len(z.m.groups))
	z.must(len(effects) <= most, "a step has %d effects at most, not %d", most, len(effects))
	for i := range effects {
		z.effect(&effects[i])
	}
	z.must(z.m.Next() >= z.now, "Next is before now")
	err := z.m.Audit(true)
	z.must(err == nil, "%v", err)
}

func (z *fuzz) effect(e *Effect) {
	switch e.Kind {
	case DoDial:
		z.dials = append(z.dials, e.Attempt)
	case DoLook:
		z.looks = append(z.looks, *e)
	case DoPublish:
		z.published(e.Change)
	}
	h := fnv.New64a()
	fmt.Fprint(h, z.print, z.now, e.Kind, e.Link, e.Attempt, e.Index, e.Peer, e.Address, e.Timeout, e.Beat, wire.Name(e.Message))
	if e.Message != nil {
		var enc wire.Encoder
		wire.Encode(&enc, e.Message)
		h.Write(enc.Bytes())
		_, err := wire.Decode(enc.Bytes())
		z.must(err == nil, "%s that others cannot read: %v", wire.Name(e.Message), err)
	}
	if e.Report != nil {
		fmt.Fprint(h, *e.Report)
	}
	z.print = h.Sum64()
}
