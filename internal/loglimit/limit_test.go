package loglimit

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLogLinesAreFew(t *testing.T) {
	var l Lines
	now := time.Unix(1000, 0)
	_, ok := l.Allow("a", now)
	require.True(t, ok)
	for range 5 {
		_, ok = l.Allow("a", now.Add(Period-1))
		require.False(t, ok)
	}
	skipped, ok := l.Allow("a", now.Add(Period))
	require.True(t, ok)
	require.Equal(t, 5, skipped)

	now = now.Add(Period)
	written := 0
	for i := range 5000 {
		if _, ok := l.Allow(strconv.Itoa(i), now); ok {
			written++
		}
	}
	require.Equal(t, MaxHosts, written, "1,023 hosts beside a, and one line for all others")
	require.LessOrEqual(t, len(l.hosts), MaxHosts+1)
	_, ok = l.Allow("new", now.Add(Period))
	require.True(t, ok)
	require.LessOrEqual(t, len(l.hosts), 2, "old entries are forgotten when there is no room")
}
