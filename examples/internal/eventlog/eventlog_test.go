package eventlog_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/eventlog"
	"github.com/gotribes/tribes/membership"
)

func member(n byte) membership.Member {
	return membership.Member{
		ID: membership.ID{n}, Name: "node", Domain: "d", Address: "127.0.0.1:4100", SubDomain: "worker", State: membership.Alive,
	}
}

func TestLineHasTheWholeMember(t *testing.T) {
	var out bytes.Buffer
	m := member(1).WithProperties(map[string]string{"httpPort": "9763"})
	m.State = membership.Failed
	eventlog.New(&out).Change(membership.Change{
		View:   membership.MakeView("d", 3, nil),
		Events: []membership.Event{{Kind: membership.MemberRemoved, Cause: membership.CauseCrashed, Member: m}},
	}, membership.ID{})
	var line struct{ Time string }
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	_, err := time.Parse(time.RFC3339Nano, line.Time)
	require.NoError(t, err)
	require.Equal(t, `{"time":"`+line.Time+`","event":"memberRemoved","cause":"crashed","domain":"d","view":3,`+
		`"member":{"id":"01000000000000000000000000000000","name":"node","address":"127.0.0.1:4100","state":"failed",`+
		`"subDomain":"worker","properties":{"httpPort":"9763"}}}`+"\n", out.String())
}

func TestWhatIsMissingIsNotNull(t *testing.T) {
	var out bytes.Buffer
	w := eventlog.New(&out)
	w.Change(membership.Change{}, membership.ID{})
	w.Ready(membership.MakeView("d", 2, nil), member(1))
	require.Contains(t, out.String(), `"event":"ready","domain":"d","view":2`)
	require.Contains(t, out.String(), `"properties":{}`)
	require.NotContains(t, out.String(), "cause")
}

func TestReadyComesAfterTheFirstChange(t *testing.T) {
	var out bytes.Buffer
	w := eventlog.New(&out)
	w.Ready(membership.MakeView("d", 1, nil), member(1))
	require.Empty(t, out.String())
	added := []membership.Event{{Kind: membership.MemberAdded, Member: member(1)}}
	w.Change(membership.Change{Events: added}, membership.ID{1})
	w.Change(membership.Change{Events: added}, membership.ID{1})
	var events []string
	for l := range strings.Lines(out.String()) {
		var line struct{ Event string }
		require.NoError(t, json.Unmarshal([]byte(l), &line))
		events = append(events, line.Event)
	}
	require.Equal(t, []string{"memberAdded", "ready", "memberAdded"}, events)
}

func TestOwnArrivalComesFirst(t *testing.T) {
	var out bytes.Buffer
	added := func(n byte) membership.Event {
		return membership.Event{Kind: membership.MemberAdded, Member: member(n)}
	}
	eventlog.New(&out).Change(membership.Change{Events: []membership.Event{added(1), added(2), added(3)}}, membership.ID{2})
	var ids []string
	for l := range strings.Lines(out.String()) {
		var line struct{ Member struct{ ID string } }
		require.NoError(t, json.Unmarshal([]byte(l), &line))
		ids = append(ids, line.Member.ID[:2])
	}
	require.Equal(t, []string{"02", "01", "03"}, ids)
}

// Lines of several groups come from several goroutines.
func TestLinesAreNeverMixed(t *testing.T) {
	var out bytes.Buffer
	w := eventlog.New(&out)
	w.Change(membership.Change{}, membership.ID{})
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for range 50 {
				w.Ready(membership.View{}, member(byte(n)))
			}
		})
	}
	wg.Wait()
	lines, last := 0, ""
	for l := range strings.Lines(out.String()) {
		var line struct{ Time string }
		require.NoError(t, json.Unmarshal([]byte(l), &line))
		require.GreaterOrEqual(t, line.Time, last, "the times of the lines never go back")
		lines, last = lines+1, line.Time
	}
	require.Equal(t, 400, lines)
}

func TestNilWriterIsSilent(t *testing.T) {
	var w *eventlog.Writer
	w.Ready(membership.View{}, member(1))
	w.Change(membership.Change{Events: []membership.Event{{}}}, membership.ID{})
}
