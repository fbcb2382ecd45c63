package machine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

const (
	beatTime = 500 * time.Millisecond
	dropTime = 3 * time.Second
)

// A harness is one machine, whose other side is made of fakes: the test says
// what they answer.
type harness struct {
	t      *testing.T
	m      *Machine
	now    Time
	plan   []planned
	fakes  []*fake
	links  LinkID
	dials  []Effect              // since the last call of take
	looks  []Effect              // the same
	asked  []Effect              // resolves, the same
	log    []string              // events of views and of the machine's reports
	view   map[wire.ID]Shown     // of domain d, folded
	number uint64                // of domain d
	meets  map[string]func() met // what a dial or look meets at an address; nothing: silence
}

// met is what a dial or look has met, after a time.
type met struct {
	out   Outcome
	by    *fake
	after Time
}

type planned struct {
	at  Time
	run func()
}

// A fake is a peer as the test plays it.
type fake struct {
	h       *harness
	signer  testSigner
	id      wire.ID
	address string
	link    LinkID // 0: none
	sent    uint64
	deaf    bool // does not answer heartbeats
	said    []wire.Message
	closed  bool
	role    wire.Role
	beats   []wire.Beat
}

// testSigner signs with the key itself, so that a test can tell a good
// signature from a bad one without arithmetic.
type testSigner struct{ key wire.PublicKey }

func (s testSigner) PublicKey() wire.PublicKey { return s.key }
func (s testSigner) Sign([]byte) (sig wire.Signature) {
	copy(sig[:], s.key[:])
	return sig
}

func testVerify(key wire.PublicKey, _ string, _ []byte, sig wire.Signature) bool {
	return slices.Equal(sig[:32], key[:])
}

func testKey(text string) (k wire.PublicKey) {
	copy(k[:], text)
	k[31] = 1
	return k
}

func testConfig(address string) Config {
	return Config{
		Signer: testSigner{testKey(address)}, Verify: testVerify, Rand: rand.New(rand.NewPCG(1, 2)),
		Name: address, Address: address, Domain: "d", MaxDomains: 8, MaxMembers: 5000,
		WellKnown: []WellKnown{{Text: address, Address: address}},
		Heartbeat: beatTime, DropTime: dropTime,
	}
}

// newHarness makes a started machine at a:1 that has joined, since it is its
// own only well-known member.
func newHarness(t *testing.T, change ...func(c *Config)) *harness {
	h := &harness{t: t, view: map[wire.ID]Shown{}, meets: map[string]func() met{}}
	h.meets["a:1"] = func() met { return met{out: OutSelf, after: time.Millisecond} }
	cfg := testConfig("a:1")
	for _, f := range change {
		f(&cfg)
	}
	h.m = New(cfg)
	h.input(func() { h.m.Start(0) })
	return h
}

// newFake makes a peer that answers dials and looks at its address, and
// heartbeats once it has a link.
func (h *harness) newFake(address string) *fake {
	f := &fake{h: h, signer: testSigner{testKey(address)}, address: address, role: wire.Member}
	return h.addFake(f)
}

func (h *harness) addFake(f *fake) *fake {
	f.id = wire.IDOf(f.signer.key, wire.Birth{})
	h.fakes = append(h.fakes, f)
	h.meets[f.address] = func() met { return met{out: Answered, by: f} }
	return f
}

// order makes a fake whose ID is lower or higher than the machine's.
func (h *harness) order(address string, lower bool) *fake {
	for i := range 1000 {
		f := &fake{h: h, signer: testSigner{testKey(fmt.Sprintf("%s %d", address, i))}, address: address, role: wire.Member}
		if (wire.IDOf(f.signer.key, wire.Birth{}).Compare(h.m.self) < 0) == lower {
			return h.addFake(f)
		}
	}
	panic("no such key")
}

// member makes a fake that has joined d over a link of its own.
func (h *harness) member(address string) *fake {
	f := h.newFake(address)
	f.dials()
	f.joins()
	return f
}

func (f *fake) joins() { f.says(&wire.Join{Domain: "d", Record: f.record(1, 1)}) }

// record makes the fake's record of domain d.
func (f *fake) record(incarnation, version uint32, change ...func(r *wire.Record)) *wire.Record {
	r := &wire.Record{
		Domain: "d", Incarnation: incarnation, Version: version, Role: f.role, State: wire.Alive,
		Name: f.address, Address: f.address,
	}
	for _, c := range change {
		c(r)
	}
	r.Seal(f.signer)
	return r
}

// accuses makes the fake's accusation of a member's first incarnation.
func (f *fake) accuses(subject wire.ID, reason wire.Reason, raised bool, seq uint64) *wire.Accusation {
	a := &wire.Accusation{Domain: "d", Subject: subject, Incarnation: 1, Raised: raised, Reason: reason, Seq: seq}
	a.Seal(f.signer)
	return a
}

func (f *fake) accuse(subject wire.ID, reason wire.Reason) {
	f.says(&wire.Gossip{Domain: "d", Accusations: []*wire.Accusation{f.accuses(subject, reason, true, uint64(f.h.now)+1)}})
}

// dials makes an inbound link.
func (f *fake) dials() LinkID { return f.linksUp(0) }

// linksUp makes a link: an inbound one, or what an attempt of the machine has
// led to.
func (f *fake) linksUp(attempt AttemptID) LinkID {
	h := f.h
	h.links++
	f.link, f.closed = h.links, false
	up := LinkUp{Link: h.links, Attempt: attempt, Peer: f.id, Address: f.address}
	up.Domains = []wire.DomainRole{{Name: "d", Role: f.role}}
	h.input(func() { h.m.LinkUp(h.now, up) })
	return up.Link
}

// answers makes the link that a dial of the machine asked for.
func (f *fake) answers(dial Effect) LinkID { return f.linksUp(dial.Attempt) }

func (f *fake) says(msg wire.Message) {
	h, link := f.h, f.link
	h.input(func() { h.m.Receive(h.now, link, msg) })
}

// breaks breaks the fake's link without a goodbye.
func (f *fake) breaks() {
	h, link := f.h, f.link
	f.link = 0
	h.input(func() { h.m.LinkDown(h.now, link) })
}

// dies breaks the link and refuses from now on.
func (f *fake) dies() {
	f.h.meets[f.address] = refused
	f.breaks()
}

func refused() met { return met{out: OutRefused, after: time.Millisecond} }

// goesSilent answers nothing any more, while the link stays.
func (f *fake) goesSilent() {
	f.deaf = true
	delete(f.h.meets, f.address)
}

// take returns what the fake was told since the last call.
func (f *fake) take() []wire.Message {
	out := f.said
	f.said = nil
	return out
}

// told returns the messages of one type that the fake was told, and forgets
// all others.
func told[M wire.Message](f *fake) []M {
	var out []M
	for _, msg := range f.take() {
		if m, ok := msg.(M); ok {
			out = append(out, m)
		}
	}
	return out
}

// heardAccusations returns what the fake heard in floods, in verdicts too, as
// "who of reason/withdrawn".
func (f *fake) heardAccusations() []string {
	var out []string
	for _, g := range told[*wire.Gossip](f) {
		list := g.Accusations
		for _, v := range g.Verdicts {
			list = append(slices.Clip(list), v.Accusations...)
		}
		for _, a := range list {
			word := a.Reason.String()
			if !a.Raised {
				word = "withdrawn"
			}
			out = append(out, f.h.name(a.Watcher)+" of "+f.h.name(a.Subject)+" "+word)
		}
	}
	return out
}

func (h *harness) name(id wire.ID) string {
	if id == h.m.self {
		return "a"
	}
	for _, f := range h.fakes {
		if f.id == id {
			return strings.TrimSuffix(f.address, ":1")
		}
	}
	return id.Short()
}

// input performs one input and what follows from it.
func (h *harness) input(f func()) {
	f()
	for _, e := range slices.Clone(h.m.Effects()) {
		h.effect(e)
	}
	require.GreaterOrEqual(h.t, h.m.Next(), h.now, "Next is in the past")
	for len(h.plan) > 0 && h.plan[0].at <= h.now {
		run := h.plan[0].run
		h.plan = h.plan[1:]
		h.input(run)
	}
}

func (h *harness) later(d Time, run func()) {
	h.plan = append(h.plan, planned{h.now + d, run})
	sort.SliceStable(h.plan, func(i, j int) bool { return h.plan[i].at < h.plan[j].at })
}

func (h *harness) on(link LinkID) *fake {
	for _, f := range h.fakes {
		if f.link == link {
			return f
		}
	}
	return nil
}

func (h *harness) effect(e Effect) {
	switch e.Kind {
	case DoDial:
		h.dials = append(h.dials, e)
		h.dialled(e)
	case DoLook:
		h.looks = append(h.looks, e)
		h.looked(e)
	case DoResolve:
		h.asked = append(h.asked, e)
	case DoSend:
		if f := h.on(e.Link); f != nil {
			f.said = append(f.said, e.Message)
		}
	case DoClose:
		if f := h.on(e.Link); f != nil {
			f.closed, f.link = true, 0
		}
	case DoBeat:
		if f := h.on(e.Link); f != nil {
			f.beats = append(f.beats, e.Beat)
			if !f.deaf {
				f.sent++
				b := wire.Beat{Seq: f.sent, Echo: e.Beat.Seq, Digest: e.Beat.Digest}
				h.later(0, func() { h.m.Beat(h.now, e.Link, b) })
			}
		}
	case DoPublish:
		h.publish(e.Change)
	case DoReport:
		h.log = append(h.log, fmt.Sprintf("report %d %s %s", e.Report.Kind, e.Report.Address, e.Report.Text))
	}
}

func (h *harness) meet(address string, timeout Time) met {
	if f := h.meets[address]; f != nil {
		return f()
	}
	return met{out: OutSilent, after: timeout}
}

// dialled answers a dial that meets anything but a fake; a link is made by
// the test itself, or by dialsAnswered.
func (h *harness) dialled(e Effect) {
	got := h.meet(e.Address, e.Timeout)
	if got.out == Answered {
		return
	}
	h.later(got.after, func() { h.m.DialFailed(h.now, e.Attempt, got.out, "the test says so") })
}

func (h *harness) looked(e Effect) {
	got := h.meet(e.Address, e.Timeout)
	h.later(got.after, func() {
		var by wire.ID
		if got.by != nil {
			by = got.by.id
		}
		h.m.LookDone(h.now, e.Attempt, got.out, by, "the test says so")
	})
}

var words = map[EventKind]string{
	Added: "added", Updated: "updated", Suspected: "suspected", Recovered: "recovered", DrainingEvent: "draining",
	LeavingEvent: "leaving", Removed: "removed", IsolatedEvent: "isolated", RejoinedEvent: "rejoined",
}

var causes = map[EventCause]string{
	NoCause: "", CauseJoined: " joined", CauseReturned: " returned", CauseMerged: " merged", CauseLeft: " left",
	CauseCrashed: " crashed", CauseSilent: " silent", CauseReplaced: " replaced", CauseIsolated: " isolated",
}

func (h *harness) publish(c *Change) {
	if c.Domain != "d" {
		return
	}
	require.Equal(h.t, h.number+1, c.Number, "view numbers have no gap")
	h.number = c.Number
	for _, e := range c.Events {
		r := e.Shown.Record
		h.log = append(h.log, words[e.Kind]+" "+strings.TrimSuffix(r.Address, ":1")+causes[e.Cause])
		if e.Kind == Removed {
			delete(h.view, r.ID)
		} else {
			h.view[r.ID] = e.Shown
		}
	}
	require.Contains(h.t, h.view, h.m.self, "a node is in its own view")
}

// advance lets d pass, in which the machine's loop runs when it is due.
func (h *harness) advance(d Time) {
	end := h.now + d
	for range 1_000_000 {
		next := h.m.Next()
		if len(h.plan) > 0 {
			next = min(next, h.plan[0].at)
		}
		if next > end {
			h.now = end
			return
		}
		h.now = max(h.now, next)
		h.input(func() {
			if h.m.Next() <= h.now {
				h.m.Tick(h.now)
			}
		})
	}
	h.t.Fatal("the machine's loop does not come to rest")
}

// stop lets d pass in which the machine's loop does not run.
func (h *harness) stop(d Time) {
	h.now += d
	h.plan = nil
	h.input(func() { h.m.Tick(h.now) })
}

// events returns what has happened since the last call, reports left out.
func (h *harness) events() []string {
	var out []string
	for _, l := range h.log {
		if !strings.HasPrefix(l, "report") {
			out = append(out, l)
		}
	}
	h.log = nil
	return out
}

// reports returns the reports of a kind since the last call.
func (h *harness) reports(k ReportKind) []string {
	var out, rest []string
	prefix := fmt.Sprintf("report %d ", k)
	for _, l := range h.log {
		if text, ok := strings.CutPrefix(l, prefix); ok {
			out = append(out, text)
		} else {
			rest = append(rest, l)
		}
	}
	h.log = rest
	return out
}

// shown returns the addresses in the view of d, sorted.
func (h *harness) shown() string {
	var out []string
	for _, s := range h.view {
		out = append(out, strings.TrimSuffix(s.Record.Address, ":1"))
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}

// quiet forgets what has happened until now.
func (h *harness) quiet() {
	h.log, h.dials, h.looks, h.asked = nil, nil, nil, nil
	for _, f := range h.fakes {
		f.said, f.beats = nil, nil
	}
}

func (h *harness) group() *group { return h.m.group("d") }

// settled is a group of a and these members, 10 s after they came.
func settled(t *testing.T, addresses ...string) (*harness, []*fake) {
	h := newHarness(t)
	var out []*fake
	for _, a := range addresses {
		out = append(out, h.member(a))
	}
	h.advance(10 * time.Second)
	h.quiet()
	return h, out
}

// running is the machine's running time now, also between two inputs.
func (h *harness) running() Time { return h.now - h.m.lost }
