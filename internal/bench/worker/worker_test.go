package worker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMessagesKeepTheirOrderAndNobodyWaits(t *testing.T) {
	o := newOutbox()
	for i := range 1000 { // nobody reads yet
		o.put(Message{ID: i + 1})
	}
	in, out := io.Pipe()
	go o.write(out) // ends with the pipe
	decoder := json.NewDecoder(in)
	for i := range 1000 {
		var m Message
		require.NoError(t, decoder.Decode(&m))
		require.Equal(t, i+1, m.ID)
	}
	in.Close()
}

func TestAWorkerWhoseParentDoesNotReadEnds(t *testing.T) {
	o := newOutbox()
	o.list = make([]Message, waiting)
	require.Panics(t, func() { o.put(Message{}) })
}

func TestCommandsThatCannotBeDoneAreAnswered(t *testing.T) {
	for command, want := range map[string]string{
		`{"id":1,"do":"members","node":"x"}`:                                      `there is no node "x" here`,
		`{"id":1,"do":"start","options":{"subject":"serf"}}`:                      `unknown library "serf"`,
		`{"id":1,"do":"start","options":{"subject":"tribes/odd","address":":1"}}`: `tribes has no profile`,
	} {
		commands, tell := io.Pipe()
		answers, out := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- Run(commands, out) }()
		fmt.Fprintln(tell, command)
		var m Message
		require.NoError(t, json.NewDecoder(answers).Decode(&m))
		require.Equal(t, 1, m.ID)
		require.Contains(t, m.Error, want)
		tell.Close()
		require.NoError(t, <-done, "it ends when its input does")
	}
}

func TestStatsCountWhatIsThere(t *testing.T) {
	w := &worker{out: newOutbox()}
	s := w.stats()
	require.Positive(t, s.Heap)
	require.GreaterOrEqual(t, s.CPUAfter, s.CPU)
	require.Zero(t, s.Nodes)
	require.Error(t, Run(strings.NewReader("{"), new(bytes.Buffer)), "half a command")
}
