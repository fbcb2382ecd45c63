package membership

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

// Three nodes on real sockets, in one process.
func TestLoopback(t *testing.T) {
	if testing.Short() {
		t.Skip("uses real sockets; runs without -short")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	first := listenLoopback(t)
	known := wka.List{first.Addr().String()}
	lb, err := Join(ctx, Config{Domain: "lb", Manage: []string{"d"}, Listener: first, WellKnown: known})
	require.NoError(t, err)
	defer func() { _ = lb.Close() }()
	var nodes []*Node
	for range 2 {
		n, err := Join(ctx, Config{Domain: "d", Listener: listenLoopback(t), WellKnown: known})
		require.NoError(t, err)
		defer func() { _ = n.Close() }()
		_, err = n.Ready(ctx)
		require.NoError(t, err)
		nodes = append(nodes, n)
	}
	g, _ := lb.Group("d")
	require.Equal(t, 2, g.View().Len(), "both were confirmed")
	report, err := nodes[0].Leave(ctx)
	require.NoError(t, err)
	require.Len(t, report.Confirmed, 1)
	t.Logf("left after %v", report.Took)
	require.Eventually(t, func() bool { return g.View().Len() == 1 }, 10*time.Second, time.Millisecond)
	stats := lb.Stats()
	require.NotZero(t, stats.BeatsReceived)
	require.NotZero(t, stats.BytesSent)
}
