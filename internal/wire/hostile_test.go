package wire

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a peer could send that holds the key and means harm.

// bombs are values that announce or nest without end.
func bombs() map[string]raw {
	const huge = "\xff\xff\xff\xff"
	return map[string]raw{
		"array of 4 Gi":      raw("\xdd" + huge + "\x01"),
		"array of 64 Ki":     raw("\xdc\xff\xff\x01"),
		"map of 4 Gi":        raw("\xdf" + huge + "\x01\x01"),
		"map of 64 Ki":       raw("\xde\xff\xff\x01\x01"),
		"string of 4 GiB":    raw("\xdb" + huge + "x"),
		"binary of 4 GiB":    raw("\xc6" + huge + "x"),
		"extension of 4 GiB": raw("\xc9" + huge + "\x01x"),
		"arrays in arrays":   bytes.Repeat([]byte{0x91}, 1<<17),
		"maps in maps":       bytes.Repeat([]byte{0x81, 0x01}, 1<<17),
		"4 Gi in 4 Gi":       raw(strings.Repeat("\xdd"+huge, 1<<10)),
		"never used":         {0xc1},
		"nil":                {0xc0},
	}
}

// spend returns the bytes that decoding allocates, dead or alive, and the
// error. The runtime allocates for itself now and then, so the least of three
// counts.
func spend(payload []byte) (heap uint64, err error) {
	heap = math.MaxUint64
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = Decode(payload)
		runtime.ReadMemStats(&after)
		heap = min(heap, after.TotalAlloc-before.TotalAlloc)
	}
	return heap, err
}

// Every field of every message, of a record and of an accusation is offered
// every bomb. Most is what errors cost, which quote what they met.
func TestBombsFailAtOnceAndCostNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const most = 8 << 10
	start := time.Now()
	try := func(name string, payload []byte) {
		heap, err := spend(payload)
		require.ErrorIs(t, err, ErrMalformed, name)
		require.Less(t, heap, uint64(most), name)
	}
	for what, bomb := range bombs() {
		try(what+" for a message", append([]byte{byte(KindNeed)}, bomb...))
		for _, m := range samples() {
			for f := 1; f <= int(encoded(m)[1]&0x0f); f++ {
				try(fmt.Sprintf("%s in field %d of %s", what, f, Name(m)), fieldsOf(m.kind(), f, bomb))
			}
			if what != "nil" { // which is a sound value to skip
				try(what+" in an unknown field of "+Name(m), fieldsOf(m.kind(), 100, bomb))
			}
			try(what+" for a field number of "+Name(m), append([]byte{byte(m.kind()), 0x81}, bomb...))
		}
		for f := recKey; f <= recFollows; f++ {
			signedBomb := []any{bomb, make([]byte, 64)}
			try("for a body", fieldsOf(KindTable, 2, []any{signedBomb}))
			if len(bomb) < MaxAccusation {
				try(fmt.Sprintf("%s in field %d of a record", what, f), fieldsOf(KindTable, 2, []any{signedAs(mapOf(f, bomb))}))
				try(fmt.Sprintf("%s in field %d of an accusation", what, f), fieldsOf(KindGossip, 3, []any{signedAs(mapOf(f, bomb))}))
			}
		}
	}
	require.Less(t, time.Since(start), time.Minute)
}

func TestNilStandsForNoEntry(t *testing.T) {
	id := make([]byte, 16)
	for _, payload := range [][]byte{
		fieldsOf(KindTable, 1, "d", 2, []any{nil}),
		fieldsOf(KindTable, 1, "d", 2, []any{signedAs(body()), nil}),
		fieldsOf(KindTable, 1, "d", 2, nil),
		fieldsOf(KindTable, 1, "d", 2, []any{[]any{nil, make([]byte, 64)}}),
		fieldsOf(KindTable, 1, "d", 2, []any{[]any{[]byte(body()), nil}}),
		fieldsOf(KindTable, 1, "d", 2, []any{[]any{[]byte{}, make([]byte, 64)}}),
		fieldsOf(KindTable, 1, "d", 2, []any{[]any{[]byte(body())}}),
		fieldsOf(KindTable, 1, "d", 2, []any{[]any{[]byte(body()), make([]byte, 63)}}),
		fieldsOf(KindTable, 1, "d", 3, []any{nil}),
		fieldsOf(KindTable, 1, "d", 3, []any{[]any{id, 1, 1}}),
		fieldsOf(KindTable, 1, "d", 3, []any{[]any{nil, 1, 1, "x"}}),
		fieldsOf(KindGossip, 1, "d", 3, []any{nil}),
		fieldsOf(KindGossip, 1, "d", 4, []any{nil}),
		fieldsOf(KindGossip, 1, "d", 4, []any{[]any{}}),
		fieldsOf(KindGossip, 1, "d", 4, []any{[]any{id, 1, true}}),
		fieldsOf(KindGossip, 1, "d", 4, []any{[]any{id, 1, true, nil}}),
		fieldsOf(KindGossip, 1, "d", 4, []any{[]any{id, 1, true, []any{nil}}}),
		fieldsOf(KindJoin, 1, "d", 2, nil),
		fieldsOf(KindDomains, 1, []any{nil}),
		fieldsOf(KindDomains, 1, []any{[]any{"d"}}),
		fieldsOf(KindDigests, 1, []any{nil}),
		fieldsOf(KindRefuse, 1, "d", 4, []any{nil}),
		fieldsOf(KindBuckets, 1, "d", 2, nil),
		fieldsOf(KindBuckets, 1, "d", 2, []byte{}),
		fieldsOf(KindSync, 1, "d", 2, make([]byte, 31)),
	} {
		_, err := Decode(payload)
		require.ErrorIs(t, err, ErrMalformed, "% x", payload)
	}
}

func TestMessagesThatMakeNoSenseAreRefused(t *testing.T) {
	subject, other := idOf(9), idOf(8)
	verdict := func(id ID, inc int) []byte {
		return fieldsOf(KindGossip, 1, "d", 4, []any{[]any{id[:], inc, true, []any{signedAs(accBody(accIncarnation, 3))}}})
	}
	_, err := Decode(verdict(subject, 3))
	require.NoError(t, err)
	for says, payload := range map[string][]byte{
		"verdict on " + other.String():         verdict(other, 3),
		"verdict on " + subject.String():       verdict(subject, 4),
		`join of "" without a record`:          fieldsOf(KindJoin, 2, signedAs(body())),
		`join of "e" without a record`:         fieldsOf(KindJoin, 1, "e", 2, signedAs(body())),
		`join of "d" without a record`:         fieldsOf(KindJoin, 1, "d"),
		`record of domain "d" in a message`:    fieldsOf(KindSync, 1, "e", 3, []any{signedAs(body())}),
		`record of domain "d" in a`:            fieldsOf(KindGossip, 1, "e", 2, []any{signedAs(body())}),
		`accusation of domain "d" in a`:        fieldsOf(KindGossip, 1, "e", 4, []any{verdictOf(1)}),
		`domain "" with role 1`:                fieldsOf(KindDomains, 1, []any{[]any{"", 1}}),
		`domain "d" with role 0`:               fieldsOf(KindDomains, 1, []any{[]any{"d", 0}}),
		`domain "d" with role 3`:               fieldsOf(KindDomains, 1, []any{[]any{"d", 3}}),
		`domain "d" is named twice`:            fieldsOf(KindDomains, 1, []any{[]any{"d", 1}, []any{"e", 1}, []any{"d", 2}}),
		`Digests: malformed message: domain "`: fieldsOf(KindDigests, 1, []any{[]any{"d", 1}, []any{"e", 1}, []any{"d", 2}}),
		"Digests: malformed message: no dom":   fieldsOf(KindDigests, 1, []any{[]any{"", 1}}),
		"Table: malformed message: cause 0":    fieldsOf(KindTable, 1, "d", 3, []any{[]any{subject[:], 1, 0, "x"}}),
		"Table: malformed message: cause 5":    fieldsOf(KindTable, 1, "d", 3, []any{[]any{subject[:], 1, 5, "x"}}),
		"HeldDown: malformed message: cause 0": fieldsOf(KindHeldDown, 1, "d", 2, 1),
		"HeldDown: malformed message: cause 5": fieldsOf(KindHeldDown, 1, "d", 2, 1, 3, 5),
		"number 256 over 8 bits":               fieldsOf(KindGoodbye, 1, 256),
		"left over after the message":          append(fieldsOf(KindNeed, 1, true), 0),
	} {
		_, err := Decode(payload)
		require.ErrorIs(t, err, ErrMalformed, says)
		require.ErrorContains(t, err, says)
	}
	for _, m := range samples() {
		if k := m.kind(); k >= KindJoin && k != KindDialed && k != KindUnanswered {
			_, err := Decode([]byte{byte(m.kind()), 0x80})
			require.ErrorIs(t, err, ErrMalformed, "%s without a domain", Name(m))
		}
	}
}

// greedy are frames made to cost the reader as much memory as they can.
func greedy() map[string][]byte {
	// Names as short as they can be: many of a size that a string costs 16 bytes for.
	var list []any
	for i := range MaxProperties {
		list = append(list, string(rune(i)), "")
	}
	short := mapOf(list...)
	return map[string][]byte{
		"domains":               fieldsOf(KindDomains, 1, names(MaxDomains, func(k string) []any { return []any{[]any{k[2:], 1}} })),
		"digests":               fieldsOf(KindDigests, 1, names(MaxDomains, func(k string) []any { return []any{[]any{k[2:], 1}} })),
		"digests without names": fieldsOf(KindDigests, 1, many(MaxDomains, []any{"", 1})),
		"small records":         fieldsOf(KindTable, 1, "d", 2, many(MaxRecords, signedAs(body()))),
		"records that follow":   fieldsOf(KindTable, 1, "d", 2, many(MaxRecords, signedAs(body(recFollows, many(MaxDomains, ""))))),
		"records with properties": fieldsOf(KindTable, 1, "d", 2,
			many(MaxRecords, signedAs(body(recProperties, short)))),
		"records with both": fieldsOf(KindTable, 1, "d", 2,
			many(MaxRecords, signedAs(body(recProperties, short, recFollows, many(MaxDomains, ""))))),
		"accusations":   fieldsOf(KindGossip, 1, "d", 3, many(MaxAccusations, signedAs(accBody()))),
		"verdicts":      fieldsOf(KindGossip, 1, "d", 4, many(MaxVerdicts, verdictOf(MaxAccusers))),
		"bare verdicts": fieldsOf(KindGossip, 1, "d", 4, many(MaxVerdicts, verdictOf(0))),
		"departures":    fieldsOf(KindTable, 1, "d", 3, many(MaxDepartures, []any{make([]byte, 16), 1, 1, ""})),
		"others":        fieldsOf(KindRefuse, 1, "d", 4, many(MaxAddresses, "")),
		"bare buckets":  fieldsOf(KindBuckets, 1, "d"),
		"nothing":       fieldsOf(KindNeed),
	}
}

// A frame of n bytes must cost the reader no more than a fixed sum and a fixed
// multiple of n, whatever is in it and whether it is refused or not. The dead
// count as well, as a peer may send such frames without end.
func TestMemoryIsInProportionToTheFrame(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const fixed, perByte = 4 << 10, 32
	all := greedy()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		payload := all[name]
		heap, err := spend(payload)
		t.Logf("%-24s %7d bytes of frame, %8d of heap, ratio %5.1f, refused %v",
			name, len(payload), heap, float64(heap)/float64(len(payload)), err != nil)
		require.Less(t, heap, uint64(fixed+perByte*len(payload)), name)
	}
}
