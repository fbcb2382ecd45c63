package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// begin starts a demo on free ports and waits until it is complete.
func begin(t *testing.T, out io.Writer) *demo {
	t.Helper()
	d, err := start(free, &screen{out: out}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(d.close)
	ctx, cancel := context.WithTimeout(t.Context(), joinTime)
	defer cancel()
	require.NoError(t, d.ready(ctx))
	return d
}

func TestCheckShowsThatTrafficGoesOn(t *testing.T) {
	var out, log bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-check"}, &out, &log), "%s", &out)
	require.Contains(t, out.String(), "removed (crashed)")
	require.Contains(t, out.String(), "ok: traffic went on")
	require.Empty(t, log.String())
}

// A check that cannot fail shows nothing.
func TestCheckFailsWhenANodeDoesNotAnswer(t *testing.T) {
	d := begin(t, io.Discard)
	d.nodes[1].web.Close()
	require.ErrorContains(t, d.check(t.Context(), d.show), "node-1 answered 20 of 20 requests, want 10")
}

func TestEverybodyLeavesInTheEnd(t *testing.T) {
	var out bytes.Buffer
	d := begin(t, &out)
	d.show.table(d.group.View())
	d.leave(slog.New(slog.DiscardHandler))
	d.close()
	require.Contains(t, out.String(), "balancer   view", "the events have their views")
	require.Contains(t, out.String(), "(left)", "the balancer was told")
	require.Contains(t, out.String(), "node-2  "+d.nodes[1].node.Self().Address)
	_, err := http.Get("http://" + d.balancer.web.Addr())
	require.Error(t, err, "nobody serves any more")
}

func TestTakenPortIsAnErrorThatSaysWhose(t *testing.T) {
	d := begin(t, io.Discard)
	taken := free
	taken.nodes[1].http = d.balancer.web.Addr()
	_, err := start(taken, &screen{out: io.Discard}, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, `node-2: -http "`+d.balancer.web.Addr()+`"`)
}
