package membership

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
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
	var turn atomic.Bool
	done := make(chan struct{})
	var v verifier
	go func() {
		turn.Store(true)
		close(done)
	}()
	for range verifyTurn {
		require.False(t, v.verify(wire.PublicKey{1}, "", nil, wire.Signature{}), "of no key")
	}
	require.True(t, turn.Load())
	<-done
}

// A dial whose end is noticed late has run out of this process's own time.
func TestWhatWasNoticedLateProvesNothing(t *testing.T) {
	silent := fmt.Errorf("a:1: %w", context.DeadlineExceeded)
	const due = time.Second
	require.Equal(t, machine.OutSilent, outcomeAt(due+noticedLate, due, silent))
	require.Equal(t, machine.OutLocal, outcomeAt(due+noticedLate+1, due, silent))
	require.Equal(t, machine.Answered, outcomeAt(due+time.Minute, due, nil))
}
