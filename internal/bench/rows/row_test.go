package rows

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// begins has a job begin fleets of which the first few are late, and says how many it began.
func begins(ctx context.Context, late int, other error) (begun int, samples []Sample, err error) {
	j := Job{out: new(Result)}
	err = j.begin(ctx, time.Minute, func(ctx context.Context) error {
		if begun++; begun <= late {
			<-ctx.Done()
			return ctx.Err()
		}
		return other
	})
	return begun, j.out.Samples, err
}

func TestALateFleetIsBegunAnewAndTheFiguresSaySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, samples, err := begins(t.Context(), 2, nil)
		require.NoError(t, err)
		require.Equal(t, 3, begun)
		require.Equal(t, []Sample{{"fleets before that were not whole in time", "", 2}}, samples)
	})
}

func TestAFleetThatIsWholeAtOnceAddsNoFigure(t *testing.T) {
	begun, samples, err := begins(t.Context(), 0, nil)
	require.NoError(t, err)
	require.Equal(t, 1, begun)
	require.Empty(t, samples)
}

func TestALateFleetIsNotBegunForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		begun, samples, err := begins(t.Context(), 99, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, fleetsMost, begun)
		require.Equal(t, fleetsMost*time.Minute, time.Since(began))
		require.Empty(t, samples)
	})
}

func TestAFleetThatFailsIsNotBegunAnew(t *testing.T) {
	refused := errors.New("refused")
	begun, _, err := begins(t.Context(), 0, refused)
	require.ErrorIs(t, err, refused)
	require.Equal(t, 1, begun, "an error that is not of time would only come again")
}

func TestAJobThatIsOverBeginsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		begun, _, err := begins(ctx, 99, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 1, begun)
	})
}

func TestWhatIsQuickIsMeasuredMoreOften(t *testing.T) {
	require.True(t, moreKills(0, 0))
	require.True(t, moreKills(killsEach-1, time.Hour), "however slow")
	require.False(t, moreKills(killsEach, killsFor))
	require.True(t, moreKills(killsMost-1, killsFor-1))
	require.False(t, moreKills(killsMost, 0))
}

func TestAFleetThatDoesNotBecomeWholeIsToldFromOneThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		require.ErrorIs(t, settled(t.Context(), time.Minute, late), errNotWhole)

		over, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NotErrorIs(t, settled(over, time.Minute, late), errNotWhole, "the whole job has no time left")

		refused := errors.New("refused")
		err := settled(t.Context(), time.Minute, func(context.Context) error { return refused })
		require.ErrorIs(t, err, refused)
		require.NotErrorIs(t, err, errNotWhole)
		require.NoError(t, settled(t.Context(), time.Minute, func(context.Context) error { return nil }))
	})
}
