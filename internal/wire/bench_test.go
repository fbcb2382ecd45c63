package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A thousand links beat twice a second each: none of it may become garbage.
func TestABeatCostsNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var e Encoder
	var d Decoder
	sampleBeat.Encode(&e)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		e.Reset()
		sampleBeat.Encode(&e)
	}), "to encode")
	payload := e.Bytes()
	require.LessOrEqual(t, len(payload), 40, "bytes of a beat")
	_, _, _ = DecodeBeat(&d, payload)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if b, ok, err := DecodeBeat(&d, payload); b != sampleBeat || !ok || err != nil {
			t.Error(b, ok, err)
		}
	}), "to decode")
}

// tenRecords is a flood as a join or a rolling restart makes it.
func tenRecords() *Gossip {
	g := &Gossip{Domain: "orders"}
	for i := range byte(10) {
		g.Records = append(g.Records, sampleRecord(i))
	}
	return g
}

func BenchmarkEncode(b *testing.B) {
	b.Run("beat", func(b *testing.B) {
		var e Encoder
		b.ReportAllocs()
		for b.Loop() {
			e.Reset()
			sampleBeat.Encode(&e)
		}
	})
	b.Run("gossip of 10 records", func(b *testing.B) {
		var e Encoder
		m := tenRecords()
		b.ReportAllocs()
		for b.Loop() {
			e.Reset()
			Encode(&e, m)
		}
		b.SetBytes(int64(len(e.Bytes())))
	})
}

func BenchmarkDecode(b *testing.B) {
	b.Run("beat", func(b *testing.B) {
		var e Encoder
		var d Decoder
		sampleBeat.Encode(&e)
		b.ReportAllocs()
		for b.Loop() {
			_, _, _ = DecodeBeat(&d, e.Bytes())
		}
	})
	for name, m := range map[string]Message{
		"record":               &Join{Domain: "orders", Record: sampleRecord(1)},
		"gossip of 10 records": tenRecords(),
	} {
		b.Run(name, func(b *testing.B) {
			payload := encoded(m)
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A group of which many members are lost checks a signature for each word.
func TestCheckingASignatureCostsNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates; the test counts that, and runs without it")
	}
	r := sampleRecord(1)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if !r.Verify(Ed25519Verify) {
			t.Error("not accepted")
		}
	}))
}

// BenchmarkVerify is what a record or an accusation costs at first sight.
func BenchmarkVerify(b *testing.B) {
	r := sampleRecord(1)
	for b.Loop() {
		r.Verify(Ed25519Verify)
	}
}
