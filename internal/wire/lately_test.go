package wire

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func gossipPayload(t testing.TB, g *Gossip) []byte {
	t.Helper()
	var e Encoder
	Encode(&e, g)
	return append([]byte(nil), e.Bytes()...)
}

// What comes over several links is decoded once, and is one in memory.
func TestWhatCameLatelyIsTheSame(t *testing.T) {
	record, word := sampleRecord(1), sampleAccusation(1)
	payload := gossipPayload(t, &Gossip{Domain: record.Domain, Records: []*Record{record}, Accusations: []*Accusation{word},
		Verdicts: []Verdict{{Subject: word.Subject, Incarnation: word.Incarnation, Held: true, Accusations: []*Accusation{word}}}})
	var lately Lately
	first, err := lately.Decode(payload)
	require.NoError(t, err)
	plain, err := Decode(payload)
	require.NoError(t, err)
	require.Equal(t, plain, first)
	again, err := lately.Decode(append([]byte(nil), payload...))
	require.NoError(t, err)
	require.Equal(t, plain, again)
	a, b := first.(*Gossip), again.(*Gossip)
	require.Same(t, a.Records[0], b.Records[0])
	require.Same(t, a.Accusations[0], b.Accusations[0])
	require.Same(t, a.Accusations[0], b.Verdicts[0].Accusations[0])
	clear(payload)
	require.Equal(t, record.Body, a.Records[0].Body, "it shares nothing with the frame")
}

// Only the same bytes are the same: a body with another signature, or another
// body in the place of one, is looked at for itself.
func TestWhatDiffersInAByteIsNotTheSame(t *testing.T) {
	record, word := sampleRecord(1), sampleAccusation(1)
	var lately Lately
	decode := func(r *Record, a *Accusation) *Gossip {
		m, err := lately.Decode(gossipPayload(t, &Gossip{Domain: r.Domain, Records: []*Record{r}, Accusations: []*Accusation{a}}))
		require.NoError(t, err)
		return m.(*Gossip)
	}
	first := decode(record, word)
	forged, lied := *record, *word
	forged.Sig[63] ^= 1 // the same place
	lied.Sig[63] ^= 1
	got := decode(&forged, &lied)
	require.NotSame(t, first.Records[0], got.Records[0])
	require.Equal(t, forged.Sig, got.Records[0].Sig)
	require.Equal(t, lied.Sig, got.Accusations[0].Sig)

	other, otherWord := sampleRecord(1), sampleAccusation(1)
	other.Version++
	other.Seal(signer(1))
	otherWord.Seq++
	otherWord.Seal(signer(1))
	other.Sig, otherWord.Sig = forged.Sig, lied.Sig
	got = decode(other, otherWord)
	require.Equal(t, other.Version, got.Records[0].Version)
	require.Equal(t, otherWord.Seq, got.Accusations[0].Seq)
}

// A first record and the same body with a signature are records of two IDs.
func TestAFirstRecordIsNotTheSameWithASignature(t *testing.T) {
	first := sampleFirst(1)
	signed := *first
	signed.First = false // with a signature of zeros
	var lately Lately
	for _, r := range []*Record{first, &signed, first} {
		m, err := lately.Decode(gossipPayload(t, &Gossip{Domain: r.Domain, Records: []*Record{r}}))
		require.NoError(t, err)
		got := m.(*Gossip).Records[0]
		require.Equal(t, r.First, got.First)
		require.Equal(t, r.First, got.ID == first.ID)
	}
}

// What is large is not kept: there are 512 places.
func TestLargeRecordsAreNotRemembered(t *testing.T) {
	large := sampleRecord(1)
	large.Properties = []Property{{Key: "k", Value: strings.Repeat("x", latelyBody)}}
	large.Seal(signer(1))
	payload := gossipPayload(t, &Gossip{Domain: large.Domain, Records: []*Record{large}})
	var lately Lately
	for range 2 {
		_, err := lately.Decode(payload)
		require.NoError(t, err)
	}
	require.Empty(t, lately.records.at)
}

// Links are read side by side.
func TestLinksMayDecodeAtOnce(t *testing.T) {
	record, word := sampleRecord(1), sampleAccusation(1)
	payload := gossipPayload(t, &Gossip{Domain: record.Domain, Records: []*Record{record}, Accusations: []*Accusation{word}})
	var lately Lately
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 100 {
				if _, err := lately.Decode(payload); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Wait()
}

// Malformed bytes are refused with and without a memory.
func TestAMemoryForgivesNothing(t *testing.T) {
	record := sampleRecord(1)
	payload := gossipPayload(t, &Gossip{Domain: record.Domain, Records: []*Record{record}})
	var lately Lately
	_, err := lately.Decode(payload)
	require.NoError(t, err)
	for i := range payload {
		cut := payload[:i]
		_, plain := Decode(cut)
		_, err := lately.Decode(cut)
		require.Equal(t, plain, err, "%d bytes", i)
	}
	_, err = lately.Decode(gossipPayload(t, &Gossip{Domain: "another", Records: []*Record{record}}))
	require.ErrorIs(t, err, ErrMalformed, "a record of one domain in a message of another")
}
