package wire

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The samples hold one message of each kind with every field set, and no two
// fields of one message alike, so that a codec that forgets a field or swaps
// two cannot return what went in.

// signer returns a signer whose key is made of one byte, the same every time.
func signer(seed byte) Ed25519Signer {
	return Ed25519Signer{Key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))}
}

func birth(seed byte) Birth { return Birth(bytes.Repeat([]byte{seed}, len(Birth{}))) }

func idOf(seed byte) ID { return IDOf(signer(seed).PublicKey(), birth(seed)) }

// sampleRecord returns a signed record with every field set.
func sampleRecord(seed byte) *Record {
	r := &Record{
		Domain: "orders", Incarnation: 3, Version: 70000 + uint32(seed), Role: Manager, State: Draining,
		Name: "node-1", Address: "10.0.0.1:4100", SubDomain: "worker",
		Properties: []Property{{"http", "10.0.0.1:8080"}, {"zone", "é"}},
		Follows:    []string{"orders", "parts"}, Birth: birth(seed),
	}
	r.Seal(signer(seed))
	return r
}

// sampleFirst returns a first record with every field set.
func sampleFirst(seed byte) *Record {
	r := &Record{
		Domain: "orders", Role: Member, Name: "node-1", Address: "10.0.0.1:4100", SubDomain: "worker",
		Properties: []Property{{"http", "10.0.0.1:8080"}}, Follows: []string{"parts"},
	}
	r.SealFirst(signer(seed).PublicKey())
	return r
}

// sampleAccusation returns a signed accusation with every field set.
func sampleAccusation(seed byte) *Accusation {
	a := &Accusation{
		Domain: "orders", Subject: idOf(9), Incarnation: 4, Raised: true, Reason: Refused, Seq: 1<<40 + uint64(seed),
		Birth: birth(seed),
	}
	a.Seal(signer(seed))
	return a
}

func sampleDepartures() []Departure {
	return []Departure{{idOf(5), 6, CauseCrashed, "10.0.0.5:4100"}, {idOf(7), 8, CauseLeft, "10.0.0.7:4100"}}
}

// samples returns one message of each kind but the beat.
func samples() []Message {
	buckets := &Buckets{Domain: "orders"}
	for i := range buckets.Sums {
		buckets.Sums[i] = uint64(i+1) * 0x0001_0203_0405_0607
	}
	return []Message{
		&Goodbye{Parting: Departing},
		&Need{Needed: true},
		&Domains{Domains: []DomainRole{{"orders", Member}, {"parts", Manager}}},
		&Digests{Digests: []DomainDigest{{"orders", 1 << 60}, {"parts", 7}}},
		&Join{Domain: "orders", Record: sampleRecord(1)},
		&Refuse{Domain: "orders", Code: Unreachable, Text: "no answer", Others: []string{"10.0.0.2:4100", "10.0.0.3:4100"}, Again: 250},
		&Table{Domain: "orders", Records: []*Record{sampleRecord(1), sampleFirst(2)}, Departures: sampleDepartures(), Last: true},
		&Gossip{
			Domain: "orders", Records: []*Record{sampleRecord(1)}, Accusations: []*Accusation{sampleAccusation(2)},
			Verdicts: []Verdict{{idOf(9), 4, true, []*Accusation{sampleAccusation(3), sampleAccusation(4)}}},
		},
		&HeldDown{Domain: "orders", Incarnation: 5, Cause: CauseReplaced},
		buckets,
		&Sync{
			Domain: "orders", Differ: [32]byte{0: 1, 9: 0x80, 31: 0xff}, Records: []*Record{sampleRecord(3)},
			Departures: sampleDepartures(), Answer: true, Last: true,
		},
		&LookFor{Domain: "orders", Token: 1 << 63, Subject: idOf(1), Address: "10.0.0.1:4100"},
		&Looked{Domain: "orders", Token: 2, Subject: idOf(2), Incarnation: 3, Answers: true, Text: "dial: refused"},
		&Confirm{Domain: "orders", Subject: idOf(3), Incarnation: 4, Version: 1 << 31},
		&Press{Domain: "orders", Subject: idOf(4)},
		&AskView{Domain: "orders", Known: 1 << 40, From: 512},
		&Seen{Domain: "orders", Number: 1 << 41, Total: 3, Isolated: true, Same: true, Members: []SeenMember{sampleSeen(1), sampleSeen(2)}},
		&AskWhy{Domain: "orders", Who: "10.0.0.1:4100"},
		sampleWhy(),
		&AskDial{Address: "10.0.0.1:4100"},
		&Dialed{Failure: 5, Code: 4, ID: idOf(5), Took: time.Millisecond, Text: "no link"},
		&Unanswered{Code: AnswerBusy, Text: "later"},
	}
}

func sampleSeen(seed byte) SeenMember {
	return SeenMember{
		ID: idOf(seed), Name: "node-1", Address: "10.0.0.1:4100", SubDomain: "worker", State: 2, Incarnation: 3,
		Version: 70000 + uint32(seed), Marks: MarkUnreachable | MarkManager, Properties: []Property{{"zone", "é"}},
	}
}

func sampleWhy() *Why {
	words := []OtherWord{{idOf(3), "10.0.0.3:4100", 5}, {idOf(4), "10.0.0.4:4100", 6}}
	return &Why{
		Domain: "orders", Member: sampleSeen(1), Present: true, Watched: true, Linked: true, Heard: time.Second,
		RoundTrip: time.Millisecond, Unreachable: 6, Watchers: []WatcherWord{{idOf(2), "10.0.0.2:4100", true, 2, 5}}, Others: words,
		Removal:     &RemovalWord{Cause: 5, Age: time.Minute, Incarnation: 4, Hearsay: true, Evidence: words[1:]},
		Transitions: []TransitionWord{{time.Hour, 1, 2, 3, 1 << 33}},
	}
}

var sampleBeat = Beat{Seq: 1, Echo: 200, Digest: 1<<64 - 3}

func encoded(m Message) []byte {
	var e Encoder
	Encode(&e, m)
	return e.Bytes()
}

// wantNoZero fails for every field below v that is not set.
func wantNoZero(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	require.False(t, v.IsZero(), "%s is not set in the sample", path)
	switch v.Kind() {
	case reflect.Pointer:
		wantNoZero(t, path, v.Elem())
	case reflect.Struct:
		first := v.FieldByName("First")
		for i := range v.NumField() {
			switch name := v.Type().Field(i).Name; {
			case first.IsValid() && (name == "First" || name == "Sig" && first.Bool()):
				continue // one of both
			}
			wantNoZero(t, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice:
		require.NotZero(t, v.Len(), "%s is empty in the sample", path)
		for i := range v.Len() {
			if v.Type().Elem().Kind() != reflect.Uint8 {
				wantNoZero(t, path, v.Index(i))
			}
		}
	}
}

func TestThereAreSamplesOfBothSortsOfRecords(t *testing.T) {
	sorts := map[bool]int{}
	for _, m := range samples() {
		for _, r := range recordsOf(m) {
			sorts[r.First]++
		}
	}
	require.NotZero(t, sorts[false])
	require.NotZero(t, sorts[true])
}

func TestThereIsASampleOfEveryKindWithEveryFieldSet(t *testing.T) {
	have := map[Kind]bool{}
	for _, m := range samples() {
		have[m.kind()] = true
		wantNoZero(t, Name(m), reflect.ValueOf(m))
	}
	for k := range Kind(1000) {
		require.Equal(t, newMessage(k) != nil, have[k], "kind %d", k)
	}
	wantNoZero(t, "Beat", reflect.ValueOf(sampleBeat))
}

func TestEveryMessageComesBackAsItWas(t *testing.T) {
	for _, m := range samples() {
		t.Run(Name(m), func(t *testing.T) {
			payload := encoded(m)
			got, err := Decode(payload)
			require.NoError(t, err)
			require.Equal(t, m, got)

			clear(payload)
			require.Equal(t, m, got, "the message must share nothing with the frame")
		})
	}
}

func TestAnEmptyMessageComesBackAsItWas(t *testing.T) {
	for _, m := range []Message{
		&Goodbye{}, &Need{}, &Domains{}, &Digests{}, &Refuse{Domain: "d"}, &Table{Domain: "d"}, &Gossip{Domain: "d"},
		&HeldDown{Domain: "d", Cause: CauseSilent}, &Buckets{Domain: "d"}, &Sync{Domain: "d"}, &LookFor{Domain: "d"},
		&Looked{Domain: "d"}, &Confirm{Domain: "d"}, &Press{Domain: "d"},
	} {
		got, err := Decode(encoded(m))
		require.NoError(t, err, Name(m))
		require.Equal(t, m, got)

		// What a version before these fields would send: the required ones alone.
		e := fieldsOf(m.kind())
		if f := reflect.ValueOf(m).Elem().FieldByName("Domain"); f.IsValid() {
			e = fieldsOf(m.kind(), 1, "d")
			if m.kind() == KindHeldDown {
				e = fieldsOf(m.kind(), 1, "d", 3, uint64(CauseSilent))
			}
		}
		got, err = Decode(e)
		require.NoError(t, err, Name(m))
		require.Equal(t, m, got, "a missing field is the zero value")
	}
}

// put appends a value as tests write it: uint64 or int, string, []byte, bool,
// nil, raw for what is encoded already, or []any for an array.
func put(e *Encoder, v any) {
	switch v := v.(type) {
	case int:
		e.Uint(uint64(v))
	case uint64:
		e.Uint(v)
	case string:
		e.String(v)
	case []byte:
		e.Bin(v)
	case bool:
		e.Bool(v)
	case raw:
		e.Raw(v)
	case nil:
		e.Raw([]byte{0xc0})
	case []any:
		e.Array(len(v))
		for _, x := range v {
			put(e, x)
		}
	default:
		panic(v)
	}
}

type raw []byte

// mapOf encodes a map of the keys and values given in turn.
func mapOf(pairs ...any) raw {
	var e Encoder
	e.Map(len(pairs) / 2)
	for _, p := range pairs {
		put(&e, p)
	}
	return slices.Clone(e.Bytes())
}

// fieldsOf encodes a message of a kind with the fields given in turn.
func fieldsOf(k Kind, pairs ...any) []byte {
	var e Encoder
	e.Uint(uint64(k))
	e.Raw(mapOf(pairs...))
	return slices.Clone(e.Bytes())
}

// unknown are fields that no version so far has, of several types.
var unknown = []any{
	50, []any{1, mapOf("x", nil), "y"}, 63, raw{0xc7, 2, 9, 1, 2}, uint64(1 << 40), nil, 64, []byte{1},
}

// addUnknown adds the unknown fields to a map with a short header: two of them
// in front of the known ones, two behind.
func addUnknown(t *testing.T, m []byte) []byte {
	t.Helper()
	require.Less(t, m[0]&0x0f, byte(12), "the header has room")
	require.Equal(t, byte(0x80), m[0]&0xf0, "a short map")
	out := []byte{m[0] + 4}
	out = append(out, mapOf(unknown[:4]...)[1:]...)
	out = append(out, m[1:]...)
	return append(out, mapOf(unknown[4:]...)[1:]...)
}

func TestUnknownFieldsOfEveryMessageAreIgnored(t *testing.T) {
	for _, m := range samples() {
		payload := encoded(m)
		got, err := Decode(append([]byte{payload[0]}, addUnknown(t, payload[1:])...))
		require.NoError(t, err, Name(m))
		require.Equal(t, m, got)
	}
}

// What follows the known parts of an entry belongs to later versions.
func TestUnknownPartsOfEntriesAreIgnored(t *testing.T) {
	r, a, id := sampleRecord(1), sampleAccusation(1), idOf(9)
	record := []any{r.Body, r.Sig[:], "later", nil}
	accusation := []any{a.Body, a.Sig[:], []any{1, 2}}
	for _, c := range []struct {
		payload []byte
		want    Message
	}{
		{
			fieldsOf(KindDomains, 1, []any{[]any{"a", 1, nil}, []any{"b", 2}}),
			&Domains{[]DomainRole{{"a", Member}, {"b", Manager}}},
		},
		{
			fieldsOf(KindDigests, 1, []any{[]any{"a", 1, []any{}}, []any{"b", 2}}),
			&Digests{[]DomainDigest{{"a", 1}, {"b", 2}}},
		},
		{
			fieldsOf(KindTable, 1, "orders", 2, []any{record, record}, 3, []any{[]any{id[:], 1, 2, "x", 5, "later"}}),
			&Table{Domain: "orders", Records: []*Record{r, r}, Departures: []Departure{{id, 1, CauseCrashed, "x"}}},
		},
		{
			fieldsOf(KindGossip, 1, "orders", 3, []any{accusation, accusation},
				4, []any{[]any{id[:], 4, false, []any{accusation}, 1, nil}}),
			&Gossip{Domain: "orders", Accusations: []*Accusation{a, a}, Verdicts: []Verdict{{id, 4, false, []*Accusation{a}}}},
		},
	} {
		got, err := Decode(c.payload)
		require.NoError(t, err, Name(c.want))
		require.Equal(t, c.want, got)
	}
}

func TestUnknownKindsAreToldFromMalformedOnes(t *testing.T) {
	for _, k := range []Kind{0, 6, 9, 21, 127, 128, 1 << 32, 1<<64 - 1} {
		_, err := Decode(fieldsOf(k, 1, "d"))
		require.ErrorIs(t, err, ErrUnknownKind, "kind %d", k)
		require.NotErrorIs(t, err, ErrMalformed)
	}
	_, err := Decode(fieldsOf(KindBeat, 1, 1))
	require.ErrorIs(t, err, ErrUnknownKind, "a beat is read by DecodeBeat alone")
	for _, payload := range [][]byte{nil, {0xc0}, {0xa1, 'x'}, {0xff}, {0xcf, 1}} {
		_, err := Decode(payload)
		require.ErrorIs(t, err, ErrMalformed, "% x", payload)
		require.NotErrorIs(t, err, ErrUnknownKind)
	}
}

func TestABeatComesBackAsItWas(t *testing.T) {
	var e Encoder
	sampleBeat.Encode(&e)
	var d Decoder
	got, ok, err := DecodeBeat(&d, e.Bytes())
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, sampleBeat, got)

	got, ok, err = DecodeBeat(&d, append([]byte{1}, addUnknown(t, e.Bytes()[1:])...))
	require.NoError(t, err, "unknown fields of a beat are ignored")
	require.True(t, ok)
	require.Equal(t, sampleBeat, got)

	for _, payload := range [][]byte{nil, {2, 0x80}, {0xcc, 1, 0x80}} {
		_, ok, err := DecodeBeat(&d, payload)
		require.NoError(t, err)
		require.False(t, ok, "% x is no beat", payload)
	}
	for _, payload := range [][]byte{
		{1}, {1, 0x81, 1}, {1, 0x81, 1, 0xc0}, {1, 0x82, 1, 1, 1, 1}, {1, 0x80, 0}, {1, 0x90}, {1, 0x81, 0xc0, 1},
	} {
		_, ok, err := DecodeBeat(&d, payload)
		require.ErrorIs(t, err, ErrMalformed, "% x", payload)
		require.True(t, ok, "% x is meant as a beat", payload)
	}
}

func TestWordsForLogs(t *testing.T) {
	require.Equal(t, "beat", Name(nil))
	require.Equal(t, "HeldDown", Name(&HeldDown{}))
	require.Equal(t, "name held", NameHeld.String())
	require.Equal(t, "full", Full.String())
	require.Equal(t, "refused (7)", (Full + 1).String())
	require.Equal(t, "[silent refused replaced no reason]", fmt.Sprint([]Reason{Silent, Refused, Replaced, 9}))
	require.Equal(t, "orders node-1@10.0.0.1:4100 3.70001", sampleRecord(1).String())

	a := sampleAccusation(1)
	require.Equal(t, idOf(1).Short()+" accuses "+idOf(9).Short()+".4 (refused) #1099511627777", a.String())
	a.Raised = false
	require.Contains(t, a.String(), " withdraws ")
	require.Regexp(t, "^[0-9a-f]{32}$", idOf(1).String())
	require.Equal(t, idOf(1).String()[:8], idOf(1).Short())
}
