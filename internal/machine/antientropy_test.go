package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// differing makes a peer whose digest is not the machine's.
func differing(t *testing.T, lower bool) (*harness, *fake) {
	h := newHarness(t)
	f := h.order("b:1", lower)
	f.dials()
	f.joins()
	h.advance(10 * time.Second)
	h.quiet()
	return h, f
}

// beat has the fake send a heartbeat of its own.
func (f *fake) beat(digest uint64) {
	h, link := f.h, f.link
	f.sent++
	b := wire.Beat{Seq: f.sent, Digest: digest}
	if n := len(f.beats); n > 0 {
		b.Echo = f.beats[n-1].Seq
	}
	h.input(func() { h.m.Beat(h.now, link, b) })
}

func TestTheLowerIDAsksWhenDigestsDifferOnTwoBeats(t *testing.T) {
	_, f := differing(t, false)
	f.beat(42)
	require.Empty(t, told[*wire.Digests](f), "something may be under way")
	f.beat(42)
	got := told[*wire.Digests](f)
	require.Len(t, got, 1)
	require.Equal(t, []wire.DomainDigest{{Domain: "d", Digest: f.h.group().digest}}, got[0].Digests)
	for range 10 {
		f.beat(42)
	}
	require.Empty(t, told[*wire.Digests](f), "not again for a while")

	_, f = differing(t, true)
	f.beat(42)
	f.beat(42)
	require.Empty(t, told[*wire.Digests](f), "the lower ID asks, and that is the peer")
	f.beat(42)
	f.beat(42)
	require.NotEmpty(t, told[*wire.Digests](f), "unless it does not")
}

func TestEqualDigestsStartTheCountAnew(t *testing.T) {
	h, f := differing(t, false)
	for range 10 {
		f.beat(42)
		f.beat(h.m.link(f.link).digest())
	}
	require.Empty(t, told[*wire.Digests](f))
}

func TestOnlyADomainThatDiffersIsAnsweredWithBuckets(t *testing.T) {
	h, f := differing(t, false)
	g := h.group()
	f.says(&wire.Digests{Digests: []wire.DomainDigest{{Domain: "d", Digest: g.digest}, {Domain: "other", Digest: 1}}})
	require.Empty(t, told[*wire.Buckets](f))
	f.says(&wire.Digests{Digests: []wire.DomainDigest{{Domain: "d", Digest: g.digest + 1}}})
	got := told[*wire.Buckets](f)
	require.Len(t, got, 1)
	sum := uint64(0)
	for _, s := range got[0].Sums {
		sum += s
	}
	require.Equal(t, g.digest, sum, "the buckets add up to the digest")
}

func TestOnlyRecordsOfDifferingBucketsAreSent(t *testing.T) {
	h, f := differing(t, false)
	g := h.group()
	for i := range 60 {
		x := &fake{h: h, signer: testSigner{testKey(fmt.Sprint("ae", i))}, address: fmt.Sprintf("x%d:1", i), role: wire.Member}
		f.says(gossip(x.record(1, 1)))
	}
	f.take()
	theirs := g.buckets()
	f.says(&wire.Buckets{Domain: "d", Sums: theirs})
	require.Empty(t, f.take(), "nothing differs")
	wanted := g.rings.all()[7].rec.ID[0]
	theirs[wanted]++
	f.says(&wire.Buckets{Domain: "d", Sums: theirs})
	got := told[*wire.Sync](f)
	require.Len(t, got, 1)
	require.True(t, got[0].Answer && got[0].Last)
	n := 0
	for _, x := range g.rings.all() {
		if x.rec.ID[0] == wanted {
			n++
		}
	}
	require.Len(t, got[0].Records, n)
	for _, r := range got[0].Records {
		require.Equal(t, wanted, r.ID[0])
	}
}

func TestTwoMachinesFindWhatTheOtherHasMissed(t *testing.T) {
	h, f := differing(t, false)
	x, y := h.newFake("x:1"), h.newFake("y:1")
	f.says(gossip(x.record(1, 1)))
	h.quiet()
	var differ [wire.BucketCount / 8]byte
	for i := range differ {
		differ[i] = 0xff
	}
	f.says(&wire.Sync{Domain: "d", Differ: differ, Records: []*wire.Record{y.record(1, 1)}, Answer: true})
	got := told[*wire.Sync](f)
	require.Len(t, got, 1)
	require.False(t, got[0].Answer, "an answer asks for none, or it would never end")
	var has []wire.ID
	for _, r := range got[0].Records {
		has = append(has, r.ID)
	}
	require.Contains(t, has, x.id)
	require.NotContains(t, has, y.id, "not what has just come")
	h.advance(time.Second)
	require.Equal(t, "a b x y", h.shown())
}
