package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// outsider makes a fake whose link shares no domain with the machine.
func outsider(h *harness) *fake {
	f := h.newFake("o:1")
	h.links++
	f.link = h.links
	up := LinkUp{Link: h.links, Peer: f.id, Address: f.address, Domains: []wire.DomainRole{{Name: "other", Role: wire.Member}}}
	h.input(func() { h.m.LinkUp(h.now, up) })
	return f
}

func TestWhoTakesNoPartInADomainHasNoWordInIt(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	o := outsider(h)
	x := h.newFake("x:1")
	for _, msg := range []wire.Message{
		gossip(x.record(1, 1)),
		gossip(f[0].record(1, 2, func(r *wire.Record) { r.State = wire.Left })),
		&wire.Table{Domain: "d", Records: []*wire.Record{x.record(1, 1)}, Last: true},
		&wire.Sync{Domain: "d", Records: []*wire.Record{x.record(1, 1)}},
		&wire.HeldDown{Domain: "d", Incarnation: 1, Cause: wire.CauseSilent},
		&wire.Press{Domain: "d", Subject: f[0].id},
		&wire.LookFor{Domain: "d", Token: 1, Subject: x.id, Address: "x:1"},
	} {
		o.says(msg)
	}
	h.advance(20 * time.Second)
	require.Equal(t, "a b c", h.shown())
	require.Empty(t, h.events())
	require.Empty(t, h.looksAt("x:1"))
	require.EqualValues(t, 1, h.group().me.rec.Incarnation)
}

func TestWhoTakesNoPartInADomainHearsNothingOfIt(t *testing.T) {
	h, f := settled(t, "b:1", "c:1")
	o := outsider(h)
	f[0].says(gossip(f[0].record(1, 2)))
	f[0].dies()
	h.input(func() { h.m.SetProperties(h.now, []wire.Property{{Key: "k", Value: "v"}}) })
	h.advance(time.Second)
	for _, msg := range o.take() {
		switch msg.(type) {
		case *wire.Need, *wire.Goodbye:
		default:
			t.Fatalf("an outsider was told %s", wire.Name(msg))
		}
	}
	// It may begin to take part, and is then told.
	o.says(&wire.Domains{Domains: []wire.DomainRole{{Name: "d", Role: wire.Member}}})
	o.joins()
	o.take()
	f[1].says(gossip(f[1].record(1, 2)))
	h.advance(gossipRest)
	require.NotEmpty(t, told[*wire.Gossip](o))
}

func TestMessagesOverALinkThatIsGoneAreIgnored(t *testing.T) {
	h, f := settled(t, "b:1")
	gone := f[0].link
	f[0].breaks()
	h.quiet()
	h.input(func() { h.m.Receive(h.now, gone, &wire.HeldDown{Domain: "d", Incarnation: 1, Cause: wire.CauseSilent}) })
	h.input(func() { h.m.Beat(h.now, gone, wire.Beat{Seq: 99, Echo: 1}) })
	h.input(func() { h.m.LinkDown(h.now, gone) })
	require.Empty(t, h.dials)
	require.False(t, h.group().back.held)
}
