package traffic

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
)

func TestRatesAreOfTheLastWholeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Book
		id := membership.ID{1}
		for range 20 {
			for i := range 100 {
				b.Count("d", id, i < 10, 4*time.Millisecond)
			}
			time.Sleep(time.Second)
		}
		f := b.Member("d", id)
		require.Equal(t, uint64(2000), f.Requests)
		require.InDelta(t, 100, f.PerSecond, 0.001)
		require.InDelta(t, 10, f.ErrorsPerSecond, 0.001)
		require.Equal(t, f, b.Domain("d"), "all requests of the domain went to that member")

		h := b.History("d")
		require.Len(t, h, HistorySeconds)
		require.Equal(t, Second{Requests: 100, Errors: 10}, h[HistorySeconds-1], "the newest is the last whole second")
		require.Equal(t, Second{}, h[HistorySeconds-21], "nothing before the first")
		require.Empty(t, b.History("other"))

		time.Sleep(Window + time.Second)
		f = b.Member("d", id)
		require.Zero(t, f.PerSecond, "nothing came within the window")
		require.Zero(t, f.Median)
		require.Equal(t, uint64(200), f.Errors, "totals stay")
	})
}

func TestLatenciesAreTheBoundsOfTheirBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Book
		for i := range 100 {
			took := 10 * time.Millisecond
			if i >= 98 {
				took = time.Second
			}
			b.Count("d", membership.ID{}, false, took)
		}
		time.Sleep(time.Second)
		f := b.Domain("d")
		require.GreaterOrEqual(t, f.Median, 10*time.Millisecond)
		require.Less(t, f.Median, 15*time.Millisecond, "a bucket is 1.41 times as wide as the one before")
		require.GreaterOrEqual(t, f.Slow, time.Second)
		require.Less(t, f.Slow, 1500*time.Millisecond)
		for i := range buckets - 1 {
			require.Equal(t, i, bucket(upper(i)-time.Microsecond), "bucket %d", i)
		}
		require.Equal(t, buckets-1, bucket(time.Hour), "the last one has no bound")
	})
}

func TestMembersAreForgottenAndBounded(t *testing.T) {
	var b Book
	for i := range mostMembers + 10 {
		b.Count("d", membership.ID{byte(i), byte(i >> 8), byte(i >> 16), 1}, false, 0)
	}
	require.Len(t, b.members, mostMembers)
	require.Equal(t, uint64(mostMembers+10), b.Domain("d").Requests)
	b.Keep("d", func(id membership.ID) bool { return id == membership.ID{1, 0, 0, 1} })
	require.Len(t, b.members, 1)
	b.Keep("other", func(membership.ID) bool { return false })
	require.Len(t, b.members, 1, "other domains are left alone")
}
