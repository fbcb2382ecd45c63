package wire

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// many returns n copies of v.
func many(n int, v any) []any { return slices.Repeat([]any{v}, n) }

// names returns n pairs or properties with names of their own.
func names(n int, make func(name string) []any) (out []any) {
	for i := range n {
		out = append(out, make(fmt.Sprintf("%05d", i))...)
	}
	return out
}

// bodyOf pads a body with an unknown field to a size.
func bodyOf(size int, build func(pairs ...any) raw) raw {
	for pad := size; pad > 0; pad-- {
		if b := build(100, make([]byte, pad)); len(b) == size {
			return b
		}
	}
	panic(size)
}

// Each limit is met exactly, which is taken, and passed by one, which is not.
func TestEveryLimitHolds(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	record := func(pairs ...any) []byte { return fieldsOf(KindTable, 1, "d", 2, []any{signedAs(body(pairs...))}) }
	id := make([]byte, 16)
	for name, c := range map[string]struct {
		limit int
		frame func(n int) []byte
	}{
		"MaxText, domain of a message": {MaxText, func(n int) []byte { return fieldsOf(KindPress, 1, text(n)) }},
		"MaxText, address to look for": {MaxText, func(n int) []byte { return fieldsOf(KindLookFor, 1, "d", 4, text(n)) }},
		"MaxText, domain of a record": {MaxText, func(n int) []byte {
			return fieldsOf(KindTable, 1, text(min(n, MaxText)), 2, []any{signedAs(body(recDomain, text(n)))})
		}},
		"MaxText, domain of an accusation": {MaxText, func(n int) []byte {
			return fieldsOf(KindGossip, 1, text(min(n, MaxText)), 3, []any{signedAs(accBody(accDomain, text(n)))})
		}},
		"MaxText, name":       {MaxText, func(n int) []byte { return record(recName, text(n)) }},
		"MaxText, address":    {MaxText, func(n int) []byte { return record(recAddress, text(n)) }},
		"MaxText, sub-domain": {MaxText, func(n int) []byte { return record(recSubDomain, text(n)) }},
		"MaxText, follows":    {MaxText, func(n int) []byte { return record(recFollows, []any{text(n)}) }},
		"MaxText, departure":  {MaxText, func(n int) []byte { return fieldsOf(KindTable, 1, "d", 3, []any{[]any{id, 1, 1, text(n)}}) }},
		"MaxText, others":     {MaxText, func(n int) []byte { return fieldsOf(KindRefuse, 1, "d", 4, []any{text(n)}) }},
		"MaxText, domain":     {MaxText, func(n int) []byte { return fieldsOf(KindDomains, 1, []any{[]any{text(n), 1}}) }},
		"MaxText, digest":     {MaxText, func(n int) []byte { return fieldsOf(KindDigests, 1, []any{[]any{text(n), 1}}) }},
		"MaxProperties": {MaxProperties, func(n int) []byte {
			return record(recProperties, mapOf(names(n, func(k string) []any { return []any{k, ""} })...))
		}},
		"MaxPropertySum, one value": {MaxPropertySum, func(n int) []byte { return record(recProperties, mapOf("k", text(n-1))) }},
		"MaxPropertySum, one key":   {MaxPropertySum, func(n int) []byte { return record(recProperties, mapOf(text(n), "")) }},
		"MaxPropertySum, of two": {MaxPropertySum, func(n int) []byte {
			return record(recProperties, mapOf("j", text(n/2-1), "k", text(n-n/2-1)))
		}},
		"MaxBody": {MaxBody, func(n int) []byte {
			return fieldsOf(KindTable, 1, "d", 2, []any{signedAs(bodyOf(n, body))})
		}},
		"MaxAccusation": {MaxAccusation, func(n int) []byte {
			return fieldsOf(KindGossip, 1, "d", 3, []any{signedAs(bodyOf(n, accBody))})
		}},
		"MaxDomains, domains": {MaxDomains, func(n int) []byte {
			return fieldsOf(KindDomains, 1, names(n, func(k string) []any { return []any{[]any{k, 1}} }))
		}},
		"MaxDomains, digests": {MaxDomains, func(n int) []byte {
			return fieldsOf(KindDigests, 1, names(n, func(k string) []any { return []any{[]any{k, 1}} }))
		}},
		"MaxDomains, follows": {MaxDomains, func(n int) []byte { return record(recFollows, many(n, "x")) }},
		"MaxRecords, table":   {MaxRecords, func(n int) []byte { return fieldsOf(KindTable, 1, "d", 2, many(n, signedAs(body()))) }},
		"MaxRecords, gossip":  {MaxRecords, func(n int) []byte { return fieldsOf(KindGossip, 1, "d", 2, many(n, signedAs(body()))) }},
		"MaxRecords, sync":    {MaxRecords, func(n int) []byte { return fieldsOf(KindSync, 1, "d", 3, many(n, signedAs(body()))) }},
		"MaxAccusations": {MaxAccusations, func(n int) []byte {
			return fieldsOf(KindGossip, 1, "d", 3, many(n, signedAs(accBody())))
		}},
		"MaxVerdicts":          {MaxVerdicts, func(n int) []byte { return fieldsOf(KindGossip, 1, "d", 4, many(n, verdictOf(0))) }},
		"MaxAccusers":          {MaxAccusers, func(n int) []byte { return fieldsOf(KindGossip, 1, "d", 4, []any{verdictOf(n)}) }},
		"MaxDepartures, table": {MaxDepartures, func(n int) []byte { return fieldsOf(KindTable, 1, "d", 3, many(n, []any{id, 1, 1, ""})) }},
		"MaxDepartures, sync":  {MaxDepartures, func(n int) []byte { return fieldsOf(KindSync, 1, "d", 4, many(n, []any{id, 1, 1, ""})) }},
		"MaxAddresses":         {MaxAddresses, func(n int) []byte { return fieldsOf(KindRefuse, 1, "d", 4, many(n, "x")) }},
		"MaxReason, refusal":   {MaxReason, func(n int) []byte { return fieldsOf(KindRefuse, 1, "d", 3, text(n)) }},
		"MaxReason, looked":    {MaxReason, func(n int) []byte { return fieldsOf(KindLooked, 1, "d", 6, text(n)) }},
		"MaxFields, message":   {MaxFields, func(n int) []byte { return fieldsOf(KindNeed, unknownFields(n)...) }},
		"MaxFields, record":    {MaxFields, func(n int) []byte { return record(unknownFields(n - 5)...) }},
		"MaxFields, accusation": {MaxFields, func(n int) []byte {
			return fieldsOf(KindGossip, 1, "d", 3, []any{signedAs(accBody(unknownFields(n - 4)...))})
		}},
		"MaxParts, signed body": {MaxParts, func(n int) []byte {
			return fieldsOf(KindTable, 1, "d", 2, []any{append(signedAs(body()), many(n-2, 1)...)})
		}},
		"MaxParts, pair": {MaxParts, func(n int) []byte { return fieldsOf(KindDomains, 1, []any{append([]any{"d", 1}, many(n-2, 1)...)}) }},
		"MaxParts, verdict": {MaxParts, func(n int) []byte {
			return fieldsOf(KindGossip, 1, "d", 4, []any{append(verdictOf(1), many(n-4, 1)...)})
		}},
		"MaxParts, departure": {MaxParts, func(n int) []byte {
			return fieldsOf(KindTable, 1, "d", 3, []any{append([]any{id, 1, 1, ""}, many(n-4, 1)...)})
		}},
		"MaxText, asked for":     {MaxText, func(n int) []byte { return fieldsOf(KindAskWhy, 1, "d", 2, text(n)) }},
		"MaxText, to be dialled": {MaxText, func(n int) []byte { return fieldsOf(KindAskDial, 1, text(n)) }},
		"MaxReason, dialled":     {MaxReason, func(n int) []byte { return fieldsOf(KindDialed, 5, text(n)) }},
		"MaxReason, no answer":   {MaxReason, func(n int) []byte { return fieldsOf(KindUnanswered, 2, text(n)) }},
		"MaxRecords, view": {MaxRecords, func(n int) []byte {
			return fieldsOf(KindSeen, 1, "d", 6, many(n, []any{id, "", "", "", 1, 1, 1, 0, mapOf()}))
		}},
		"MaxWords, watchers": {MaxWords, func(n int) []byte {
			return fieldsOf(KindWhy, 1, "d", 7, many(n, []any{id, "", true, 1, 1}))
		}},
		"MaxWords, accusations": {MaxWords, func(n int) []byte { return fieldsOf(KindWhy, 1, "d", 8, many(n, []any{id, "", 1})) }},
		"MaxWords, evidence": {MaxWords, func(n int) []byte {
			return fieldsOf(KindWhy, 1, "d", 10, []any{1, 1, 1, true, many(n, []any{id, "", 1})})
		}},
		"MaxTransitions": {MaxTransitions, func(n int) []byte { return fieldsOf(KindWhy, 1, "d", 9, many(n, []any{1, 1, 1, 1, 1})) }},
		"MaxParts, participant": {MaxParts, func(n int) []byte {
			return fieldsOf(KindSeen, 1, "d", 6, []any{append([]any{id, "", "", "", 1, 1, 1, 0, mapOf()}, many(n-9, 1)...)})
		}},
		"bytes of all bucket sums": {8 * BucketCount, func(n int) []byte { return fieldsOf(KindBuckets, 1, "d", 2, make([]byte, n)) }},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(c.frame(c.limit))
			require.NoError(t, err, "the limit itself")
			_, err = Decode(c.frame(c.limit + 1))
			require.ErrorIs(t, err, ErrMalformed, "one more")
		})
	}
	var d Decoder
	_, _, err := DecodeBeat(&d, fieldsOf(KindBeat, unknownFields(MaxFields)...))
	require.NoError(t, err)
	_, _, err = DecodeBeat(&d, fieldsOf(KindBeat, unknownFields(MaxFields+1)...))
	require.ErrorIs(t, err, ErrMalformed, "a beat of too many fields")
}

// A newer version may refuse less than an older one, but must not send more:
// a change here is a change of the wire, as one of the golden bytes is.
func TestLimitsHaveNotChanged(t *testing.T) {
	require.Equal(t, []int{255, 256, 16384, 32768, 1024, 256, 512, 512, 64, 64, 512, 16, 1024, 64, 64, 16, 16, 256}, []int{
		MaxText, MaxProperties, MaxPropertySum, MaxBody, MaxAccusation, MaxDomains, MaxRecords, MaxAccusations,
		MaxVerdicts, MaxAccusers, MaxDepartures, MaxAddresses, MaxReason, MaxFields,
		MaxWords, MaxTransitions, MaxParts, BucketCount,
	})
}

// verdictOf returns a verdict with a number of accusers.
func verdictOf(accusers int) []any {
	subject := idOf(9)
	return []any{subject[:], 0, true, many(accusers, signedAs(accBody()))}
}

// unknownFields returns n fields that no version knows.
func unknownFields(n int) (out []any) {
	for i := range n {
		out = append(out, 1000+i, true)
	}
	return out
}

// A limit that counts for each appearance of a field would be none.
func TestNoFieldComesTwice(t *testing.T) {
	for _, m := range samples() {
		payload := encoded(m)
		twice := []byte{payload[0], min(payload[1]&0x0f*2, 15) | 0x80}
		twice = append(append(twice, payload[2:]...), payload[2:]...)
		_, err := Decode(twice)
		require.ErrorIs(t, err, ErrMalformed, Name(m))
		require.ErrorContains(t, err, "field 1 comes twice")
	}
}

// The largest accusation of this version leaves room for fields to come.
func TestTheLargestAccusationIsWithinItsLimit(t *testing.T) {
	a := &Accusation{
		Domain: strings.Repeat("x", MaxText), Subject: idOf(1), Incarnation: 1<<32 - 1, Raised: true, Reason: Replaced, Seq: 1<<64 - 1,
		Birth: birth(2),
	}
	a.Seal(signer(1))
	require.Less(t, len(a.Body), MaxAccusation/2)
	_, err := Decode(encoded(&Gossip{Domain: a.Domain, Accusations: []*Accusation{a}}))
	require.NoError(t, err)
}
