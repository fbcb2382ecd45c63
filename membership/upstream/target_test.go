package upstream

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever reads an old table and takes from it after its target was shut is
// either turned away, or was there in time to be waited for.
func TestNobodySlipsThroughAShutTarget(t *testing.T) {
	for range 300 {
		x := newTarget(new(member("10.0.0.1:80")), "80", "10.0.0.1:80")
		var released atomic.Bool
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for x.take() {
					if released.Load() {
						t.Error("taken after the release")
					}
					x.give(oneInFlight | oneWaiting)
				}
			})
		}
		held := false
		x.shut(func() func() {
			held = true
			return func() { released.Store(true) }
		})
		wg.Wait()
		require.Equal(t, held, released.Load(), "what is held is released once nobody waits")
		require.Equal(t, shutBit, x.load.Load(), "who was turned away is not counted")
	}
}

func TestShutTargetIsReleasedByTheLastAnswer(t *testing.T) {
	x := newTarget(new(member("10.0.0.1:80")), "80", "10.0.0.1:80")
	require.True(t, x.take())
	require.True(t, x.take())
	released := 0
	x.shut(func() func() { return func() { released++ } })
	require.False(t, x.take())
	x.give(oneWaiting)
	require.Zero(t, released)
	x.give(oneWaiting)
	require.Equal(t, 1, released, "answered, though still in flight")
	x.give(oneInFlight)
	x.give(oneInFlight)
	require.Equal(t, 1, released)
}
