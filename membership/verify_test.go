package membership

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/wire"
)

// With one processor, another goroutine has a turn before a table is checked,
// which takes less than what the runtime gives a goroutine at a time.
func TestOthersHaveATurnWhileSignaturesAreChecked(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	turn, done := false, make(chan struct{})
	var v verifier
	go func() {
		turn = true
		close(done)
	}()
	for range verifyTurn {
		require.False(t, v.verify(wire.PublicKey{1}, "", nil, wire.Signature{}), "of no key")
	}
	require.True(t, turn)
	<-done
}

// A dial whose end is noticed late has run out of this process's own time.
func TestWhatWasNoticedLateProvesNothing(t *testing.T) {
	silent := fmt.Errorf("a:1: %w", context.DeadlineExceeded)
	in := func(d time.Duration) context.Context {
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(d))
		t.Cleanup(cancel)
		return ctx
	}
	require.Equal(t, machine.OutSilent, outcomeIn(in(0), silent))
	require.Equal(t, machine.OutLocal, outcomeIn(in(-2*noticedLate), silent))
	require.Equal(t, machine.Answered, outcomeIn(in(-2*noticedLate), nil))
}
