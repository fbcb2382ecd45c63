package wire

import (
	"encoding/hex"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// body encodes a record's body with the fields of a sound one, changed or
// added to by pairs; a nil value leaves the field out.
func body(pairs ...any) raw {
	key := signer(1).PublicKey()
	list := []any{recKey, key[:], recDomain, "d", recRole, int(Member), recState, int(Alive), recAddress, "a:1"}
	return changed(list, pairs)
}

// accBody is body for accusations.
func accBody(pairs ...any) raw {
	key, subject := signer(1).PublicKey(), idOf(9)
	return changed([]any{accKey, key[:], accDomain, "d", accSubject, subject[:], accReason, int(Silent)}, pairs)
}

func changed(list, pairs []any) raw {
	for i := 0; i < len(pairs); i += 2 {
		at := -1
		for j := 0; j < len(list); j += 2 {
			if list[j] == pairs[i] {
				at = j
			}
		}
		switch {
		case at < 0:
			list = append(list, pairs[i], pairs[i+1])
		case pairs[i+1] == nil:
			list = slices.Delete(list, at, at+2)
		default:
			list[at+1] = pairs[i+1]
		}
	}
	return mapOf(list...)
}

// signedAs wraps a body and a signature of zeros, as they stand in lists.
func signedAs(b raw) []any { return []any{[]byte(b), make([]byte, 64)} }

// readRecord decodes one record in a table, readAccusation one in a gossip.
func readRecord(b raw) (*Record, error) {
	m, err := Decode(fieldsOf(KindTable, 1, "d", 2, []any{signedAs(b)}))
	if err != nil {
		return nil, err
	}
	return m.(*Table).Records[0], nil
}

func readAccusation(b raw) (*Accusation, error) {
	m, err := Decode(fieldsOf(KindGossip, 1, "d", 3, []any{signedAs(b)}))
	if err != nil {
		return nil, err
	}
	return m.(*Gossip).Accusations[0], nil
}

func TestBodiesWithTheRequiredFieldsAloneAreSound(t *testing.T) {
	r, err := readRecord(body())
	require.NoError(t, err)
	unborn := IDOf(signer(1).PublicKey(), Birth{})
	want := &Record{
		ID: unborn, Key: signer(1).PublicKey(), Domain: "d", Role: Member, State: Alive, Address: "a:1",
		Body: body(), Places: unborn.Places(), Hash: r.Hash,
	}
	require.Equal(t, want, r)
	a, err := readAccusation(accBody())
	require.NoError(t, err)
	require.Equal(t, &Accusation{
		Watcher: unborn, Key: signer(1).PublicKey(), Domain: "d", Subject: idOf(9), Reason: Silent, Body: accBody(),
	}, a)
}

func TestUnsoundRecordsAreRefused(t *testing.T) {
	pairs := func(kv ...any) raw { return mapOf(kv...) }
	for says, b := range map[string]raw{
		"no key":                        body(recKey, nil),
		"key of 31 bytes":               body(recKey, make([]byte, 31)),
		"33 bytes, at most 32":          body(recKey, make([]byte, 33)),
		"no domain":                     body(recDomain, nil),
		"no address":                    body(recAddress, ""),
		"role 0":                        body(recRole, nil),
		"role 3":                        body(recRole, 3),
		"number 257 over 8 bits":        body(recRole, 257),
		"state 0":                       body(recState, 0),
		"state 5":                       body(recState, 5),
		"number 258 over 8 bits":        body(recState, 258),
		"number 4294967296 over 32":     body(recIncarnation, uint64(1<<32)),
		"number 4294967297 over 32":     body(recVersion, uint64(1<<32+1)),
		"field 2 comes twice":           mapOf(recDomain, "d", recDomain, "e"),
		"properties not sorted":         body(recProperties, pairs("b", "1", "a", "2")),
		"not sorted by key":             body(recProperties, pairs("a", "1", "a", "2")),
		"0xc0 at offset":                body(recName, raw{0xc0}),
		"not valid UTF-8":               body(recSubDomain, raw{0xa1, 0xff}),
		"where an array was expected":   body(recFollows, "d"),
		"where a map was expected":      body(recProperties, []any{}),
		"where a string was expected":   body(recFollows, []any{nil}),
		"bytes left over":               append(body(), 0),
		"ends where a map was expected": {},
		"record of domain":              body(recDomain, "e"),
	} {
		r, err := readRecord(b)
		require.ErrorIs(t, err, ErrMalformed, says)
		require.ErrorContains(t, err, says)
		require.Nil(t, r)
	}
}

func TestUnsoundAccusationsAreRefused(t *testing.T) {
	for says, b := range map[string]raw{
		"without a key":             accBody(accKey, nil),
		"key of 0 bytes":            accBody(accKey, []byte{}),
		`in domain ""`:              accBody(accDomain, nil),
		"reason 0":                  accBody(accReason, nil),
		"reason 4":                  accBody(accReason, int(Replaced)+1),
		"number 256 over 8 bits":    accBody(accReason, 256),
		"ID of 15 bytes":            accBody(accSubject, make([]byte, 15)),
		"17 bytes, at most 16":      accBody(accSubject, make([]byte, 17)),
		"a boolean was expected":    accBody(accRaised, 1),
		"number 4294967296 over 32": accBody(accIncarnation, uint64(1<<32)),
		"field 7 comes twice":       mapOf(accSeq, 1, accSeq, 2),
		"bytes left over":           append(accBody(), 0),
		"accusation of domain":      accBody(accDomain, "e"),
	} {
		a, err := readAccusation(b)
		require.ErrorIs(t, err, ErrMalformed, says)
		require.ErrorContains(t, err, says)
		require.Nil(t, a)
	}
}

// A relay of an older version must not break what a newer one has signed.
func TestUnknownFieldsOfSignedBodiesSurviveRelaying(t *testing.T) {
	s := signer(1)
	r, a := sampleRecord(1), sampleAccusation(1)
	r.Birth = Birth{} // so that the header has room
	r.Seal(s)
	r.Body = addUnknown(t, r.Body)
	r.Sig = s.Sign(signed(recordContext, r.Body))
	a.Body = addUnknown(t, a.Body)
	a.Sig = s.Sign(signed(accusationContext, a.Body))

	sent := &Gossip{
		Domain: "orders", Records: []*Record{r}, Accusations: []*Accusation{a},
		Verdicts: []Verdict{{idOf(9), 4, false, []*Accusation{a}}},
	}
	first, err := Decode(encoded(sent))
	require.NoError(t, err)
	require.Equal(t, sent, first, "the known fields are read as if the others were not there")
	second, err := Decode(encoded(first))
	require.NoError(t, err)
	require.Equal(t, sent, second, "and a relay passes on every byte")
	require.True(t, second.(*Gossip).Records[0].Verify(Ed25519Verify))
	require.True(t, second.(*Gossip).Verdicts[0].Accusations[0].Verify(Ed25519Verify))
}

func TestOnlyWhatItsWriterSignedIsVerified(t *testing.T) {
	r, a := sampleRecord(1), sampleAccusation(1)
	require.True(t, r.Verify(Ed25519Verify))
	require.True(t, a.Verify(Ed25519Verify))
	require.Equal(t, r.Sig, sampleRecord(1).Sig, "signing is deterministic")

	flip := func(b []byte, i int, still func() bool) {
		b[i] ^= 1
		require.False(t, still(), "byte %d changed", i)
		b[i] ^= 1
	}
	for i := range r.Body {
		flip(r.Body, i, func() bool { return r.Verify(Ed25519Verify) })
	}
	for i := range a.Body {
		flip(a.Body, i, func() bool { return a.Verify(Ed25519Verify) })
	}
	for i := range r.Sig {
		flip(r.Sig[:], i, func() bool { return r.Verify(Ed25519Verify) })
		flip(a.Sig[:], i, func() bool { return a.Verify(Ed25519Verify) })
	}
	flip(r.Key[:], 0, func() bool { return r.Verify(Ed25519Verify) })

	r.Sig = signer(2).Sign(signed(recordContext, r.Body))
	require.False(t, r.Verify(Ed25519Verify), "signed by somebody else")
}

func TestASignatureOfOneSortIsNoneOfAnother(t *testing.T) {
	s := signer(1)
	// One body that both decoders take as sound, with the fields of both.
	b := sampleRecord(1).Body
	r := &Record{Key: s.PublicKey(), Body: b, Sig: s.Sign(signed(recordContext, b))}
	a := &Accusation{Key: s.PublicKey(), Body: b, Sig: r.Sig}
	require.True(t, r.Verify(Ed25519Verify))
	require.False(t, a.Verify(Ed25519Verify), "a record's signature on an accusation")

	a.Sig = s.Sign(signed(accusationContext, b))
	r.Sig = a.Sig
	require.True(t, a.Verify(Ed25519Verify))
	require.False(t, r.Verify(Ed25519Verify), "an accusation's signature on a record")

	a.Sig = s.Sign(b)
	require.False(t, a.Verify(Ed25519Verify), "a signature without context")
	// Neither context begins with the other, so no body can bridge them.
	require.False(t, strings.HasPrefix(recordContext, accusationContext) || strings.HasPrefix(accusationContext, recordContext))
}

// A first record has no signature and needs none: with any other byte it is no
// sound record, or that of another ID.
func TestAFirstRecordBelongsToItsIDAlone(t *testing.T) {
	r := sampleFirst(1)
	require.True(t, r.Verify(func(PublicKey, string, []byte, Signature) bool { return false }))
	require.Equal(t, IDOf(r.Key, r.Birth), r.ID)
	require.NotEqual(t, IDOf(r.Key, Birth{}), r.ID)
	got, err := Decode(encoded(&Join{Domain: "orders", Record: r}))
	require.NoError(t, err)
	require.Equal(t, r, got.(*Join).Record)

	again := *r
	again.Seal(signer(1))
	again.SealFirst(r.Key)
	require.Equal(t, r, &again, "nothing is left of a signature")

	sound := 0
	for i := range r.Body {
		for _, bit := range []byte{1, 0x80} {
			changed := *r
			changed.Body = slices.Clone(r.Body)
			changed.Body[i] ^= bit
			if got, err := Decode(encoded(&Table{Domain: "orders", Records: []*Record{&changed}})); err == nil {
				sound++
				require.NotEqual(t, r.ID, got.(*Table).Records[0].ID, "byte %d changed", i)
			}
		}
	}
	require.Greater(t, sound, len(r.Key), "of other IDs, with another key at least")
}

// A relay of an older version must not make another ID of a newer one's record.
func TestUnknownFieldsOfAFirstRecordSurviveRelaying(t *testing.T) {
	r := sampleFirst(1)
	r.Body = addUnknown(t, r.Body)
	r.derive()
	sent := &Table{Domain: "orders", Records: []*Record{r}}
	first, err := Decode(encoded(sent))
	require.NoError(t, err)
	require.Equal(t, sent, first)
	second, err := Decode(encoded(first))
	require.NoError(t, err)
	require.Equal(t, sent, second)
}

// The example in docs/protocol.md is right.
func TestTheExampleOfAFirstRecord(t *testing.T) {
	text, err := os.ReadFile("../../docs/protocol.md")
	require.NoError(t, err)
	page := strings.Join(strings.Fields(string(text)), "")
	key := signer(7).PublicKey()
	r := &Record{Domain: "d", Role: Member, Name: "n", Address: "127.0.0.1:4100"}
	r.SealFirst(key)
	for name, b := range map[string][]byte{"body": r.Body, "birth": r.Birth[:], "ID": r.ID[:]} {
		require.Contains(t, page, name+hex.EncodeToString(b))
	}
	unborn := IDOf(key, Birth{})
	require.Contains(t, page, "ID"+hex.EncodeToString(unborn[:]))
}

// What comes later, or of another domain, is signed, and says what its ID is made
// of beside the key.
func TestLaterRecordsAndAccusationsKeepTheID(t *testing.T) {
	first := sampleFirst(1)
	later := *first
	later.Version++
	later.Seal(signer(1))
	require.False(t, later.First)
	require.Equal(t, first.ID, later.ID)
	require.Equal(t, first.Birth, later.Birth)
	got, err := Decode(encoded(&Join{Domain: "orders", Record: &later}))
	require.NoError(t, err)
	require.Equal(t, &later, got.(*Join).Record)
	require.True(t, later.Verify(Ed25519Verify))
	forged := later
	forged.Seal(signer(2))
	require.NotEqual(t, first.ID, forged.ID, "another's key makes another ID of the same birth")

	a := &Accusation{Domain: "orders", Subject: idOf(9), Raised: true, Reason: Silent, Birth: first.Birth}
	a.Seal(signer(1))
	require.Equal(t, first.ID, a.Watcher)
	m, err := Decode(encoded(&Gossip{Domain: "orders", Accusations: []*Accusation{a}}))
	require.NoError(t, err)
	require.Equal(t, a, m.(*Gossip).Accusations[0])
}

func TestOnlyFirstRecordsGoUnsigned(t *testing.T) {
	unsigned := func(b raw) []any { return []any{[]byte(b), []byte{}} }
	read := func(b raw) error {
		_, err := Decode(fieldsOf(KindTable, 1, "d", 2, []any{unsigned(b)}))
		return err
	}
	numbers := []any{recIncarnation, 1, recVersion, 1}
	first := func(pairs ...any) raw { return body(append(slices.Clone(numbers), pairs...)...) }
	require.NoError(t, read(first()))
	born := birth(3)
	for name, b := range map[string]raw{
		"no numbers":          body(),
		"another incarnation": first(recIncarnation, 2),
		"another version":     first(recVersion, 2),
		"draining":            first(recState, int(Draining)),
		"a manager":           first(recRole, int(Manager)),
		"left":                first(recState, int(Left)),
		"a birth in itself":   first(recBirth, born[:]),
	} {
		err := read(b)
		require.ErrorIs(t, err, ErrMalformed, name)
		require.ErrorContains(t, err, "no signature, and not a first record", name)
	}
	_, err := Decode(fieldsOf(KindGossip, 1, "d", 3, []any{unsigned(accBody())}))
	require.ErrorIs(t, err, ErrMalformed)
	require.ErrorContains(t, err, "without a signature")
	for _, n := range []int{1, 63} {
		_, err = Decode(fieldsOf(KindTable, 1, "d", 2, []any{[]any{[]byte(first()), make([]byte, n)}}))
		require.ErrorContains(t, err, "signature of", "%d bytes", n)
	}
	for _, b := range [][]byte{make([]byte, 31), make([]byte, 32)} {
		_, err = readRecord(body(recBirth, b))
		require.ErrorContains(t, err, "birth of", "%d bytes, or zero", len(b))
		_, err = readAccusation(accBody(accBirth, b))
		require.ErrorContains(t, err, "birth of", "%d bytes, or zero", len(b))
	}
	r, err := readRecord(body(recBirth, born[:]))
	require.NoError(t, err)
	require.Equal(t, IDOf(signer(1).PublicKey(), born), r.ID)
}

func TestSealDerivesWhatADecoderDerives(t *testing.T) {
	r := sampleRecord(1)
	got, err := Decode(encoded(&Join{Domain: "orders", Record: r}))
	require.NoError(t, err)
	require.Equal(t, r, got.(*Join).Record)

	again := *r
	again.Key, again.Places, again.Hash, again.ID = PublicKey{}, [Rings]uint64{}, 0, ID{}
	again.Seal(signer(1))
	require.Equal(t, r, &again)
}

func TestNewerOrdersByIncarnationThenVersion(t *testing.T) {
	ordered := []Record{
		{}, {Version: 1}, {Version: math.MaxUint32},
		{Incarnation: 1}, {Incarnation: 1, Version: 7},
		{Incarnation: math.MaxUint32}, {Incarnation: math.MaxUint32, Version: math.MaxUint32},
	}
	for i := range ordered {
		for j := range ordered {
			require.Equal(t, i > j, ordered[i].Newer(&ordered[j]), "%d and %d", i, j)
		}
	}
}

// Digests are sums of hashes: what tells two records apart must change it.
func TestHashDependsOnIDIncarnationAndVersion(t *testing.T) {
	seen := map[uint64]bool{}
	sums := map[uint64]bool{}
	var sum uint64
	for seed := range byte(20) {
		for inc := range uint32(20) {
			for version := range uint32(20) {
				r := Record{Key: signer(seed).PublicKey(), Incarnation: inc, Version: version, Name: "x"}
				r.derive()
				h := r.Hash
				require.False(t, seen[h], "two records with one hash")
				seen[h] = true
				sum += h
				require.False(t, sums[sum], "two sets with one digest")
				sums[sum] = true

				r.Name = "y"
				r.derive()
				require.Equal(t, h, r.Hash, "whatever else changes comes with a new version")
			}
		}
	}
	// A change of this value would set the digests of two versions against each other.
	a := Record{Incarnation: 1, Version: 2}
	b := Record{Incarnation: 2, Version: 1}
	a.derive()
	b.derive()
	require.Equal(t, uint64(0x22dc1d8526ec4149), a.Hash)
	require.NotEqual(t, a.Hash, b.Hash)
}

func TestPlacesAreSpreadAndTheSameEverywhere(t *testing.T) {
	// A change of these values would give two versions different rings.
	require.Equal(t, [Rings]uint64{0xd5ee20514cc9d041, 0x945447430215b70d, 0x4514c75dec472242, 0xfc39fc7578f478af}, ID{}.Places())
	require.Equal(t, idOf(1).Places(), idOf(1).Places())
	require.NotEqual(t, AddressPlaces("a:1"), AddressPlaces("a:2"))
	id := idOf(1)
	require.Equal(t, id.Places(), AddressPlaces(string(id[:])), "one hash for both")

	var quarter [Rings][4]int
	const n = 1000
	for i := range n {
		p := IDOf(PublicKey{byte(i), byte(i >> 8)}, Birth{}).Places()
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(p[:]))), Rings, "a place of its own in each ring")
		for r, at := range p {
			quarter[r][at>>62]++
		}
	}
	for r := range quarter {
		for _, k := range quarter[r] {
			require.InDelta(t, n/4, k, 60, "ring %d", r)
		}
	}
}

func TestIDsAreOrderedByTheirBytes(t *testing.T) {
	a, b := ID{1}, ID{1, 15: 1}
	require.Equal(t, -1, a.Compare(b))
	require.Equal(t, 1, b.Compare(a))
	require.Zero(t, a.Compare(a))
	require.True(t, ID{}.IsZero())
	require.False(t, b.IsZero())
	require.NotEqual(t, idOf(1), idOf(2))
}
